import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, watchLines, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

let project: ServiceProject;
const recorder = (): string => join(project.directory, 'effects.txt');

beforeAll(async () => {
  project = await createServiceProject();
  project.write(
    'shipway.yaml',
    project.read('shipway.yaml').replace(/    watch:[^]*(?=    drain)/, `${watchLines(project.port, '5m', '10s')}\n`),
  );
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) project.addVersion(version, 'healthy', { RECORDER: recorder() });
});
afterAll(() => project.remove());

interface ExecutorRow {
  id: string;
  pid: number;
}

/** Two executors, and which of them runs the release; nobody at a terminal who would start a third. */
async function startWithTwoExecutors(
  version: string,
): Promise<{ id: string; runner: ExecutorRow; other: ExecutorRow }> {
  const printed = said(0, await project.release(version, ['--detach']));
  const id = /r-\d+/.exec(printed)?.[0] ?? '';
  project.startShipway(['engine']);
  const alive = await waitUntil(
    'both executors to live and the watch to run',
    async () => {
      const listed = await project.rows<ExecutorRow>('select id, pid from shipway.executor where gone_at is null');
      return listed.length === 2 && (await roundsOf(id)) > 2 ? listed : null;
    },
    { limitSeconds: 40 },
  );
  const [run] = await project.rows<{ executor: string }>(
    `select executor from shipway.step_run where release_id = $1 and step_id = 'watch.version'`,
    [id],
  );
  const runner = alive.find((row) => row.id === run?.executor);
  const other = alive.find((row) => row.id !== run?.executor);
  if (runner === undefined || other === undefined)
    throw new Error(`nobody runs ${id}: ${JSON.stringify({ alive, run })}`);
  return { id, runner, other };
}

async function roundsOf(id: string): Promise<number> {
  return (await project.rows('select 1 from shipway.watch_sample where release_id = $1', [id])).length;
}

async function endsStable(id: string): Promise<void> {
  await waitUntil(
    `${id} to be stable`,
    async () =>
      (await project.rows(`select 1 from shipway.release where id = $1 and state = 'stable'`, [id])).length === 1,
    { limitSeconds: 60, everyMs: 200 },
  );
}

/** No instance was started twice, no step finished twice, no round was taken twice, nothing is locked, and the journal is whole. */
async function expectNothingTwice(id: string): Promise<void> {
  const started = project
    .read('effects.txt')
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[1]);
  expect(new Set(started).size).toBe(started.length);
  const finished = await project.rows<{ step: string }>(
    `select entry::jsonb -> 'data' ->> 'step' as step from shipway.journal where release = $1 and type = 'step.finished'`,
    [id],
  );
  expect(new Set(finished.map((row) => row.step)).size).toBe(finished.length);
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  said(0, await project.shipway(['verify']));
}

test('when the executor that runs a release is killed, the other one continues it within seconds', async () => {
  const { id, runner, other } = await startWithTwoExecutors('1.0.0');
  const before = await roundsOf(id);
  process.kill(runner.pid, 'SIGKILL');
  await waitUntil('a round by the other executor', async () => (await roundsOf(id)) > before + 1, { limitSeconds: 10 });
  const [taken] = await project.rows<{ entry: string }>(
    `select entry from shipway.journal where type = 'executor.took-over' order by index desc limit 1`,
  );
  expect(JSON.parse(taken?.entry ?? '{}')).toMatchObject({ actor: { id: other.id }, data: { from: runner.id } });
  await endsStable(id);
  await expectNothingTwice(id);
  expect(await project.publicVersion()).toBe('1.0.0');
}, 180_000);

test('an executor that is frozen and wakes up after another one took over does nothing twice', async () => {
  const { id, runner } = await startWithTwoExecutors('1.1.0');
  const before = await roundsOf(id);
  process.kill(runner.pid, 'SIGSTOP');
  try {
    await waitUntil('a round by the other executor', async () => (await roundsOf(id)) > before + 1, {
      limitSeconds: 30,
    });
  } finally {
    // On one machine the one who takes over has ended it; elsewhere it would wake up now.
    if (existsSync(`/proc/${runner.pid}`)) process.kill(runner.pid, 'SIGCONT');
  }
  await endsStable(id);
  await expectNothingTwice(id);
  expect(await project.publicVersion()).toBe('1.1.0');
}, 180_000);

test('an executor that is frozen for a moment only goes on by itself', async () => {
  const { id, runner } = await startWithTwoExecutors('1.2.0');
  process.kill(runner.pid, 'SIGSTOP');
  process.kill(runner.pid, 'SIGCONT');
  await endsStable(id);
  await expectNothingTwice(id);
}, 180_000);
