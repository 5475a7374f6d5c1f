import { request } from 'node:http';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { rename } from '../../../platform/files.ts';
import { INHERITED_SOCKET } from '../../../platform/start-with-socket.ts';

const ONLY_OWNER_UMASK = 0o177;
const LET_GO_LIMIT_MS = 2000; // it answers in under 1 ms; one that hangs finds out from the record that it is replaced

/** Listens on a unix socket that only its owner may open. */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(ONLY_OWNER_UMASK); // the socket is bound inside listen(), so nothing else can be made meanwhile
    server.listen(path, resolve);
    process.umask(before);
  });
}

/** The same under a name that may be in use: whoever connects from now on reaches this server, without a moment of nobody. */
export async function listenInPlaceOf(server: Server, path: string): Promise<void> {
  const beside = `${path}.${process.pid}`;
  await listenPrivately(server, beside);
  await rename(beside, path);
}

/** Asks the primary that is being replaced to let go; false when it is gone or hangs, which is as good. */
export function askToLetGo(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, method: 'POST', path: '/handed-over' }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.setTimeout(LET_GO_LIMIT_MS, () => asked.destroy());
    asked.end();
  });
}

/** Closes our copy of the public socket. Node can close a descriptor it was given only by listening on it first; nothing is accepted between. */
export function closeInheritedSocket(): void {
  const holder = createServer();
  holder.on('error', () => undefined); // closed already
  holder.listen({ fd: INHERITED_SOCKET }, () => holder.close());
}
