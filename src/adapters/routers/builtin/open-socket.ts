import { createServer } from 'node:net';
import { startWithSocket } from '../../../platform/start-with-socket.ts';
import type { PrimaryStart } from './primary.ts';
import { routerArgv, routerEnvironment } from './router-home.ts';
import type { RouterHome } from './router-home.ts';

const BACKLOG = 511; // connections that wait while both workers are being replaced; the kernel may allow fewer

/**
 * Binds the public port and hands it to a first primary. A process of its own, because Node accepts on every socket it listens on:
 * here both copies are made and ours is closed before the event loop turns, so that no connection is accepted and then lost.
 */
export async function openSocket(home: RouterHome): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...home.listen, backlog: BACKLOG }, () => {
      const start: PrimaryStart = { mode: 'first', home };
      const request = {
        argv: routerArgv({ execPath: process.execPath, entry: process.argv[1] ?? '' }, 'primary', start),
        cwd: home.directory,
        environment: routerEnvironment(home.directory, 'primary'),
        socket: server,
      };
      startWithSocket(request, () => undefined);
      server.close();
      resolve();
    });
  });
}
