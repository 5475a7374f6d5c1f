import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { realClock } from './clock.ts';
import { exchange, type ExchangeAnswer, type ExchangeRequest } from './http-exchange.ts';

let server: Server | null = null;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
});

/** What the other side does once it has heard the head of the request. */
async function serve(act: (socket: Socket, heard: () => string) => void): Promise<URL> {
  const made = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let text = '';
    let isHeadHeard = false;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isHeadHeard || !text.includes('\r\n\r\n')) return;
      isHeadHeard = true;
      act(socket, () => text);
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(made.address() as AddressInfo).port}/bucket/name?x=1`);
}

function ask(url: URL, change: Partial<ExchangeRequest> = {}): Promise<ExchangeAnswer> {
  const { signal } = new AbortController();
  return exchange({ method: 'GET', url, headers: {}, silenceSeconds: 30, signal, ...change });
}

async function bytesOf(answer: ExchangeAnswer, pauseMs = 0): Promise<number> {
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (pauseMs > 0) await realClock.sleep(pauseMs);
    }
  } finally {
    await answer.close();
  }
  return bytes;
}

const head = (bytes: number): string => `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`;

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

describe('an answer that is read slowly', () => {
  const MIB = 1024 * 1024;

  it.each(['ended', 'reset'])(
    'and is %s before its length is unreachable, and does not end the process',
    async (how) => {
      const url = await serve((socket) => {
        socket.write(head(8 * MIB));
        socket.write(Buffer.alloc(MIB));
      });
      const answer = await ask(url);
      const cut = (): void => sockets.forEach((socket) => (how === 'ended' ? socket.end() : socket.resetAndDestroy()));
      setTimeout(cut, 100); // while the reader pauses
      await expect(bytesOf(answer, 40)).rejects.toMatchObject({ kind: 'unreachable', retry: true });
    },
  );

  it('comes whole from a server that closes behind it', async () => {
    const url = await serve((socket) => socket.end(Buffer.concat([Buffer.from(head(MIB)), Buffer.alloc(MIB)])));
    expect(await bytesOf(await ask(url), 40)).toBe(MIB);
  });

  it('and was cut before anybody began to read is unreachable', async () => {
    const url = await serve((socket) => socket.write(`${head(10)}half`));
    const answer = await ask(url);
    for (const socket of sockets) socket.resetAndDestroy();
    await realClock.sleep(50); // until it is known here
    await expect(bytesOf(answer)).rejects.toMatchObject({ kind: 'unreachable', retry: true });
  });
});

describe('a body that is sent', () => {
  it('goes piece by piece with the length that was told', async () => {
    const url = await serve((socket, heard) =>
      socket.on('data', () => (heard().endsWith('onetwo') ? socket.end(head(0)) : undefined)),
    );
    const body = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('one');
      await realClock.sleep(20);
      yield Buffer.from('two');
    };
    const answer = await ask(url, { method: 'PUT', headers: { 'content-length': '6' }, body: body() });
    expect([answer.status, await bytesOf(answer)]).toEqual([200, 0]);
  });

  it.each([
    ['shorter', ['one']],
    ['longer', ['one', 'two', 'three']],
  ])('and is %s than was told ends the request', async (_, texts) => {
    const url = await serve(() => undefined);
    const request = { method: 'PUT', headers: { 'content-length': '6' }, body: pieces(...texts) };
    await expect(ask(url, request)).rejects.toThrow('the body has not the 6 bytes that were told');
  });

  it('and cannot be read is no matter of the connection', async () => {
    const url = await serve(() => undefined);
    const broken = new Error('the disk is broken');
    const body = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('one');
      throw broken;
    };
    const request = { method: 'PUT', headers: { 'content-length': '6' }, body: body() };
    await expect(ask(url, request)).rejects.toBe(broken);
  });

  it('and is refused before its end is answered, and read no further', async () => {
    const url = await serve((socket) => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
    let isLeft = false;
    const body = async function* (): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          yield Buffer.alloc(1000);
          await realClock.sleep(5);
        }
      } finally {
        isLeft = true;
      }
    };
    const request = { method: 'PUT', headers: { 'content-length': '100000000' }, body: body() };
    const answer = await ask(url, request);
    expect([answer.status, await bytesOf(answer)]).toEqual([403, 2]);
    await expect.poll(() => isLeft).toBe(true);
  });
});

describe('a server', () => {
  it('that says nothing is given up', async () => {
    const url = await serve(() => undefined);
    await expect(ask(url, { silenceSeconds: 0.2 })).rejects.toMatchObject({
      kind: 'unreachable',
      message: `GET ${url.origin}: nothing was heard for 0.2 s`,
    });
  });

  it('that falls silent in the middle is given up', async () => {
    const url = await serve((socket) => socket.write(`${head(10)}half`));
    await expect(bytesOf(await ask(url, { silenceSeconds: 0.2 }))).rejects.toMatchObject({
      message: `GET ${url.origin}: nothing was heard for 0.2 s`,
    });
  });

  it('is not asked any further when somebody stops it', async () => {
    const stop = new AbortController();
    const url = await serve((socket) => socket.write(`${head(10)}half`));
    const answer = await ask(url, { signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(bytesOf(answer)).rejects.toThrow('stopped');
    await expect(ask(url, { signal: stop.signal })).rejects.toThrow('stopped');
  });

  it('that is not there or does not speak HTTP is unreachable, with the reason', async () => {
    const url = await serve((socket) => socket.end('220 mail.example ESMTP\r\n'));
    const where = `http://${url.host}/bucket/name`;
    await expect(ask(url)).rejects.toMatchObject({ message: `GET ${where}: what came back is not HTTP` });
    await new Promise<void>((resolve) => server?.close(() => resolve()));
    server = null;
    await expect(ask(url)).rejects.toMatchObject({ message: `GET ${where}: the connection was refused` });
  });

  it('that speaks no TLS is unreachable', async () => {
    const url = await serve((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    server?.on('connection', (socket: Socket) => socket.once('data', () => socket.end('not TLS at all\r\n')));
    const tls = new URL(url.href.replace('http:', 'https:'));
    await expect(ask(tls)).rejects.toMatchObject({ message: expect.stringContaining('what came back is not TLS') });
  });
});
