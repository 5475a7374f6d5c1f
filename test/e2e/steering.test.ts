import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningShipway } from '../support/run-shipway.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

let project: ServiceProject;

// Ten minutes at sixty times the speed: long enough to be met in the middle, and never waited for.
const WATCH = `    watch:
      for: 10m
      every: 10s
      probe:
        - Health: { get: '/health', timeout: 2s, expect: { status: 200 } }
      roll back when: [more than 3 failed health checks in 1 minutes]`;

beforeAll(async () => {
  project = await createServiceProject({
    top: `checklist:\n  - May begin: { run: [test, -e, begin], tries: 600, every: 100ms }\nrelease: { hotfix: { watch: 30s } }`,
  });
  const text = project
    .read('shipway.yaml')
    .replace(/    watch:[^]*(?=    drain)/, `${WATCH.replace("'/health'", `'${project.url}/health'`)}\n`);
  project.write('shipway.yaml', text);
  for (let minor = 0; minor < 9; minor += 1) project.addVersion(`1.${minor}.0`, 'healthy');
  project.write('begin', '');
  said(0, await project.release('1.0.0', ['--type', 'hotfix']));
}, 180_000);
afterAll(() => project.remove());

interface Row {
  id: string;
  state: string;
  rounds: number;
}

async function rowOf(version: string): Promise<Row | undefined> {
  const rows = await project.rows<Row>(
    `select id, state, (select count(*)::int from shipway.watch_sample w where w.release_id = r.id) as rounds
     from shipway.release r where version = $1 order by number desc limit 1`,
    [version],
  );
  return rows[0];
}

async function watching(version: string, args: string[] = []): Promise<{ id: string; command: RunningShipway }> {
  const command = project.startRelease(version, args);
  const { id } = await reaches(version, (row) => row.state === 'watching' && row.rounds >= 3);
  return { id, command };
}

function reaches(version: string, accept: (row: Row) => boolean): Promise<Row> {
  return waitUntil(
    `${version} to get there`,
    async () => {
      const row = await rowOf(version);
      return row !== undefined && accept(row) ? row : null;
    },
    { limitSeconds: 40, everyMs: 100 },
  );
}

test('an abort during the watch takes the release back with 20 and does not fence the version', async () => {
  const { id, command } = await watching('1.1.0');
  expect(await project.publicVersion()).toBe('1.1.0');
  said(0, await project.shipway(['abort', id, '--reason', 'marketing said no'], { as: 'bo' }));
  const printed = said(20, await command.ended);
  expect(printed).toContain('ROLLED BACK to 1.0.0');
  expect(printed).toContain('aborted by bo: marketing said no');
  expect(await project.publicVersion()).toBe('1.0.0');
  expect(await project.rows('select * from shipway.quarantine')).toEqual([]);
  expect(await project.rows('select * from shipway.hold')).toEqual([]);
}, 180_000);

test('a rollback during the watch takes the release back and fences the version until a person lets it out', async () => {
  const { id, command } = await watching('1.2.0');
  expect(said(0, await project.shipway(['rollback', '--reason', 'orders fail', '--yes'], { as: 'bo' }))).toContain(
    'ROLLED BACK to 1.0.0',
  );
  expect(said(20, await command.ended)).toContain('rolled back by bo: orders fail');
  expect(await project.publicVersion()).toBe('1.0.0');
  const refused = said(30, await project.release('1.2.0'));
  expect(refused).toMatch(
    new RegExp(`shop 1\\.2\\.0 is in quarantine since \\S+: rolled back by bo: orders fail \\(${id}\\)`),
  );
  // What nobody watches over is held as well, whatever its version.
  expect(said(30, await project.release('1.3.0', ['--automation']))).toContain(
    'automatic releases of shop in production are held',
  );
  said(
    0,
    await project.shipway([
      'unlock',
      'shop',
      '--version',
      '1.2.0',
      '--env',
      'production',
      '--reason',
      'it was the proxy',
      '--yes',
    ]),
  );
  said(0, await project.release('1.2.0', ['--type', 'hotfix', '--automation']));
  expect(await project.publicVersion()).toBe('1.2.0');
}, 180_000);

test('a pause holds the release before its next step; it goes on when resumed', async () => {
  rmSync(join(project.directory, 'begin'));
  const command = project.startRelease('1.3.0', ['--type', 'hotfix']);
  const { id } = await reaches('1.3.0', (row) => row.state === 'running');
  said(0, await project.shipway(['pause', id, '--reason', 'looking at the logs'], { as: 'bo' }));
  project.write('begin', '');
  await reaches('1.3.0', (row) => row.state === 'waiting');
  await waitUntil('the terminal to say who paused it and why', () =>
    /paused +by bo: looking at the logs/.test(command.stdout()),
  );
  const begun = await project.rows(`select 1 from shipway.step_run where release_id = $1 and attempt > 0`, [id]);
  expect(begun.length).toBe(1);
  said(0, await project.shipway(['resume', id, '--detach']));
  said(0, await command.ended);
  expect(await project.publicVersion()).toBe('1.3.0');
}, 180_000);

test('a pause in the middle of the watch stops its clock: what nobody watched does not count as watched', async () => {
  const command = project.startRelease('1.4.0');
  const { id } = await reaches('1.4.0', (row) => row.state === 'watching' && row.rounds >= 1);
  said(0, await project.shipway(['pause', id]));
  const paused = await reaches('1.4.0', (row) => row.state === 'waiting');
  // Three seconds are three minutes of this watch, which lasts ten.
  const since = performance.now();
  await waitUntil('three seconds to go by', () => performance.now() - since > 3000);
  expect((await rowOf('1.4.0'))?.rounds).toBe(paused.rounds);
  said(0, await project.shipway(['resume', id, '--detach']));
  said(0, await command.ended);
  const rounds = await project.rows<{ at_seconds: number }>(
    'select at_seconds from shipway.watch_sample where release_id = $1 order by round',
    [id],
  );
  const places = rounds.map((round) => round.at_seconds);
  const steps = places.slice(1).map((place, index) => place - places[index]!);
  // A round takes its interval and the time of its own probes, a second or two; never the three minutes of the pause.
  expect(Math.max(...steps)).toBeLessThan(120);
  expect(places.at(-1)).toBeGreaterThanOrEqual(600);
}, 180_000);

test('Ctrl-C during the watch detaches with 130; the release ends stable without anybody', async () => {
  const command = project.startRelease('1.5.0', ['--type', 'hotfix']);
  await reaches('1.5.0', (row) => row.state === 'watching');
  command.kill('SIGINT');
  expect(said(130, await command.ended)).toContain('goes on in the background');
  await reaches('1.5.0', (row) => row.state === 'stable');
  expect(await project.publicVersion()).toBe('1.5.0');
  said(0, await project.shipway(['verify']));
}, 180_000);
