import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Slot } from './router.ts';

/** A small real service for tests of routers. It answers with its name, what it got, and how it was told to answer. */
export interface SampleApp {
  name: string;
  port: number;
  /** Requests that reached it, by method. */
  seen: string[];
  sockets: Set<Socket>;
  /** How many requests wait for `release`. */
  waiting(): number;
  release(): void;
  /** Ends it at once, with everything in flight, like SIGKILL. */
  kill(): Promise<void>;
  slot(weight: number): Slot;
}

/** Paths: `/wait` answers after `release()`, `/stream` sends its head and then waits, a WebSocket echoes; anything else answers at once. */
export async function startSampleApp(
  name: string,
  port = 0,
  answer: (req: IncomingMessage, res: ServerResponse) => boolean = () => false,
): Promise<SampleApp> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let held: (() => void)[] = [];
  const server = createServer((req, res) => {
    seen.push(`${req.method} ${req.url}`);
    if (answer(req, res)) return;
    let bytes = 0;
    req.on('data', (chunk: Buffer) => (bytes += chunk.length));
    req.on('end', () => {
      const finish = () => res.end(`${name} ${bytes}`);
      if (req.url === '/stream') res.write('begun ');
      if (req.url === '/wait' || req.url === '/stream') held.push(finish);
      else finish();
    });
  });
  const echo = new WebSocketServer({ server });
  echo.on('connection', (client) => client.on('message', (data, isBinary) => client.send(data, { binary: isBinary })));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await listen(server, port);
  const chosen = (server.address() as AddressInfo).port;
  return {
    name,
    port: chosen,
    seen,
    sockets,
    waiting: () => held.length,
    release() {
      for (const finish of held) finish();
      held = [];
    },
    kill: () =>
      new Promise((resolve) => {
        echo.close();
        server.close(() => resolve());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
    slot: (weight) => ({
      id: name,
      release: `release-${name}`,
      version: '1.0.0',
      host: '127.0.0.1',
      port: chosen,
      weight,
    }),
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
