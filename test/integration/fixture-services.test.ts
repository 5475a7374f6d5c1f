import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../support/free-port.ts';
import { waitUntil } from '../support/wait-until.ts';

// Everything else is tested with these services, so they are tested themselves.

let folder: string;
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-fixture-'));
});

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  child = null;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the service and returns its address once it accepts connections. */
async function start(name: string, env: Record<string, string> = {}): Promise<string> {
  const port = await freePort();
  child = spawn(process.execPath, [resolve('test/fixtures/services', name)], {
    env: { ...process.env, PORT: String(port), VERSION: '1.2.0', RECORDER: join(folder, 'starts'), ...env },
    stdio: 'ignore',
  });
  await waitUntil(`${name} to listen`, () => accepts(port));
  return `http://127.0.0.1:${port}`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => done(true));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function statuses(address: string, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let asked = 0; asked < count; asked++) all.push((await fetch(address)).status);
  return all;
}

test('the healthy service answers its version, echoes, counts and records its start', async () => {
  const address = await start('healthy.mjs');
  expect(await (await fetch(`${address}/health`)).json()).toMatchObject({ status: 'ok', version: '1.2.0' });
  expect(await (await fetch(`${address}/echo`, { method: 'POST', body: 'hello' })).text()).toBe('hello');
  expect((await fetch(`${address}/slow?ms=5`)).status).toBe(200);
  expect((await fetch(`${address}/nothing`)).status).toBe(404);
  const metrics = await (await fetch(`${address}/metrics`)).text();
  expect(metrics).toContain('http_requests_total{status="200"} 3\n');
  expect(metrics).toContain('http_requests_total{status="404"} 1\n');
  expect(metrics).toContain('http_request_duration_seconds_count 4\n');
  expect(readFileSync(join(folder, 'starts'), 'utf8')).toBe(`healthy - ${child?.pid}\n`);
});

test('it echoes over WebSocket, long messages too', async () => {
  const socket = new WebSocket(`${await start('healthy.mjs')}/`);
  await once(socket, 'open');
  for (const text of ['hello', 'x'.repeat(5000)]) {
    socket.send(text);
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe(text);
  }
  socket.close(1000);
  expect((await once(socket, 'close'))[0]).toBe(1000);
});

test('on SIGTERM it ends by itself, and answers what is in flight first', async () => {
  const address = await start('healthy.mjs');
  const inFlight = fetch(`${address}/slow?ms=200`);
  await waitUntil('the request to arrive', async () => (await fetch(`${address}/health`)).ok);
  child?.kill('SIGTERM');
  expect((await inFlight).status).toBe(200);
  const [code] = (await once(child!, 'exit')) as [number];
  expect(code).toBe(0);
});

test('fails-some fails exactly its share and stays healthy', async () => {
  const address = await start('fails-some.mjs', { FAIL_SHARE: '0.25' });
  expect((await statuses(`${address}/`, 20)).filter((status) => status === 500)).toHaveLength(5);
  expect(await statuses(`${address}/health`, 5)).toEqual([200, 200, 200, 200, 200]);
});

test('flaps is well and unwell in turns', async () => {
  const address = await start('flaps.mjs', { GOOD: '2', BAD: '1' });
  expect(await statuses(`${address}/health`, 6)).toEqual([200, 200, 503, 200, 200, 503]);
});

test('wrong-version answers another version', async () => {
  const address = await start('wrong-version.mjs');
  expect(await (await fetch(`${address}/health`)).json()).toMatchObject({ version: '0.0.1' });
});

test('hangs accepts and never answers', async () => {
  const address = await start('hangs.mjs');
  await expect(fetch(`${address}/health`, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
});

test('leaks-memory grows to its limit', async () => {
  const address = await start('leaks-memory.mjs', { LEAK_MIB: '16', LEAK_MS: '10', LEAK_LIMIT_MIB: '64' });
  const bytes = async () => {
    const text = await (await fetch(`${address}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(text)?.[1]);
  };
  expect(await waitUntil('it to grow', async () => (await bytes()) > 100 * 2 ** 20)).toBe(true);
});
