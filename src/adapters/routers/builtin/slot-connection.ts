import { Agent } from 'node:http';
import type { ClientRequest } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

// gunicorn closes idle connections after 2 s, Node and uvicorn after 5 s. We let go first: a request sent into a closing connection is lost.
const UPSTREAM_IDLE_MS = 1000;
const CONNECT_LIMIT_MS = 5000; // a host that drops packets; loopback refuses at once
const FREE_SOCKETS_MAX = 256; // as many as one worker keeps busy at its top rate with answers of 20 ms

/** Marks an error as "nothing was sent": only such a request may go to another slot. */
export const CONNECT_FAILED: unique symbol = Symbol('connect failed');

/** Connects to a slot; calls back once, with an error that carries CONNECT_FAILED. */
export function connectToSlot(
  target: { host: string; port: number },
  done: (error: Error | null, socket: Socket | null) => void,
): Socket {
  const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
  const fail = (error: Error) => {
    socket.removeListener('connect', succeed);
    done(Object.assign(error, { [CONNECT_FAILED]: true }), null);
  };
  const giveUp = () => socket.destroy(new Error(`no connection within ${CONNECT_LIMIT_MS / 1000} s`));
  const succeed = () => {
    socket.removeListener('error', fail);
    socket.removeListener('timeout', giveUp);
    socket.setTimeout(0);
    done(null, socket);
  };
  socket.setTimeout(CONNECT_LIMIT_MS, giveUp);
  socket.once('error', fail);
  socket.once('connect', succeed);
  return socket;
}

/** What a kept connection had received when it became free; a property, because a WeakMap costs ten times as much for every request. */
const BYTES_READ: unique symbol = Symbol('bytes read');
/** The same at the last look for idle ones. */
const SEEN: unique symbol = Symbol('seen');
type KeptSocket = Socket & { [BYTES_READ]?: number; [SEEN]?: number };

/** What the connection had received before the request it carries now. */
export function bytesReadBefore(socket: Socket): number {
  return (socket as KeptSocket)[BYTES_READ] ?? 0;
}

/** What node:http asks of an agent. Its own agent looks up a name and copies all options for every request; here all go to one address. */
interface Lender {
  addRequest(outgoing: ClientRequest & { onSocket(socket: Socket | null, error?: Error): void }): void;
  destroy(): void;
}

/**
 * Lends connections to one slot, each only when it stands: the body of a request is not read before that, so that one whose connect()
 * failed can be sent elsewhere, whatever its method. A kept connection on which the slot said something unasked is not used again:
 * it would be taken for the answer to the next request.
 */
export function createSlotAgent(target: { host: string; port: number }): Agent {
  let free: KeptSocket[] = [];
  let isClosed = false;
  const keep = (socket: KeptSocket): void => {
    if (isClosed || !socket.writable || free.length >= FREE_SOCKETS_MAX) return void socket.destroy();
    socket[BYTES_READ] = socket.bytesRead;
    free.push(socket);
  };
  const lender: Lender = {
    addRequest(outgoing) {
      for (let kept = free.pop(); kept !== undefined; kept = free.pop()) {
        if (kept.writable && kept.bytesRead === kept[BYTES_READ]) {
          outgoing.reusedSocket = true;
          return outgoing.onSocket(kept);
        }
        kept.destroy();
      }
      connectToSlot(target, (error, socket) => {
        if (socket === null) return outgoing.onSocket(null, error ?? undefined);
        socket.on('error', () => undefined); // whoever uses it hears it too; when nobody does, it is just gone
        socket.on('free', () => keep(socket));
        outgoing.onSocket(socket);
      });
    },
    destroy() {
      isClosed = true;
      clearInterval(sweep);
      for (const socket of free) socket.destroy();
      free = [];
    },
  };
  const sweep = setInterval(() => (free = withoutIdle(free)), UPSTREAM_IDLE_MS / 2).unref();
  return Object.assign(new Agent({ keepAlive: true }), lender);
}

/** What carried a request since the last look; the others are closed. A time limit for each would cost two listeners for every request. */
function withoutIdle(free: KeptSocket[]): KeptSocket[] {
  return free.filter((socket) => {
    const isIdle = socket.destroyed || socket[SEEN] === socket[BYTES_READ];
    if (isIdle) socket.destroy();
    socket[SEEN] = socket[BYTES_READ] ?? 0;
    return !isIdle;
  });
}
