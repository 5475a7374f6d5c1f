import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeServer } from './embedded-postgres.ts';
import { openDatabase, type Database } from './open-database.ts';
import { createRelease, getRelease } from './releases.ts';
import { beginStep, failStep, finishStep, ruleOnStep, stepRuns } from './step-runs.ts';

const PERSON = { kind: 'person' as const, id: 'ana' };
const PROBLEM = { kind: 'cannot-tell' as const, message: 'nobody knows', where: null, next: 'look' };
let directory: string;
let database: Database;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-steps-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
});

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

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
