import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { createRelease, getRelease } from './releases.ts';
import { beginStep, failStep, finishStep, ruleOnStep, stepRuns } from './step-runs.ts';

const PERSON = { kind: 'person' as const, id: 'ana' };
const PROBLEM = { kind: 'cannot-tell' as const, message: 'nobody knows', where: null, next: 'look' };
let memory: TestDatabase;
let database: TestDatabase['database'];

beforeAll(async () => {
  memory = await createTestDatabase();
  ({ database } = memory);
});

afterAll(() => memory.remove());

async function planned(service: string): Promise<string> {
  return createRelease(database.db, {
    project: 'here',
    service,
    environment: 'production',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: null,
    plan: '{}',
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [{ id: 'migrate.up', phase: 'migrate', kind: 'migrate-up', title: 'migrate' }],
  });
}

describe("a person's word on a step that nobody could tell about", () => {
  const address = (releaseId: string) => ({
    releaseId,
    stepId: 'migrate.up',
    service: 'ruled',
    environment: 'production',
    executor: 'e1',
  });
  const begin = (id: string) => beginStep(database, address(id), { waitsForDisk: true });
  const rule = async (id: string, was: 'done' | 'not-done') =>
    ruleOnStep(database.db, await getRelease(database.db, id), { stepId: 'migrate.up', was }, PERSON);

  test('counts for the next attempt only: when that one is cut short, nobody knows again', async () => {
    const id = await planned('ruled');
    const { row } = await begin(id);
    await failStep(database, address(id), row.attempt, PROBLEM);
    await rule(id, 'not-done');
    expect((await begin(id)).row.ruling).toBe('not-done');
    expect((await begin(id)).row.ruling).toBeNull();
  });

  test('comes too late for a step that is finished: it is not done a second time', async () => {
    const id = await planned('late');
    const { row } = await begin(id);
    await finishStep(database, address(id), row.attempt, {});
    await expect(rule(id, 'not-done')).rejects.toMatchObject({ kind: 'refused' });
    expect((await stepRuns(database.db, id))[0]?.state).toBe('finished');
  });
});
