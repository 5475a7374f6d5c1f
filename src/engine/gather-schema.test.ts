import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { NOTHING_KNOWN } from '../core/migration/migration.ts';
import { buildPlan } from '../core/plan/build-plan.ts';
import { planBytes } from '../core/plan/plan-digest.ts';
import { configWith, factsWith, request } from '../core/plan/plan-fixture.suite.ts';
import { realClock } from '../platform/clock.ts';
import { createRelease } from '../state/releases.ts';
import { journalBackup } from '../state/sealed-backups.ts';
import { beginStep, finishStep } from '../state/step-runs.ts';
import { gatherSchema } from './gather-schema.ts';

const SHOP = { service: 'shop', environment: 'production' };
let memory: TestDatabase;
beforeAll(async () => {
  memory = await createTestDatabase();
});
afterAll(() => memory.remove());

/** A release whose tool shows the way down, or that there is none, and whose migration has run. */
async function migrated(down: { sql: string } | null): Promise<string> {
  const migration = {
    name: 'preview',
    dialect: 'postgresql' as const,
    up: [],
    irreversible: null,
    inTransaction: null,
  };
  const shown = { ...migration, down: down === null ? null : [] };
  const facts = factsWith({ pending: { migration: shown, facts: NOTHING_KNOWN, sqlDigest: 'sha256:1' } });
  const plan = buildPlan(configWith(), request, facts, 'sha256:c');
  const { db } = memory.database;
  const id = await createRelease(db, {
    ...SHOP,
    project: 'here',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: '1.0.0',
    plan: planBytes(plan),
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [{ id: 'migrate.up', phase: 'migrate', kind: 'migrate-up', title: 'migrate' }],
  });
  const address = { ...SHOP, releaseId: id, stepId: 'migrate.up', executor: 'e1' };
  const { row } = await beginStep(memory.database, address, { waitsForDisk: false });
  await finishStep(memory.database, address, row.attempt, { before: '7', after: '8' });
  return id;
}

test('a migration of which the tool showed no way down has none for the rollback that comes later', async () => {
  const [without, shown] = [await migrated(null), await migrated({ sql: '' })];
  const { releases } = await gatherSchema(memory.database, SHOP, realClock.nowMs());
  expect(releases[without]).toMatchObject({
    reversible: false,
    down: { state: 'none', why: 'the migration has no way down' },
  });
  expect(releases[shown]).toMatchObject({ reversible: true, down: { state: 'unproven' } });
});

test('a restore is dated by the moment that the backup is of, and by the revision found then, not by when it was sealed', async () => {
  const place = { service: 'till', environment: 'production' };
  const frame = { release: null, ...place, actor: { kind: 'system' as const, id: 'backups' } };
  const { db } = memory.database;
  const consistentAt = '2026-11-21T00:00:00.000Z';
  const sealed = { backup: 'bk_1', level: 2, consistentAt, revision: '7' };
  await journalBackup(db, { ...frame, type: 'backup.sealed', data: sealed });
  await journalBackup(db, { ...frame, type: 'backup.sealed', data: { backup: 'bk_2', level: 2 } });
  for (const backup of ['bk_1', 'bk_2', 'bk_3'])
    await journalBackup(db, { ...frame, type: 'backup.restored', data: { backup } });
  const { events } = await gatherSchema(memory.database, place, realClock.nowMs());
  expect(events).toMatchObject([
    { kind: 'restored', takenAt: consistentAt, takenRevision: '7' },
    // Older entries say no more than when they were written.
    { kind: 'restored', takenAt: expect.stringMatching(/^20/) as string, takenRevision: null },
    { kind: 'restored', takenAt: null },
  ]);
});
