import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { realClock } from '../platform/clock.ts';
import { listedExecutors, registerExecutor } from '../state/executors.ts';
import type { Database } from '../state/open-database.ts';
import { createRelease, getRelease, moveRelease, requestOfRelease } from '../state/releases.ts';
import { waitWhilePaused, watchRequests } from './active-requests.ts';
import { callPerson } from './call-person.ts';
import { createEngine } from './create-engine.ts';
import type { Executor } from './engine-parts.ts';
import { standDown } from './stand-down.ts';

let memory: TestDatabase;
let database: TestDatabase['database'];

beforeAll(async () => {
  memory = await createTestDatabase();
  ({ database } = memory);
});

afterAll(() => memory.remove());

/** An executor of a project of its own, as far as these tests need it. */
async function executorOf(project: string, change: Partial<Executor> = {}): Promise<Executor> {
  const lost = new AbortController().signal;
  const log = pino({ level: 'silent' });
  const executor = { executorId: `e-${project}`, project, database, clock: realClock, lost, log, ...change };
  const own = { id: executor.executorId, project, host: 'here', pid: 1, processStartedAt: '' };
  await registerExecutor(database.db, own);
  return executor as unknown as Executor;
}

async function plannedIn(project: string): Promise<string> {
  return createRelease(database.db, {
    project,
    service: project,
    environment: 'production',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: null,
    plan: '{"phases":[]}',
    planDigest: `sha256:${project}`,
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [],
  });
}

const isListed = async (executor: Executor): Promise<boolean> =>
  (await listedExecutors(database.db)).some((row) => row.id === executor.executorId);

describe('an executor without work', () => {
  test('signs off', async () => {
    const executor = await executorOf('idle');
    await plannedIn('of-somebody-else');
    expect(await standDown(executor)).toBe(true);
    expect(await isListed(executor)).toBe(false);
  });

  test('stays when a release was planned in the moment it signed off, so that nobody need follow it', async () => {
    const executor = await executorOf('asked');
    await plannedIn('asked');
    expect(await standDown(executor)).toBe(false);
    expect(await isListed(executor)).toBe(true);
  });
});

describe('a workflow that broke', () => {
  test('before its release began cancels it, with the cause', async () => {
    const id = await plannedIn('broken');
    await callPerson(await executorOf('broken'), await getRelease(database.db, id), new Error('no such plan'));
    const row = await getRelease(database.db, id);
    expect([row.state, row.cause]).toEqual(['cancelled', expect.stringContaining('no such plan')]);
  });

  test('half way calls a person, with the cause', async () => {
    const id = await plannedIn('half');
    await moveRelease(database.db, id, { to: 'running', actor: { kind: 'executor', id: 'e1' } });
    await callPerson(await executorOf('half'), await getRelease(database.db, id), new Error('no such step'));
    const row = await getRelease(database.db, id);
    expect([row.state, row.cause]).toEqual(['needs-human', expect.stringContaining('no such step')]);
  });
});

/** A database whose connection is cut for the first `times` questions. */
function cutOff(times: number): Database {
  let left = times;
  return {
    ...database,
    get db() {
      if (left === 0) return database.db;
      left -= 1;
      throw new Error('Connection terminated unexpectedly');
    },
    get pool(): never {
      throw new Error('Connection terminated unexpectedly');
    },
  };
}

test('an executor that lost its database reports no error of that as the result of a step', async () => {
  const executor = await executorOf('lost', { database: cutOff(1), lost: AbortSignal.abort() });
  const engine = createEngine(executor, watchRequests(executor));
  let isSettled = false;
  void engine
    .perform('r-0001', 'lock.take')
    .finally(() => (isSettled = true))
    .catch(() => undefined);
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(isSettled).toBe(false);
});

test('a database that is away for a moment does not end a pause', async () => {
  const id = await plannedIn('paused');
  const ask = async (word: 'pause' | null) =>
    requestOfRelease(database.db, await getRelease(database.db, id), { word, person: 'ana', reason: null });
  await ask('pause');
  const polls: number[] = [];
  const clock = {
    ...realClock,
    sleep: async () => {
      polls.push(polls.length);
      if (polls.length === 4) await ask(null);
    },
  };
  await waitWhilePaused(await executorOf('paused', { database: cutOff(2) }), id, clock, new AbortController().signal);
  expect(polls.length).toBe(4);
});

test('a new run of a release is not stopped by the abort that stopped the run before', async () => {
  const id = await plannedIn('again');
  const executor = await executorOf('again', { clock: { ...realClock, sleep: async () => nextTurn() } });
  const requests = watchRequests(executor);
  const stopped = requests.signalOf(id);
  await requestOfRelease(database.db, await getRelease(database.db, id), {
    word: 'abort',
    person: 'ana',
    reason: null,
  });
  await waitUntil('the abort to be heard', () => stopped.aborted);
  await moveRelease(database.db, id, { to: 'running', actor: { kind: 'person', id: 'ana' } });
  await moveRelease(database.db, id, { to: 'needs-human', actor: { kind: 'person', id: 'ana' } });
  await createEngine(executor, requests).begin(id);
  expect(requests.signalOf(id).aborted).toBe(false);
  requests.close();
});
