import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, watchLines, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

let project: ServiceProject;
const GOOD = '1.0.0';

beforeAll(async () => {
  project = await createServiceProject({ top: 'release: { hotfix: { watch: 2m } }' });
  project.addVersion(GOOD, 'healthy');
  said(0, await project.release(GOOD));
}, 180_000);
afterAll(() => project.remove());

/** The bad version is gone, the good one serves, nothing is locked; what was bad stays out. */
async function expectTakenBack(version: string): Promise<void> {
  expect(await project.publicVersion()).toBe(GOOD);
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  expect(await project.rows('select 1 from shipway.quarantine where version = $1', [version])).toHaveLength(1);
  const { stdout } = await project.shipway(['status']);
  expect(stdout).toContain(GOOD);
}

test('a version that exits at once changes nothing for users, and its last lines are shown', async () => {
  project.addVersion('1.1.0', 'exits-at-once', { MESSAGE: 'DATABASE is not a database', EXIT_CODE: '7' });
  const printed = said(20, await project.release('1.1.0'));
  expect(printed).toContain('DATABASE is not a database');
  expect(printed).toMatch(/exit(ed|) .*7|code 7/);
  await expectTakenBack('1.1.0');
  const shifted = await project.rows<{ step_id: string }>(
    `select step_id from shipway.step_run s join shipway.release r on r.id = s.release_id where r.version = '1.1.0' and step_id = 'deploy.traffic' and s.attempt > 0`,
  );
  expect(shifted).toEqual([]);
}, 180_000);

test('a version whose health endpoint hangs gets no request, and is taken back when its time to start is over', async () => {
  project.addVersion('1.2.0', 'hangs');
  const printed = said(20, await project.release('1.2.0'));
  expect(printed).toMatch(/health of api: .*timed out/);
  await expectTakenBack('1.2.0');
}, 180_000);

test('a version that answers 200 as another version gets no request; the answer and the wish are shown', async () => {
  project.addVersion('1.3.0', 'wrong-version', { ANSWERED_VERSION: '0.9.9' });
  const printed = said(20, await project.release('1.3.0'));
  expect(printed).toMatch(/0\.9\.9/);
  await expectTakenBack('1.3.0');
}, 180_000);

test('a version whose health flaps is taken back by the criterion of the watch, with its numbers', async () => {
  project.addVersion('1.4.0', 'flaps', { GOOD: '3', BAD: '1' });
  const printed = said(20, await project.release('1.4.0', ['--type', 'hotfix']));
  expect(printed).toMatch(/failed health checks 2 > 1 in 1m00s \(\d+ probes, \d+ of \d+ samples\)/);
  await expectTakenBack('1.4.0');
}, 180_000);

test('a version that ignores SIGTERM ends killed after its limit, and the release says so', async () => {
  project.addVersion('1.5.0', 'ignores-sigterm');
  project.addVersion('1.6.0', 'healthy');
  said(0, await project.release('1.5.0'));
  const printed = said(0, await project.release('1.6.0'));
  expect(printed).toMatch(/shop_production_api_r-\d+ ignored SIGTERM, killed after 1s/);
  expect(await project.publicVersion()).toBe('1.6.0');
  const left = await project.rows<{ result: string }>(
    `select result from shipway.step_run s join shipway.release r on r.id = s.release_id where r.version = '1.6.0' and step_id = 'retire.old'`,
  );
  expect(left[0]?.result).toContain('killed-after-limit');
}, 180_000);

async function occupied(): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.end('somebody else'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

test("the router's port taken by somebody else is named, and nothing is left behind", async () => {
  const { server, port } = await occupied();
  const other = await createServiceProject();
  try {
    other.write('shipway.yaml', other.read('shipway.yaml').replaceAll(`127.0.0.1:${other.port}`, `127.0.0.1:${port}`));
    other.addVersion('1.0.0', 'healthy');
    const printed = said(20, await other.release('1.0.0'));
    expect(printed).toContain(`127.0.0.1:${port}`);
    expect(printed).toMatch(/taken|in use/);
    expect(printed).toContain('live in production: nothing');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('somebody else');
    server.close();
    server.closeAllConnections();
    said(0, await other.shipway(['unlock', 'shop', '--version', '1.0.0', '--reason', 'the port is free', '--yes']));
    said(0, await other.release('1.0.0'));
  } finally {
    server.close();
    await other.remove();
  }
}, 180_000);

test("a component's fixed port taken by somebody else is named, and the release ends without a change", async () => {
  const { server, port } = await occupied();
  const other = await createServiceProject({ component: `            port: ${port}` });
  try {
    other.addVersion('1.0.0', 'healthy');
    const printed = said(20, await other.release('1.0.0'));
    expect(printed).toContain(String(port));
    expect(printed).toMatch(/taken|in use/);
    expect(printed).toContain('live in production: nothing');
  } finally {
    server.close();
    await other.remove();
  }
}, 180_000);

test('a clock that jumps an hour ahead and back in the middle of the watch neither shortens nor breaks it', async () => {
  const other = await createServiceProject();
  try {
    const jump = join(other.directory, 'jump');
    other.write(
      'shift-clock.mjs',
      `import { existsSync, readFileSync } from 'node:fs';
       const now = Date.now.bind(Date);
       Date.now = () => now() + (existsSync(${JSON.stringify(jump)}) ? Number(readFileSync(${JSON.stringify(jump)}, 'utf8') || 0) : 0);`,
    );
    other.write(
      'shipway.yaml',
      other.read('shipway.yaml').replace(/    watch:[^]*(?=    drain)/, `${watchLines(other.port, '5m', '10s')}\n`),
    );
    other.addVersion('1.0.0', 'healthy');
    const environment = { NODE_OPTIONS: `--import=${join(other.directory, 'shift-clock.mjs')}` };
    const command = other.startRelease('1.0.0', [], { environment });
    const reaches = (rounds: number): Promise<boolean> =>
      waitUntil(
        `round ${rounds}`,
        async () => (await other.rows('select 1 from shipway.watch_sample')).length >= rounds,
        {
          limitSeconds: 40,
        },
      );
    await reaches(5);
    other.write('jump', String(3_600_000));
    await reaches(10);
    other.write('jump', String(-3_600_000));
    said(0, await command.ended);
    const rounds = await other.rows<{ at_seconds: number }>(
      'select at_seconds from shipway.watch_sample order by round',
    );
    const places = rounds.map((round) => round.at_seconds);
    expect(places.at(-1)).toBeGreaterThanOrEqual(300);
    expect(places.at(-1)).toBeLessThan(600);
    expect(places.every((place, index) => index === 0 || place > places[index - 1]!)).toBe(true);
    said(0, await other.shipway(['verify']));
  } finally {
    await other.remove();
  }
}, 180_000);
