import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../test/support/free-port.ts';
import { isProblem, type Problem } from '../core/release/problem.ts';
import { request } from './http-client.ts';
import { registerSecret } from './redact.ts';

const servers: (Server | NetServer)[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server | NetServer, path?: string): Promise<string> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  return path ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serve(listener: RequestListener): Promise<string> {
  return listen(createHttpServer(listener));
}

function serveRaw(onSocket: (socket: Socket) => void): Promise<string> {
  return listen(
    createNetServer((socket) => {
      socket.on('error', () => undefined);
      onSocket(socket);
    }),
  );
}

function get(url: string, timeoutMs = 10_000) {
  return request({ method: 'GET', url, timeoutMs });
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isProblem(error)) throw new Error(`expected a problem, got ${String(error)}`);
  return error;
}

describe('request', () => {
  it('returns status, headers and body', async () => {
    const url = await serve((_, response) => {
      response.writeHead(503, { 'X-Reason': 'warming up', 'Set-Cookie': ['a=1', 'b=2'] }).end('not yet é');
    });
    const answer = await get(`${url}/health?deep=1`);
    expect(answer).toMatchObject({ status: 503, body: 'not yet é', bodyCut: false });
    expect(answer.headers).toMatchObject({ 'x-reason': 'warming up', 'set-cookie': 'a=1, b=2' });
    expect(answer.durationMs).toBeGreaterThan(0);
  });

  it('sends method, path, headers and body', async () => {
    const url = await serve((message, response) => {
      let body = '';
      message.on('data', (chunk: Buffer) => (body += chunk.toString()));
      message.on('end', () => {
        response.end(JSON.stringify([message.method, message.url, message.headers['x-a'], message.headers.host, body]));
      });
    });
    const answer = await request({
      method: 'post',
      url: `${url}/a%20b?c=d#e`,
      headers: { 'X-A': '1' },
      body: 'ü',
      timeoutMs: 9000,
    });
    expect(JSON.parse(answer.body)).toEqual(['POST', '/a%20b?c=d', '1', new URL(url).host, 'ü']);
  });

  it('follows no redirect', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());
    expect(await get(url)).toMatchObject({ status: 302, headers: { location: '/elsewhere' } });
  });

  it('uses a connection of its own each time and asks the server to close it', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((message, response) => {
      ports.add(message.socket.remotePort);
      response.end(message.headers.connection);
    });
    for (let i = 0; i < 3; i++) expect((await get(url)).body).toBe('close');
    expect(ports.size).toBe(3);
  });

  it('cuts a body that is too long and ends the connection', async () => {
    const url = await serve((message, response) => {
      const timer = setInterval(() => response.write('x'.repeat(50_000)), 1);
      message.socket.on('close', () => clearInterval(timer));
    });
    const answer = await request({ method: 'GET', url, timeoutMs: 10_000, maxBodyBytes: 1000 });
    expect(answer).toMatchObject({ status: 200, bodyCut: true });
    expect(answer.body).toBe('x'.repeat(1000));
  });

  it('speaks over a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shipway-http-'));
    const socketPath = join(folder, 's');
    await listen(
      createHttpServer((message, response) => response.end(message.url)),
      socketPath,
    );
    expect(await request({ method: 'GET', url: 'http://localhost/info', socketPath, timeoutMs: 9000 })).toMatchObject({
      body: '/info',
    });
    const gone = { method: 'GET', url: 'http://localhost/info', socketPath: join(folder, 'gone'), timeoutMs: 9000 };
    expect((await problemOf(request(gone))).message).toBe(`GET ${folder}/gone /info: the socket does not exist`);
    rmSync(folder, { recursive: true });
  });

  it('signs in with the name and password of the URL, and shows neither when it fails', async () => {
    const url = await serve((message, response) => response.end(message.headers.authorization));
    const { body } = await get(url.replace('//', '//ann:p%40ss@'));
    expect(Buffer.from(body.slice('Basic '.length), 'base64').toString()).toBe('ann:p@ss');
    const { body: bare } = await get(url.replace('//', '//ann:50%off@'));
    expect(Buffer.from(bare.slice('Basic '.length), 'base64').toString()).toBe('ann:50%off');
    const port = await freePort();
    const problem = await problemOf(get(`http://ann:p%40ss@127.0.0.1:${port}/x`));
    expect(problem.where).toBe(`http://127.0.0.1:${port}/x`);
    expect(problem.message).not.toContain('p%40ss');
  });
});

describe('an address that does not answer', () => {
  it('is refused', async () => {
    const port = await freePort();
    const problem = await problemOf(get(`http://127.0.0.1:${port}/health`));
    expect(problem.kind).toBe('unreachable');
    expect(problem.message).toBe(`GET http://127.0.0.1:${port}/health: the connection was refused`);
    expect(problem.next).toBe('Check that the service runs and listens on this port.');
    expect(problem.retry).toBe(true);
  });

  it('is refused under a name with several addresses', async () => {
    const port = await freePort();
    expect((await problemOf(get(`http://localhost:${port}/`))).message).toContain('the connection was refused');
  });

  it('is reset', async () => {
    const url = await serveRaw((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect((await problemOf(get(url))).message).toBe(`GET ${url}/: the connection was reset`);
  });

  it('is closed without an answer', async () => {
    const url = await serveRaw((socket) => socket.once('data', () => socket.end()));
    expect((await problemOf(get(url))).message).toBe(`GET ${url}/: the connection was reset`);
  });

  it('is closed in the middle of the body', async () => {
    const url = await serveRaw((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')),
    );
    expect((await problemOf(get(url))).message).toBe(`GET ${url}/: the connection was reset`);
  });

  it('never begins to answer', async () => {
    const url = await serveRaw(() => undefined);
    expect((await problemOf(get(url, 200))).message).toBe(`GET ${url}/: it timed out after 0.2 s`);
  });

  it('never ends its answer', async () => {
    const url = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
      const timer = setInterval(() => socket.write('.'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    expect((await problemOf(get(url, 300))).message).toBe(`GET ${url}/: it timed out after 0.3 s`);
  });

  it('does not speak HTTP', async () => {
    const url = await serveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect((await problemOf(get(url))).message).toBe(`GET ${url}/: what came back is not HTTP`);
  });

  it('does not speak TLS', async () => {
    const url = (await serve((_, response) => response.end())).replace('http:', 'https:');
    expect((await problemOf(get(url))).message).toBe(`GET ${url}/: what came back is not TLS`);
  });

  it('has a name that nobody knows', async () => {
    expect((await problemOf(get('http://no-such-host.invalid/'))).message).toContain('the name was not found');
  });

  it('is no longer asked when the release is aborted', async () => {
    const url = await serveRaw(() => undefined);
    const abort = new AbortController();
    const asked = problemOf(request({ method: 'GET', url, timeoutMs: 20_000, signal: abort.signal }));
    abort.abort();
    expect((await asked).message).toBe(`GET ${url}/: it was aborted`);
    const before = request({ method: 'GET', url, timeoutMs: 20_000, signal: AbortSignal.abort() });
    expect((await problemOf(before)).message).toBe(`GET ${url}/: it was aborted`);
  });

  it('shows no secret of its address', async () => {
    registerSecret('HOOK', 'T0P/s3cret-path');
    const port = await freePort();
    const problem = await problemOf(get(`http://127.0.0.1:${port}/hooks/T0P/s3cret-path?key=T0P%2Fs3cret-path`));
    expect(`${problem.message}${problem.where}`).not.toContain('s3cret');
  });
});

describe('an address that is none', () => {
  it.each(['localhost:8080/health', '/health', '', 'ftp://host/', 'http://'])(
    '"%s" is refused before anything is sent',
    async (url) => {
      const problem = await problemOf(get(url));
      expect(problem.kind).toBe('config-invalid');
      expect(problem.message).toBe(`"${url}" is not an address that begins with http:// or https://`);
    },
  );

  it('shows no password of it', async () => {
    const problem = await problemOf(get('postgres://ann:topsecret@host/db'));
    expect(`${problem.message}${problem.where}`).not.toContain('topsecret');
  });

  it('a header or method that cannot be sent is the fault of the release file', async () => {
    const url = await serve((_, response) => response.end());
    const withHeader = { method: 'GET', url, headers: { 'X-A': 'a\r\nX-B: c' }, timeoutMs: 5000 };
    expect((await problemOf(request(withHeader))).kind).toBe('config-invalid');
    expect((await problemOf(request({ method: 'G T', url, timeoutMs: 5000 }))).kind).toBe('config-invalid');
  });
});
