import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeServer } from './embedded-postgres.ts';
import { verifyJournal } from './journal.ts';
import { openDatabase, type Database } from './open-database.ts';
import { createRelease } from './releases.ts';
import { beginStep, failStep, finishStep, type StepAddress } from './step-runs.ts';

const state = mkdtempSync(join(tmpdir(), 'shipway-test-'));
let database: Database;
let address: StepAddress;

beforeAll(async () => {
  chmodSync(state, 0o755);
  database = await openDatabase({ stateDirectory: state, url: null, applicationName: 'test' });
});
afterAll(async () => {
  await database.close();
  await removeServer(state);
});

async function planned(count: number): Promise<void> {
  const steps = Array.from({ length: count }, (_, index) => ({
    id: `s${index}`,
    phase: 'deploy',
    kind: 'do-nothing',
    title: 'nothing',
  }));
  const releaseId = await createRelease(database.db, {
    project: 'this',
    service: 'shop',
    environment: 'test',
    kind: 'release',
    releaseType: 'regular',
    version: '1.0.0',
    previousVersion: null,
    plan: '{}',
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps,
  });
  address = { releaseId, stepId: 's0', service: 'shop', environment: 'test', executor: 'one' };
}

test('what steps write is journalled with them, in one chain, by sixteen writers at once', async () => {
  await planned(16);
  const before = (await verifyJournal(database.db)).total_entries;
  const all = Array.from({ length: 16 }, (_, index) => ({ ...address, stepId: `s${index}` }));
  await Promise.all(
    all.map(async (own, index) => {
      const { row } = await beginStep(database, own, { waitsForDisk: index % 2 === 0 });
      await finishStep(database, own, row.attempt, { text: `größe "${index}" \u0001`, at: 'x' });
    }),
  );
  const verified = await verifyJournal(database.db);
  expect(verified).toMatchObject({ valid: true, total_entries: before + 32, first_error: null });
});

test('a stale attempt may not record its end, and nothing of it is journalled', async () => {
  await planned(1);
  const first = await beginStep(database, address, { waitsForDisk: true });
  const second = await beginStep(database, { ...address, executor: 'two' }, { waitsForDisk: true });
  expect([first.interrupted, second.interrupted, second.row.attempt]).toEqual([false, true, 2]);
  const before = (await verifyJournal(database.db)).total_entries;
  await expect(finishStep(database, address, first.row.attempt, {})).rejects.toMatchObject({ kind: 'stale-worker' });
  const found = { kind: 'internal' as const, message: 'x', where: null, next: 'y' };
  await expect(failStep(database, address, first.row.attempt, found)).rejects.toMatchObject({ kind: 'stale-worker' });
  expect((await verifyJournal(database.db)).total_entries).toBe(before);
});

test('a step that is finished stays finished', async () => {
  await planned(1);
  const { row } = await beginStep(database, address, { waitsForDisk: true });
  await finishStep(database, address, row.attempt, { answer: 42 });
  expect(await beginStep(database, address, { waitsForDisk: true })).toMatchObject({
    interrupted: false,
    row: { state: 'finished', attempt: 1 },
  });
});
