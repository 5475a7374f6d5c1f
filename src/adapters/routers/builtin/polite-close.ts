import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';

/** Time for a client to see `Connection: close` on its next answer; then a kept connection is idle and may go. */
const IDLE_GRACE_MS = 2000;
const IDLE_SWEEP_MS = 500; // those that were busy at the first sweep

/**
 * Stops accepting, lets every client finish and see `Connection: close`, and calls back when the last connection is gone.
 * Node's own `server.close()` cuts idle connections at once, and a client that is just sending a POST there loses it.
 */
export function closePolitely(server: Server, done: () => void): void {
  let sweep: NodeJS.Timeout | null = null;
  const begin = setTimeout(() => {
    server.closeIdleConnections();
    sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
  }, IDLE_GRACE_MS);
  NetServer.prototype.close.call(server, () => {
    clearTimeout(begin);
    if (sweep !== null) clearInterval(sweep);
    done();
  });
}
