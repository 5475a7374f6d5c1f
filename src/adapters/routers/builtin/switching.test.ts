import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { startTypescript } from '../../../../test/support/typescript-process.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Effect } from '../../../platform/effect.ts';
import { startClients } from '../client-load.suite.ts';
import type { ClientLoad } from '../client-load.suite.ts';
import { startSampleApp } from '../sample-app.suite.ts';
import type { SampleApp } from '../sample-app.suite.ts';
import { askPrimary, askPrimaryOnce } from './admin-client.ts';
import type { RouterReport } from './admin-client.ts';
import { openBuiltinRouter } from './builtin-router.ts';
import { routerEntry } from './router-entry.ts';

const SWITCHES = 20;
const REQUESTS_MIN = 10_000;
const CLIENTS = { keepAlive: 20, oneShot: 4, webSockets: 4 };
const RUN_LIMIT_MS = 180_000; // 10,000 requests take 8 s on a quiet machine

describe('under load, the builtin router', () => {
  const router = openBuiltinRouter(
    { listen: { host: '127.0.0.1', port: 0 }, component: 'api' },
    { service: 's', environment: 'e' },
  );
  let folder: string;
  let effect: Effect;
  let port: number;
  let generation: number;
  let load: ClientLoad;
  let live: SampleApp;
  let apps: SampleApp[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'switching-'));
    effect = testEffect(folder);
    [generation, apps] = [0, []];
    ({ port } = await router.ensureRunning(effect));
    await switchTo(await startVersion());
    load = startClients({ port, ...CLIENTS });
  });
  afterEach(async () => {
    await load.stop();
    await router.stop(effect);
    await Promise.all(apps.map((app) => app.kill()));
    rmSync(folder, { recursive: true, force: true });
  });

  const directory = () => join(effect.stateDirectory, 'routers', 's.e');
  const report = async (): Promise<RouterReport> =>
    (await askPrimary(directory(), { method: 'GET', path: '/state' }))?.body as unknown as RouterReport;

  async function startVersion(): Promise<SampleApp> {
    const app = await startSampleApp(`v${apps.length + 1}`, 0, (req, res) => {
      let bytes = 0;
      req.on('data', (chunk: Buffer) => (bytes += chunk.length));
      req.on('end', () =>
        setTimeout(() => res.end(`${app.name} ${bytes}`), req.url === '/slow' ? 300 : Math.random() * 15),
      );
      return true;
    });
    apps.push(app);
    return app;
  }
  async function switchTo(app: SampleApp): Promise<void> {
    generation += 1;
    await router.put({ generation, slots: [app.slot(100)] }, effect);
    live = app;
  }
  const afterMore = (requests: number): Promise<unknown> => {
    const goal = load.sent() + requests;
    return waitUntil(`${requests} more requests`, () => load.sent() >= goal, { limitSeconds: 120, everyMs: 5 });
  };

  test(
    'loses no request in twenty switches when the old version stops after its last answer',
    { timeout: RUN_LIMIT_MS },
    async () => {
      for (let i = 0; i < SWITCHES; i += 1) {
        const old = live;
        await switchTo(await startVersion());
        expect(await router.drained(old.name, 30, effect)).toBe('drained');
        await old.kill();
        await afterMore(REQUESTS_MIN / SWITCHES);
      }
      expect(load.failures).toEqual([]);
      expect(load.sent()).toBeGreaterThanOrEqual(REQUESTS_MIN);
    },
  );

  test(
    'does lose requests when the old version is killed at the switch, so the measurement can fail',
    { timeout: RUN_LIMIT_MS },
    async () => {
      for (let i = 0; i < 3; i += 1) {
        const old = live;
        await afterMore(100);
        await switchTo(await startVersion());
        await old.kill();
      }
      expect(load.failures.length).toBeGreaterThan(0);
    },
  );

  test('loses only what a killed worker had in flight, and replaces it', async () => {
    await afterMore(200);
    const [victim] = (await report()).workers;
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await waitUntil('two workers serve again', async () => {
      const { workers } = await report();
      return workers.filter(({ pid, isServing }) => isServing && pid !== victim?.pid).length === 2;
    });
    await afterMore(200);
    expect(load.failures.length).toBeLessThanOrEqual(CLIENTS.keepAlive + CLIENTS.oneShot + CLIENTS.webSockets);
    expect(load.failures.join('\n')).not.toContain('ECONNREFUSED');
  });

  test('loses nothing when its primary is killed, and takes the next state from its heir', async () => {
    await afterMore(200);
    const before = (await report()).pid;
    process.kill(before, 'SIGKILL');
    const old = live;
    await switchTo(await startVersion());
    expect((await report()).pid).not.toBe(before);
    expect(await router.drained(old.name, 30, effect)).toBe('drained');
    await old.kill();
    await afterMore(200);
    expect(load.failures).toEqual([]);
  });

  test('does not call a slot drained while workers of a dead primary still answer for it', async () => {
    const old = live;
    const held = await startSampleApp('held');
    apps.push(held);
    await load.stop();
    await switchTo(held);
    const slow = fetch(`http://127.0.0.1:${port}/wait`);
    await waitUntil('it is in flight', () => held.waiting() === 1);
    await switchTo(old);
    process.kill((await report()).pid, 'SIGKILL');
    // Asked all the time while the heir comes up: no moment of it may answer for workers it has not met yet.
    const asked = Array.from({ length: 20 }, async (_, turn) => {
      await delay(turn * 3);
      return router.drained('held', 0.5, effect);
    });
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['timeout']));
    held.release();
    expect(await (await slow).text()).toBe('held 0');
    expect(await router.drained('held', 30, effect)).toBe('drained');
  });

  test('loses nothing when it is replaced by new code, whole process and all', { timeout: RUN_LIMIT_MS }, async () => {
    const pids = new Set<number>();
    for (let i = 0; i < 3; i += 1) {
      await afterMore(200);
      pids.add((await report()).pid);
      const body = { execPath: process.execPath, entry: routerEntry() };
      expect((await askPrimaryOnce(directory(), { method: 'POST', path: '/upgrade', body }))?.status).toBe(200);
      const old = live;
      await switchTo(await startVersion());
      expect(await router.drained(old.name, 30, effect)).toBe('drained');
      await old.kill();
    }
    await afterMore(200);
    expect(pids.size).toBe(3);
    expect(load.failures).toEqual([]);
    await waitUntil('only the new workers are left', async () => (await report()).workers.length === 2);
  });

  test('goes on with its old code when the new one does not start', async () => {
    const before = (await report()).pid;
    const body = { execPath: process.execPath, entry: join(folder, 'missing.js') };
    expect((await askPrimaryOnce(directory(), { method: 'POST', path: '/upgrade', body }))?.status).toBe(500);
    expect((await report()).pid).toBe(before);
    await switchTo(await startVersion());
    await afterMore(100);
    expect(load.failures).toEqual([]);
  });

  test('stays whole when shipway is killed in the middle of a put', { timeout: RUN_LIMIT_MS }, async () => {
    const next = await startVersion();
    for (let i = 0; i < 3; i += 1) {
      const shipway = startTypescript(PUTS_FOR_EVER, {
        PROJECT: folder,
        FIRST: String(generation + 1),
        SLOTS: JSON.stringify([[live.slot(100)], [next.slot(100)]]),
        ENTRY: routerEntry(),
      });
      await waitUntil('it is putting', () => shipway.stdout().includes('put'), { limitSeconds: 60 });
      await delay(Math.random() * 10);
      shipway.child.kill('SIGKILL');
      await shipway.ended;
      const seen = await router.observe(effect);
      generation = (seen?.generation ?? 0) + 1;
      await router.put({ generation, slots: [next.slot(100)] }, effect);
      expect(new Set(await router.probe(6, effect))).toEqual(new Set([next.name]));
    }
    expect(load.failures).toEqual([]);
  });
});

const PUTS_FOR_EVER = `
import { testEffect } from '@/test/support/test-effect.ts';
import { openBuiltinRouter } from '@/src/adapters/routers/builtin/builtin-router.ts';
const { PROJECT, FIRST, SLOTS, ENTRY } = process.env;
const states = JSON.parse(SLOTS);
const scope = { service: 's', environment: 'e' };
const router = openBuiltinRouter({ listen: { host: '127.0.0.1', port: 0 }, component: 'api' }, scope, ENTRY);
const effect = testEffect(PROJECT);
for (let generation = Number(FIRST); ; generation += 1) {
  await router.put({ generation, slots: states[generation % 2] }, effect);
  console.log('put');
}
`;
