import type { Socket } from 'node:net';
import type { StoredState } from './stored-state.ts';

/** What the primary tells a worker. A message with `ask` is answered with the same number. */
export type ToWorker =
  | { kind: 'state'; ask: number; state: StoredState }
  | { kind: 'count'; ask: number }
  | { kind: 'cut'; ask: number; slot: string }
  /** Begin to accept connections; the sender is from now on the primary whose death the worker outlives. */
  | { kind: 'serve'; primary: string }
  /** Finish what is in flight, accept nothing new, end after the limit at the latest. */
  | { kind: 'retire'; limitMs: number }
  /** Another primary takes over at the same address. */
  | { kind: 'rejoin' };

/** What a worker tells the primary. */
export type ToPrimary =
  | { kind: 'hello'; pid: number; startedAt: string; isServing: boolean; isRetiring: boolean }
  | { kind: 'serving' }
  | { kind: 'answer'; ask: number; inFlight: Record<string, number> };

const LINE_LENGTH_MAX = 1024 * 1024; // a state of 64 slots is below 64 KiB

/** Sends one message as a line of JSON; a socket that is closed swallows it, its `close` event tells. */
export function sendMessage(socket: Socket, message: ToWorker | ToPrimary): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `handle` for each message in order. A line that is no JSON or too long ends the connection. */
export function receiveMessages<Message extends ToWorker | ToPrimary>(
  socket: Socket,
  handle: (message: Message) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LENGTH_MAX) return void socket.destroy();
    for (const line of lines) {
      const message = parseMessage<Message>(line);
      if (message === null) return void socket.destroy();
      handle(message);
    }
  });
}

function parseMessage<Message>(line: string): Message | null {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return null;
  }
}
