import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { testEffect } from '../../../test/support/test-effect.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { scaledClock, realClock } from '../../platform/clock.ts';
import type { Effect } from '../../platform/effect.ts';
import type { Router } from './router.ts';
import { startSampleApp } from './sample-app.suite.ts';
import type { SampleApp } from './sample-app.suite.ts';

export interface RouterSuiteOptions {
  open(): Router;
  /** Kills all processes of the router, as a crash of the machine would, without telling it. */
  crash(effect: Effect): Promise<void>;
}

interface Answer {
  status: number;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

/** What every router promises; each implementation calls this in its test. */
export function routerSuite(kind: string, options: RouterSuiteOptions): void {
  let folder: string;
  let effect: Effect;
  let router: Router;
  let blue: SampleApp;
  let green: SampleApp;
  let address: { host: string; port: number };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'router-suite-'));
    effect = testEffect(folder);
    router = options.open();
    [blue, green] = [await startSampleApp('blue'), await startSampleApp('green')];
    address = await router.ensureRunning(effect);
  });
  afterEach(async () => {
    await router.stop(effect);
    await Promise.all([blue.kill(), green.kill()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (path = '/', method = 'GET', body = ''): Promise<Answer> => askAt(address, { path, method, body });
  const both = (blueWeight: number) => [blue.slot(blueWeight), green.slot(100 - blueWeight)];
  const inFlight = async (id: string): Promise<number> =>
    (await router.observe(effect))?.slots.find((slot) => slot.id === id)?.inFlight ?? 0;

  describe(`router ${kind}: state`, () => {
    test('answers 503 with Retry-After and a reason while it has no slot', async () => {
      const answer = await ask();
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'no-instance' });
    });

    test('sends the next request to the slot that was just put', async () => {
      for (let generation = 1; generation <= 10; generation += 1) {
        await router.put({ generation, slots: both(generation % 2 === 0 ? 100 : 0) }, effect);
        const answers = await Promise.all(Array.from({ length: 10 }, () => ask()));
        expect(new Set(answers.map(({ body }) => body))).toEqual(
          new Set([generation % 2 === 0 ? 'blue 0' : 'green 0']),
        );
      }
    });

    test('is the same after the same put, in any order of its slots', async () => {
      await router.put({ generation: 4, slots: both(100) }, effect);
      await router.put({ generation: 4, slots: both(100).toReversed() }, effect);
      expect((await router.observe(effect))?.generation).toBe(4);
    });

    test('refuses an older generation and keeps what it has', async () => {
      await router.put({ generation: 7, slots: both(100) }, effect);
      const older = router.put({ generation: 6, slots: both(0) }, effect);
      await expect(older).rejects.toMatchObject({
        kind: 'stale-worker',
        message: expect.stringContaining('at 7 already'),
      });
      expect((await ask()).body).toBe('blue 0');
    });

    test('refuses other content under the same generation', async () => {
      await router.put({ generation: 7, slots: both(100) }, effect);
      await expect(router.put({ generation: 7, slots: both(0) }, effect)).rejects.toMatchObject({
        kind: 'stale-worker',
      });
      expect((await ask()).body).toBe('blue 0');
    });

    test('lets exactly one of two different puts of one generation win', async () => {
      const results = await Promise.allSettled([
        router.put({ generation: 1, slots: both(100) }, effect),
        router.put({ generation: 1, slots: both(0) }, effect),
      ]);
      expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    });

    test.each([
      ['weights that do not add up', { generation: 1, slots: [{ weight: 99 }] }],
      ['a generation that is not whole', { generation: 1.5, slots: [{}] }],
      ['a port outside the range', { generation: 1, slots: [{ port: 70_000 }] }],
      ['the same id twice', { generation: 1, slots: [{ weight: 50 }, { weight: 50 }] }],
    ])('refuses %s', async (_what, { generation, slots }) => {
      const state = { generation, slots: slots.map((slot) => ({ ...blue.slot(100), ...slot })) };
      await expect(router.put(state, effect)).rejects.toMatchObject({ kind: 'internal' });
    });

    test('shares requests by weight', async () => {
      await router.put({ generation: 1, slots: both(30) }, effect);
      const answers = await Promise.all(Array.from({ length: 400 }, () => ask()));
      const share = answers.filter(({ body }) => body === 'blue 0').length / answers.length;
      expect(share).toBeGreaterThan(0.15); // 6.5 standard deviations below 0.3
      expect(share).toBeLessThan(0.45);
    });

    test('is found again by another shipway, with its state', async () => {
      await router.put({ generation: 3, slots: both(100) }, effect);
      const other = options.open();
      expect(await other.ensureRunning(effect)).toEqual(address);
      expect((await other.observe(effect))?.generation).toBe(3);
    });

    test('comes back after a crash on the same port with the same state', async () => {
      await router.put({ generation: 3, slots: both(100) }, effect);
      await options.crash(effect);
      expect(await router.observe(effect)).toBeNull();
      await expect(router.put({ generation: 4, slots: both(0) }, effect)).rejects.toMatchObject({
        kind: 'router-failed',
      });
      expect(await router.ensureRunning(effect)).toEqual(address);
      expect((await ask()).body).toBe('blue 0');
      await expect(router.put({ generation: 2, slots: both(0) }, effect)).rejects.toMatchObject({
        kind: 'stale-worker',
      });
    });

    test('stops twice without harm and is not there afterwards', async () => {
      await router.stop(effect);
      await router.stop(effect);
      expect(await router.observe(effect)).toBeNull();
      await expect(ask()).rejects.toThrow('ECONNREFUSED');
    });
  });

  describe(`router ${kind}: requests in flight`, () => {
    test('are finished by the old slot and counted until they are', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const slow = [ask('/wait'), ask('/wait', 'POST', 'x'.repeat(100)), ask('/stream')];
      await waitUntil('all three are at the service', () => blue.waiting() === 3);
      await router.put({ generation: 2, slots: [green.slot(100)] }, effect);
      expect([await inFlight('blue'), (await ask()).body]).toEqual([3, 'green 0']);
      expect(await router.drained('blue', 0.05, effect)).toBe('timeout');
      blue.release();
      expect((await Promise.all(slow)).map(({ body }) => body)).toEqual(['blue 0', 'blue 100', 'begun blue 0']);
      expect(await router.drained('blue', 10, effect)).toBe('drained');
    });

    test('waiting for them follows the clock of the release', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const slow = ask('/wait');
      await waitUntil('it is at the service', () => blue.waiting() === 1);
      const fast = { ...effect, clock: scaledClock(Date.now(), 1000, realClock) };
      expect(await router.drained('blue', 600, fast)).toBe('timeout');
      blue.release();
      await slow;
    });

    test('waiting for them is not cut short by a wall clock that is set meanwhile', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const slow = ask('/wait');
      await waitUntil('it is at the service', () => blue.waiting() === 1);
      let [day, pauses, outcome] = [0, 0, ''];
      const jumping = {
        ...realClock,
        nowMs: () => realClock.nowMs() + day++ * 86_400_000,
        sleep: (ms: number, signal?: AbortSignal) => realClock.sleep(ms, signal).then(() => void (pauses += 1)),
      };
      const wait = router.drained('blue', 600, { ...effect, clock: jumping }).then((how) => (outcome = how));
      await waitUntil('it was looked at a few times', () => pauses > 2 || outcome !== '');
      blue.release();
      expect(await wait).toBe('drained');
      await slow;
    });

    test('waiting for them ends when the release is aborted', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const slow = ask('/wait');
      await waitUntil('it is at the service', () => blue.waiting() === 1);
      const aborting = testEffect(folder);
      const wait = router.drained('blue', 600, aborting);
      aborting.abort();
      await expect(wait).rejects.toThrow();
      blue.release();
      await slow;
    });

    test('of a slot that is unknown are none', async () => {
      expect(await router.drained('nobody', 1, effect)).toBe('drained');
    });

    test('are cut with Connection: close and leave nothing behind', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const slow = ask('/wait');
      const streaming = ask('/stream').then(
        () => 'whole',
        () => 'broken',
      );
      await waitUntil('both are at the service', () => blue.waiting() === 2);
      await router.put({ generation: 2, slots: both(0) }, effect);
      await router.cut('blue', effect);
      expect(await slow).toMatchObject({ status: 503, headers: { connection: 'close' } });
      expect(await streaming).toBe('broken');
      expect(await router.drained('blue', 10, effect)).toBe('drained');
      expect((await ask()).body).toBe('green 0');
    });

    test('that a client gives up are no longer counted', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const leaving = request({ ...address, path: '/wait', agent: false }).on('error', () => undefined);
      leaving.end();
      await waitUntil('it is at the service', () => blue.waiting() === 1);
      expect(await inFlight('blue')).toBe(1);
      leaving.destroy();
      expect(await router.drained('blue', 10, effect)).toBe('drained');
    });
  });

  describe(`router ${kind}: WebSockets`, () => {
    const connect = async (): Promise<WebSocket> => {
      const client = new WebSocket(`ws://${address.host}:${address.port}/`);
      await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
      return client;
    };
    const echo = (client: WebSocket, text: string): Promise<string> =>
      new Promise((resolve) => {
        client.once('message', (data: Buffer) => resolve(data.toString()));
        client.send(text);
      });

    test('live through a switch and count as in flight', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const clients = [await connect(), await connect(), await connect()];
      await router.put({ generation: 2, slots: both(0) }, effect);
      expect(await Promise.all(clients.map((client, i) => echo(client, `m${i}`)))).toEqual(['m0', 'm1', 'm2']);
      expect(await inFlight('blue')).toBe(3);
      for (const client of clients) client.close();
      expect(await router.drained('blue', 10, effect)).toBe('drained');
    });

    test('are closed with 1012 when their slot is cut', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      const client = await connect();
      await echo(client, 'hello');
      const closed = new Promise((resolve) => client.once('close', resolve));
      await router.cut('blue', effect);
      expect(await closed).toBe(1012);
      expect(await router.drained('blue', 10, effect)).toBe('drained');
    });

    test('get an answer, not a hang, when no slot takes them', async () => {
      await expect(connect()).rejects.toThrow('503');
      await router.put({ generation: 1, slots: [{ ...blue.slot(100), port: 1 }] }, effect);
      await expect(connect()).rejects.toThrow('502');
    });
  });

  describe(`router ${kind}: probe`, () => {
    test('tells through the public port which slots answer', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      expect(await router.probe(5, effect)).toEqual(Array.from({ length: 5 }, () => 'blue'));
      await router.put({ generation: 2, slots: both(50) }, effect);
      expect(new Set(await router.probe(40, effect))).toEqual(new Set(['blue', 'green']));
    });

    test('does not count a slot that is dead', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      await blue.kill();
      expect(await router.probe(3, effect)).toEqual([]);
    });

    test('shows slots to nobody else', async () => {
      await router.put({ generation: 1, slots: both(100) }, effect);
      expect(Object.keys((await ask()).headers).filter((name) => name.includes('shipway'))).toEqual([]);
    });
  });
}

/** One request over a connection of its own; rejects when the answer is broken off. */
export function askAt(
  address: { host: string; port: number },
  {
    path,
    method,
    body,
    headers = {},
  }: { path: string; method: string; body: string; headers?: Record<string, string> },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request({ ...address, path, method, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text, headers: answer.headers }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
