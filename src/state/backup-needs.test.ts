import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { backupNeeds } from './backup-needs.ts';
import { createRelease } from './releases.ts';
import { beginStep, finishStep } from './step-runs.ts';

let memory: TestDatabase;
beforeAll(async () => {
  memory = await createTestDatabase();
});
afterAll(() => memory.remove());

/** What every release of these tests is. */
const SHOP = { service: 'shop', environment: 'production' };
const FRAME = { project: 'here', plan: '{}', planDigest: 'sha256:0', requestedBy: 'ana', reason: null, speed: 1 };

test('what was taken before a change of the schema stays for the version before it, also when its release did not become stable', async () => {
  const { db } = memory.database;
  const released = { ...FRAME, service: 'till', environment: 'production', kind: 'release' as const };
  const kind = { ...released, releaseType: 'regular' };
  const stable = await createRelease(db, { ...kind, version: '2.0.0', previousVersion: null, steps: [] });
  await db
    .updateTable('shipway.release')
    .set({ state: 'stable', finished_at: '2020-01-01T00:00:00.000Z' })
    .where('id', '=', stable)
    .execute();
  const steps = [{ id: 'migrate.up', phase: 'migrate', kind: 'migrate-up', title: 'migrate' }] as const;
  const failed = await createRelease(db, { ...kind, version: '3.0.0', previousVersion: '2.0.0', steps: [...steps] });
  const address = { ...SHOP, service: 'till', releaseId: failed, stepId: 'migrate.up', executor: 'e1' };
  const { row } = await beginStep(memory.database, address, { waitsForDisk: false });
  await finishStep(memory.database, address, row.attempt, { before: '6', after: '7' });
  const { targets } = await backupNeeds(db, { service: 'till', environment: 'production' });
  expect(targets).toEqual([
    { version: '2.0.0', release: stable },
    { version: '2.0.0', release: failed },
  ]);
});

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
