import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Effect } from '../../../platform/effect.ts';
import { askAt } from '../router.suite.ts';
import { openBuiltinRouter } from './builtin-router.ts';

const LARGE_BYTES = 20 * 1024 * 1024; // more than all buffers between client and service together

describe('the builtin router passes on', () => {
  const router = openBuiltinRouter(
    { listen: { host: '127.0.0.1', port: 0 }, component: 'api' },
    { service: 's', environment: 'e' },
  );
  let folder: string;
  let effect: Effect;
  let address: { host: string; port: number };
  let generation = 0;
  let answer: (req: IncomingMessage, res: ServerResponse) => void;
  const app = createServer((req, res) => answer(req, res));
  let servers: Server[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'passing-on-'));
    effect = testEffect(folder);
    address = await router.ensureRunning(effect);
    await listening(app);
  });
  beforeEach(() => route([portOf(app)]));
  afterEach(() => {
    for (const server of servers) server.close();
    servers = [];
  });
  afterAll(async () => {
    await router.stop(effect);
    app.closeAllConnections();
    app.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function route(ports: number[], weights = ports.map(() => 100 / ports.length)): Promise<void> {
    generation += 1;
    const slots = ports.map((port, i) => ({
      id: `s${port}`,
      release: 'r',
      version: '1',
      host: '127.0.0.1',
      port,
      weight: weights[i] ?? 0,
    }));
    await router.put({ generation, slots }, effect);
  }
  async function rawService(onRequest: (text: string, end: (answer: string | null) => void) => void): Promise<number> {
    const server = createNetServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) =>
        onRequest(data.toString('latin1'), (text) => (text === null ? socket.resetAndDestroy() : socket.write(text))),
      );
    });
    servers.push(server);
    await listening(server);
    return portOf(server);
  }
  const ask = (path: string, method = 'GET', body = '', headers = {}) =>
    askAt(address, { path, method, body, headers });

  test('where a request came from, appended to what was said before', async () => {
    let got: IncomingHttpHeaders = {};
    answer = (req, res) => void ((got = req.headers), res.end());
    await ask('/', 'GET', '', { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' });
    expect(got['x-forwarded-for']).toBe('203.0.113.9, 127.0.0.1');
    expect([got['x-forwarded-proto'], got['x-forwarded-host']]).toEqual(['https', `127.0.0.1:${address.port}`]);
  });

  test('no field that belongs to the connection, and none that the client hides behind Connection', async () => {
    let got: IncomingHttpHeaders = {};
    answer = (req, res) => void ((got = req.headers), res.end());
    await ask('/', 'POST', 'abc', {
      connection: 'x-secret, content-length, keep-alive',
      'x-secret': '1',
      te: 'trailers',
      'proxy-connection': 'x',
    });
    expect(Object.keys(got).filter((name) => ['x-secret', 'te', 'proxy-connection'].includes(name))).toEqual([]);
    expect(got['content-length']).toBe('3');
  });

  test('no field of an answer that the service names as one of its connection', async () => {
    answer = (_req, res) => {
      const named = 'x-hop, content-length, set-cookie, keep-alive';
      res.writeHead(200, { connection: named, 'x-hop': '1', 'x-end': '2', 'set-cookie': 'a=1', 'content-length': '2' });
      res.end('ok');
    };
    const { headers, body } = await ask('/');
    expect([headers['x-hop'], headers['x-end'], headers['set-cookie'], body]).toEqual([undefined, '2', ['a=1'], 'ok']);
  });

  test('large bodies both ways, chunked or not, byte for byte in number', async () => {
    answer = (req, res) => {
      let bytes = 0;
      req.on('data', (chunk: Buffer) => (bytes += chunk.length));
      req.on('end', () => res.end(`${bytes} `.padEnd(LARGE_BYTES, 'x')));
    };
    const body = 'y'.repeat(LARGE_BYTES);
    for (const headers of [{ 'content-length': String(LARGE_BYTES) }, { 'transfer-encoding': 'chunked' }]) {
      const got = await ask('/', 'POST', body, headers);
      expect([got.body.length, got.body.split(' ')[0]]).toEqual([LARGE_BYTES, String(LARGE_BYTES)]);
    }
  });

  test('a stream as it comes, without collecting it', async () => {
    let finish = (): void => undefined;
    answer = (_req, res) => {
      res.write('first');
      finish = () => res.end('last');
    };
    const seen: string[] = [];
    const sent = request({ ...address, agent: false }, (res) =>
      res.setEncoding('utf8').on('data', (chunk: string) => seen.push(chunk)),
    );
    sent.end();
    await waitUntil('the first piece is here', () => seen.join('') === 'first');
    finish();
    await waitUntil('the last piece is here', () => seen.join('') === 'firstlast');
  });

  test('answers without a body as they are: HEAD, 204, 304', async () => {
    answer = (req, res) =>
      void res
        .writeHead(
          req.url === '/' ? 200 : Number(req.url?.slice(1)),
          req.method === 'HEAD' ? { 'content-length': 5 } : { etag: 'a' },
        )
        .end();
    const head = await ask('/', 'HEAD');
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '5', '']);
    for (const status of [204, 304])
      expect(await ask(`/${status}`)).toMatchObject({ status, body: '', headers: { etag: 'a' } });
  });

  test('the final answer when the service sends 100 or 103 before it', async () => {
    answer = (req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      req.resume().on('end', () => res.end('done'));
    };
    expect(await ask('/', 'POST', 'abc', { expect: '100-continue' })).toMatchObject({ status: 200, body: 'done' });
  });

  test('trailers both ways, but none that could forge a message', async () => {
    let got: NodeJS.Dict<string> = {};
    answer = (req, res) => {
      res.setHeader('trailer', 'x-sum');
      req.resume().on('end', () => {
        got = req.trailers;
        res.write('body');
        res.addTrailers({ 'x-sum': '42' });
        res.end();
      });
    };
    const trailers = await new Promise<NodeJS.Dict<string>>((resolve, reject) => {
      const headers = { trailer: 'x-check', 'transfer-encoding': 'chunked' };
      const sent = request({ ...address, method: 'POST', headers, agent: false }, (res) =>
        res.resume().on('end', () => resolve(res.trailers)),
      );
      sent.on('error', reject);
      sent.write('data');
      sent.addTrailers({ 'x-check': '7', authorization: 'forged' });
      sent.end();
    });
    expect([trailers, got]).toEqual([{ 'x-sum': '42' }, { 'x-check': '7' }]);
  });

  test('a broken answer as a broken answer', async () => {
    answer = (_req, res) => {
      res.writeHead(200, { 'content-length': 100 });
      res.write('half', () => res.socket?.resetAndDestroy());
    };
    await expect(ask('/')).rejects.toThrow();
  });

  test('that the client is gone, so that the service can stop working', async () => {
    let isClosed = false;
    answer = (_req, res) => void res.on('close', () => (isClosed = true));
    const sent = request({ ...address, agent: false }).on('error', () => undefined);
    sent.end();
    await waitUntil('the service has it', async () => (await router.observe(effect))?.slots[0]?.inFlight === 1);
    sent.destroy();
    await waitUntil('the service sees the end', () => isClosed);
  });

  test('a request whose client is slow, without holding up others', async () => {
    answer = (req, res) => void req.resume().on('end', () => res.end('ok'));
    const slow = connect(address.port, address.host);
    slow.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab');
    expect((await ask('/')).body).toBe('ok');
    const text = new Promise<string>((resolve) => slow.once('data', (data: Buffer) => resolve(data.toString())));
    slow.write('cd');
    expect(await text).toContain('200 OK');
    slow.destroy();
  });

  test('a request that offers h2c as HTTP/1.1', async () => {
    answer = (req, res) => res.end(`plain ${req.headers.upgrade ?? 'without upgrade'}`);
    const text = await raw(
      'GET /x HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1.1 200 OK[^]*plain without upgrade/);
  });

  test('the path of an absolute request target', async () => {
    answer = (req, res) => res.end(req.url);
    expect(await raw('GET http://shop.example/a/b?c=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')).toContain(
      '/a/b?c=1',
    );
  });

  test.each([
    [
      'both lengths',
      'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n',
    ],
    ['two different lengths', 'content-length: 4\r\ncontent-length: 5\r\n\r\nabcd'],
    ['a transfer encoding that is not chunked last', 'transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
  ])('nothing of a request with %s', async (_what, rest) => {
    const seen: string[] = [];
    answer = (req, res) => void (seen.push(req.url ?? ''), res.end());
    expect(await raw(`POST / HTTP/1.1\r\nhost: x\r\n${rest}`)).toMatch(/^HTTP\/1.1 400/);
    expect(seen).toEqual([]);
  });

  test('nothing twice: a request after a chunked one meets a fresh connection', async () => {
    const connections = new Set<unknown>();
    answer = (req, res) => void (connections.add(req.socket), req.resume().on('end', () => res.end()));
    const before = connections.size;
    for (let i = 0; i < 4; i += 1) await ask('/', 'POST', 'abc', { 'transfer-encoding': 'chunked' });
    expect(connections.size - before).toBe(4);
  });

  test('to another slot what one refused to connect to, whatever the method, once and whole', async () => {
    const bodies: string[] = [];
    answer = (req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      req.on('end', () => void (bodies.push(body), res.end('ok')));
    };
    await route([portOf(app), await deadPort()], [1, 99]);
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask('/', 'POST', `body ${i}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(bodies.toSorted()).toEqual(Array.from({ length: 30 }, (_, i) => `body ${i}`).toSorted());
  });

  test('an error instead, when every slot refuses', async () => {
    await route([await deadPort()]);
    const got = await ask('/', 'POST', 'x');
    expect([got.status, JSON.parse(got.body)]).toMatchObject([502, { error: 'instance-unreachable' }]);
  });

  test('a GET once more when a kept connection was dead, but never a POST', async () => {
    for (const [method, statuses] of [
      ['GET', [200, 200]],
      ['POST', [200, 502]],
    ] as const) {
      let isReset = false;
      const got: string[] = [];
      const server = createNetServer((socket) => {
        let count = 0;
        socket.on('error', () => undefined);
        socket.on('data', (data: Buffer) => {
          got.push(data.toString().split(' ')[0] ?? '');
          count += 1;
          if (count === 2) isReset = true;
          if (count === 2) socket.resetAndDestroy();
          else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
        });
      });
      servers.push(server);
      await listening(server);
      await route([portOf(server)]);
      // One client connection stays with one worker, so the second request meets the connection that the first one left.
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const seen = [await statusOf(agent, method), await statusOf(agent, method)];
      agent.destroy();
      expect([seen, isReset]).toEqual([[...statuses], true]);
      expect(got.length).toBe(method === 'GET' ? 3 : 2);
    }
  });

  test('nothing again when the service began to answer', async () => {
    let count = 0;
    const port = await rawService((_text, end) => {
      count += 1;
      if (count === 1) return end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      end('HTTP/1.1 200 ');
      setImmediate(() => end(null));
    });
    await route([port]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect([await statusOf(agent, 'GET'), await statusOf(agent, 'GET')]).toEqual([200, 502]);
    agent.destroy();
    expect(count).toBe(2);
  });

  function statusOf(agent: Agent, method: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request(
        { ...address, method, agent, headers: { 'content-length': method === 'POST' ? 1 : 0 } },
        (res) => {
          res.resume().on('end', () => resolve(res.statusCode ?? 0));
        },
      );
      sent.on('error', reject);
      sent.end(method === 'POST' ? 'x' : '');
    });
  }
  function raw(text: string): Promise<string> {
    return new Promise((resolve) => {
      let got = '';
      const socket = connect(address.port, address.host, () => socket.write(text));
      socket.on('data', (data: Buffer) => (got += data.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(got));
    });
  }
});

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}

async function listening(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}

/** A port that was free a moment ago; the system does not give it out again soon. */
async function deadPort(): Promise<number> {
  const server = createNetServer();
  await listening(server);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
