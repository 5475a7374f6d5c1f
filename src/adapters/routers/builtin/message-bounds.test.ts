import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { RequestOptions } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Effect } from '../../../platform/effect.ts';
import { askPrimary } from './admin-client.ts';
import type { RouterReport } from './admin-client.ts';
import { openBuiltinRouter } from './builtin-router.ts';

const ROUNDS = 10; // of what depends on which worker and which kept connection a request meets
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const FORGED = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';

describe('the builtin router keeps messages apart', () => {
  const router = openBuiltinRouter(
    { listen: { host: '127.0.0.1', port: 0 }, component: 'api' },
    { service: 's', environment: 'e' },
  );
  let folder: string;
  let effect: Effect;
  let address: { host: string; port: number };
  let generation = 0;
  let service: Server | null = null;
  let client = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'message-bounds-'));
    effect = testEffect(folder);
    address = await router.ensureRunning(effect);
  });
  afterEach(() => {
    client.destroy();
    client = new Agent({ keepAlive: true, maxSockets: 1 });
    service?.close();
  });
  afterAll(async () => {
    await router.stop(effect);
    rmSync(folder, { recursive: true, force: true });
  });

  /** A service that is nothing but what it reads and writes. */
  async function serve(onData: (text: string, socket: Socket) => void): Promise<Set<Socket>> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => onData(data.toString('latin1'), socket));
    });
    service = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    generation += 1;
    const slot = { id: `s${port}`, release: 'r', version: '1', host: '127.0.0.1', port, weight: 100 };
    await router.put({ generation, slots: [slot] }, effect);
    return sockets;
  }
  /** Over the one connection of the client, which stays with one worker. */
  function ask(options: RequestOptions = {}, body: string | Buffer = ''): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const sent = request({ ...address, agent: client, ...options }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
  function raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      let got = '';
      const socket = connect(address.port, address.host, () => socket.write(text, 'latin1'));
      socket.on('data', (data: Buffer) => (got += data.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(got));
    });
  }

  test.each([
    ['a length with a sign', 'content-length: +4\r\n\r\nabcd'],
    ['a coding that only looks like chunked', 'transfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a blank before the colon', 'transfer-encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded coding beside a length', 'content-length: 4\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
    ['a coding twice', 'transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n'],
    ['a chunk that is longer than it says', 'transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
  ])('a second request hidden behind %s never arrives', async (_what, rest) => {
    let seen = '';
    await serve((text, socket) => void ((seen += text), socket.write(OK)));
    expect(await raw(`POST / HTTP/1.1\r\nhost: x\r\n${rest}GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400/,
    );
    expect(seen).not.toContain('smuggled');
    expect(seen).not.toContain('0\r\n\r\n'); // nor does the first one, as a whole
  });

  test('a chunked request stays chunked when the client names its coding as a connection field', async () => {
    let seen = '';
    await serve((text, socket) => {
      seen += text;
      if (seen.endsWith('0\r\n\r\n')) socket.write(OK);
    });
    const headers = { 'transfer-encoding': 'chunked', connection: 'transfer-encoding' };
    expect((await ask({ method: 'POST', headers, agent: false }, 'abc')).status).toBe(200);
    expect(seen).toMatch(/\r\ntransfer-encoding: chunked\r\n[^]*\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/i);
    expect(seen).not.toMatch(/content-length/i);
  });

  test('nothing follows a chunked request on its connection, though the service would keep it', async () => {
    const perConnection = new Map<Socket, number>();
    await serve((text, socket) => {
      perConnection.set(socket, (perConnection.get(socket) ?? 0) + text.split(' HTTP/1.1\r\n').length - 1);
      if (text.endsWith('\r\n\r\n') && (text.startsWith('GET') || text.includes('0\r\n\r\n'))) socket.write(OK);
    });
    for (let i = 0; i < ROUNDS; i += 1) {
      expect((await ask({ method: 'POST', headers: { 'transfer-encoding': 'chunked' } }, 'abc')).status).toBe(200);
    }
    expect([...perConnection.values()]).toEqual(Array.from({ length: ROUNDS }, () => 1));
  });

  test('what a service says unasked is never the answer to the next request', async () => {
    let written = 0;
    await serve((_text, socket) => {
      socket.write(OK);
      setImmediate(() => socket.write(FORGED, () => (written += 1)));
    });
    for (let i = 1; i <= ROUNDS; i += 1) {
      expect((await ask()).body.toString()).toBe('ok');
      await waitUntil('the service said more', () => written >= i);
      await router.observe(effect); // both workers have read what came before this question
    }
  });

  test('two answers in one piece are one', async () => {
    await serve((_text, socket) => socket.write(OK + FORGED));
    for (let i = 0; i < ROUNDS; i += 1) expect((await ask()).body.toString()).toBe('ok');
  });

  test.each([
    ['POST', 'content-length: 0'],
    ['DELETE', 'content-length: 0'],
    ['OPTIONS', 'content-length: 0'],
    ['GET', ''],
  ])('a %s without a body says so where the method leaves it open', async (method, expected) => {
    let seen = '';
    await serve((text, socket) => void ((seen += text), socket.write(OK)));
    await raw(`${method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(/content-length: \d+|transfer-encoding/i.exec(seen)?.[0] ?? '').toBe(expected);
  });

  test('a client of HTTP/1.0 gets a chunked answer without chunks, and the service a host', async () => {
    let seen = '';
    await serve((text, socket) => {
      seen += text;
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    });
    const got = await raw('GET /old HTTP/1.0\r\nconnection: keep-alive\r\n\r\n');
    expect(got).toMatch(/\r\nconnection: close\r\n[^]*\r\n\r\nabc$/i);
    expect(got).not.toMatch(/transfer-encoding/i);
    expect(seen).toMatch(/\r\nhost: 127\.0\.0\.1:\d+\r\n/i);
  });

  test.each([10, 16_384, 16_385, 200_000])('a body of %i bytes arrives byte for byte', async (length) => {
    const body = Buffer.from(Array.from({ length }, (_, i) => i % 256));
    await serve((_text, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\nx-name: caf\xe9\r\n\r\n`, 'latin1');
      socket.write(body);
    });
    for (let i = 0; i < ROUNDS; i += 1) expect((await ask()).body.equals(body)).toBe(true);
  });

  test('an answer that ends with its connection arrives whole', async () => {
    await serve((_text, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    expect((await ask()).body.toString()).toBe('until the end');
  });

  test('an answer before the end of the request is given at once, and the connection with half a request goes', async () => {
    const answered = new Set<Socket>();
    const sockets = await serve((_text, socket) => {
      if (!answered.has(socket)) socket.write(OK);
      answered.add(socket);
    });
    const got = await ask({ method: 'POST' }, Buffer.alloc(20_000_000));
    expect([got.status, got.body.toString()]).toEqual([200, 'ok']);
    await waitUntil('it is gone', () => [...sockets].every(({ destroyed }) => destroyed));
    expect((await ask()).status).toBe(200);
  });
  test.each([
    ['a control character in its first line', 'HTTP/1.1 200 O\x01K\r\ncontent-length: 2\r\n\r\nok'],
    ['a trailer announced but no chunks', 'HTTP/1.1 200 OK\r\ntrailer: x\r\ncontent-length: 2\r\n\r\nok'],
    ['a change of protocol nobody asked for', 'HTTP/1.1 101 X\r\nupgrade: y\r\nconnection: upgrade\r\n\r\n'],
    ['something that is not HTTP', 'hello\r\n\r\n'],
  ])('an answer with %s harms nobody else', async (_what, text) => {
    const pidsBefore = await pids();
    await serve((asked, socket) => socket.write(asked.startsWith('GET /odd') ? text : OK));
    for (let i = 0; i < ROUNDS; i += 1) expect([200, 502]).toContain((await ask({ path: '/odd' })).status);
    expect((await ask()).body.toString()).toBe('ok');
    expect(await pids()).toEqual(pidsBefore);
  });

  test('a request with a trailer announced but no chunks is passed on without it', async () => {
    let seen = '';
    await serve((text, socket) => void ((seen += text), socket.write(OK)));
    const got = await raw(
      'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntrailer: x\r\ncontent-length: 1\r\n\r\ny',
    );
    expect(got).toMatch(/^HTTP\/1\.1 200/);
    expect(seen).not.toMatch(/trailer/i);
  });

  async function pids(): Promise<number[]> {
    const directory = join(effect.stateDirectory, 'routers', 's.e');
    const reply = await askPrimary(directory, { method: 'GET', path: '/state' });
    if (reply === null) throw new Error('the router is gone');
    return (reply.body as unknown as RouterReport).workers.map(({ pid }) => pid);
  }
});
