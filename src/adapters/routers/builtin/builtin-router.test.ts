import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Effect } from '../../../platform/effect.ts';
import { routerSuite, askAt } from '../router.suite.ts';
import { startSampleApp } from '../sample-app.suite.ts';
import { readRecord, routerProcesses } from './admin-client.ts';
import { openBuiltinRouter } from './builtin-router.ts';
import { adminSocket } from './router-home.ts';

const SCOPE = { service: 'shop', environment: 'production' };
const open = (port = 0) => openBuiltinRouter({ listen: { host: '127.0.0.1', port }, component: 'api' }, SCOPE);
const directoryOf = (effect: Effect): string => join(effect.stateDirectory, 'routers', 'shop.production');

async function crash(effect: Effect): Promise<void> {
  await waitUntil('all its processes are dead', () => {
    const pids = routerProcesses(directoryOf(effect));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return pids.length === 0;
  });
}

routerSuite('builtin', { open: () => open(), crash });

describe('the builtin router', () => {
  let folder: string;
  let effect: Effect;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'builtin-router-'));
    effect = testEffect(folder);
  });
  afterEach(async () => {
    await open().stop(effect);
    rmSync(folder, { recursive: true, force: true });
  });

  test('is one router when two start it at once', async () => {
    const found = await Promise.all([open(), open(), open()].map((router) => router.ensureRunning(effect)));
    expect(new Set(found.map(({ port }) => port)).size).toBe(1);
    // The start that lost ends by itself: one primary and two workers are left.
    await waitUntil('three processes are left', () => routerProcesses(directoryOf(effect)).length === 3);
  });

  test('names the port and its holder when a stranger has it', async () => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => stranger.once('listening', resolve));
    const { port } = stranger.address() as AddressInfo;
    const failure = open(port).ensureRunning(effect);
    await expect(failure).rejects.toMatchObject({
      kind: 'router-failed',
      message: `port ${port} of 127.0.0.1 is taken by the process with pid ${process.pid}`,
    });
    stranger.close();
    expect(routerProcesses(directoryOf(effect))).toEqual([]);
  });

  test('says so when the release file names another address than it listens on', async () => {
    const { port } = await open().ensureRunning(effect);
    const other = port === 65_535 ? port - 1 : port + 1;
    await expect(open(other).ensureRunning(effect)).rejects.toMatchObject({ kind: 'refused' });
    expect(await open().ensureRunning(effect)).toEqual({ host: '127.0.0.1', port });
  });

  test('refuses to guess when its state file is damaged', async () => {
    mkdirSync(directoryOf(effect), { recursive: true });
    writeFileSync(join(directoryOf(effect), 'state.json'), '{"generation": 3, "slots"');
    await expect(open().ensureRunning(effect)).rejects.toMatchObject({
      kind: 'router-failed',
      message: expect.stringContaining('damaged'),
    });
  });

  test('works in a folder whose path is too long for a socket, and leaves no socket behind', async () => {
    const deep = testEffect(join(folder, 'd'.repeat(120)));
    await open().ensureRunning(deep);
    await open().put({ generation: 1, slots: [] }, deep);
    const record = await readRecord(directoryOf(deep));
    expect(record?.home.sockets.startsWith(join(tmpdir(), 'shipway-'))).toBe(true);
    await open().stop(deep);
    expect(() => statSync(record?.home.sockets ?? '')).toThrow('ENOENT');
  });

  test('is not waited for without end when the code it was upgraded to never serves', async () => {
    const directory = directoryOf(effect);
    mkdirSync(directory, { recursive: true });
    const listen = { host: '127.0.0.1', port: 8080 };
    const report = { generation: 0, slots: [], inFlight: {}, workers: [], code: 'older', listen, pid: process.pid };
    const primary = createHttpServer((req, res) => res.end(JSON.stringify(req.url === '/state' ? report : {})));
    const home = { directory, sockets: directory, listen };
    primary.listen(adminSocket(home));
    writeFileSync(
      join(directory, 'router.json'),
      JSON.stringify({ primary: { pid: 0, startedAt: '' }, home, code: '' }),
    );
    const worker = spawn('sleep', ['60'], { env: { PATH: process.env['PATH'], SHIPWAY_ROUTER: directory } });
    await waitUntil('its process runs', () => routerProcesses(directory).length === 1);
    vi.useFakeTimers({ toFake: ['performance'] });
    const ended = open(8080).ensureRunning(effect).then(String, String);
    let how = '';
    void ended.then((text) => (how = text));
    // Ten minutes pass at every look: more than any limit here.
    for (let look = 0; look < 100 && how === ''; look++) {
      vi.advanceTimersByTime(600_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    vi.useRealTimers();
    expect(how).toContain('does not answer within 20 s');
    primary.close();
    worker.kill();
  });

  test('lets only its owner in: state file, socket and log have mode 0600', async () => {
    await open().ensureRunning(effect);
    const record = await readRecord(directoryOf(effect));
    const files = ['state.json', 'router.json', 'router.log'].map((name) => join(directoryOf(effect), name));
    const modes = [...files, ...(record ? [adminSocket(record.home)] : [])].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
  });

  test('tells the slot only to who has the key, and never shows the key to the service', async () => {
    const seen: string[] = [];
    const app = await startSampleApp('blue', 0, (req) => seen.push(JSON.stringify(req.headers)) < 0);
    const address = await open().ensureRunning(effect);
    await open().put({ generation: 1, slots: [app.slot(100)] }, effect);
    const state = JSON.parse(readFileSync(join(directoryOf(effect), 'state.json'), 'utf8')) as { probeKey: string };
    const withKey = async (key: string) =>
      (await askAt(address, { path: '/', method: 'GET', body: '', headers: { 'x-shipway-probe': key } })).headers[
        'x-shipway-slot'
      ];
    expect([await withKey(state.probeKey), await withKey(`${state.probeKey.slice(1)}x`), await withKey('')]).toEqual([
      'blue',
      undefined,
      undefined,
    ]);
    expect(seen.join()).not.toContain('x-shipway-probe');
    await app.kill();
  });
});
