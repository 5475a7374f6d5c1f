import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { backupNeeds } from './backup-needs.ts';
import { createRelease } from './releases.ts';

let memory: TestDatabase;
beforeAll(async () => {
  memory = await createTestDatabase();
});
afterAll(() => memory.remove());

test('of a release that is not over both stay: the backup to restore, and the one with the files of the way down', async () => {
  const { db } = memory.database;
  const inputs = [{ backup: 'bk_one' }, { downFrom: 'before:r-0002' }, { downFrom: null }];
  const release = await createRelease(db, {
    project: 'here',
    service: 'shop',
    environment: 'production',
    kind: 'rollback',
    releaseType: 'rollback',
    version: '1.0.0',
    previousVersion: '1.1.0',
    plan: JSON.stringify({ phases: [{ name: 'data', steps: inputs.map((input) => ({ input, undo: null })) }] }),
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: 'bad',
    speed: 1,
    steps: [],
  });
  const { open } = await backupNeeds(db, { service: 'shop', environment: 'production' });
  expect(open).toEqual([{ release, backups: ['bk_one', 'before:r-0002'] }]);
});
