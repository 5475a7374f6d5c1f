import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { NOTHING_KNOWN } from '../core/migration/migration.ts';
import { buildPlan } from '../core/plan/build-plan.ts';
import { planBytes } from '../core/plan/plan-digest.ts';
import { configWith, factsWith, request } from '../core/plan/plan-fixture.suite.ts';
import { realClock } from '../platform/clock.ts';
import { createRelease } from '../state/releases.ts';
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
