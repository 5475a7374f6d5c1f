import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { holdExecutorLock, type ExecutorLock } from '../state/executor-lock.ts';
import { markExecutorGone, registerExecutor } from '../state/executors.ts';
import { createRelease, moveRelease } from '../state/releases.ts';
import type { App } from './app.ts';
import { followRelease } from './follow-release.ts';

let directory: string;
let memory: TestDatabase;
let database: TestDatabase['database'];

beforeAll(async () => {
  memory = await createTestDatabase();
  ({ directory, database } = memory);
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
    plan: '{"phases":[]}',
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [],
  });
}

const move = (id: string, to: Parameters<typeof moveRelease>[2]['to']): Promise<void> =>
  moveRelease(database.db, id, { to, actor: { kind: 'executor', id: 'e1' } });

/** An app on the real database, with time that the test drives and an executor that is only counted. */
function appOn(time: Pick<App, 'nowMs' | 'sleep'>): App & { started: number } {
  const app = {
    started: 0,
    project: 'here',
    stateDirectory: directory,
    database: async () => database,
    startExecutor: async () => void (app.started += 1),
    ...time,
  };
  return app as unknown as App & { started: number };
}

async function followed(app: App, id: string): Promise<void> {
  for await (const event of followRelease(app, id, new AbortController().signal)) void event;
}

test('an executor that dies at every start ends in a problem that names its log, not in starting it for ever', async () => {
  const id = await planned('dies');
  await move(id, 'running');
  let now = 0;
  const app = appOn({ nowMs: () => now, sleep: async () => void (now += 1000) });
  await expect(followed(app, id)).rejects.toMatchObject({
    kind: 'internal',
    message: 'the executor ended right after its start, 5 times in a row',
    where: join(directory, 'log', 'executor.out'),
    next: 'Its last lines there say why; mend that, then: shipway attach',
  });
  expect(app.started).toBe(5);
  await move(id, 'cancelled');
});

test('an executor that was seen alive in between may be started again as often as it takes', async () => {
  const id = await planned('revived');
  await move(id, 'running');
  let now = 0;
  let lock: ExecutorLock | null = null;
  const app = appOn({
    nowMs: () => now,
    sleep: async () => {
      now += 1000;
      if (now > 40_000) await lock?.release(); // seen alive by then
    },
  });
  app.startExecutor = async () => {
    app.started += 1;
    if (app.started === 4) lock = await holdExecutorLock(database.pool, 'e-revived');
    if (app.started === 9) await move(id, 'cancelled');
  };
  await registerExecutor(database.db, {
    id: 'e-revived',
    project: 'here',
    host: 'here',
    pid: 1,
    processStartedAt: '',
  });
  await followed(app, id);
  expect(app.started).toBe(9);
  await markExecutorGone(database.db, 'e-revived', null);
});
