import { fork } from 'node:child_process';
import type { Json } from '../core/release/json.ts';

/** A process of ours that has one thing to do, and does it when this one has died. */
export interface Guard {
  /** There is nothing to be done any more. */
  dismiss(): void;
}

/** Starts the compiled guard, which calls `guardParent`. In a session of its own: whoever kills all of ours leaves it. It takes about 60 ms to be there. */
export function startGuard(program: string, orders: Json): Guard {
  const child = fork(program, [], {
    env: {},
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.on('error', () => undefined); // without it the next use clears, as before
  child.send({ orders }, () => undefined);
  child.unref();
  child.channel?.unref();
  return { dismiss: () => void child.kill('SIGKILL') };
}

/** The other end: keeps what has to be done, and does it when the process that started us has died. */
export function guardParent(act: (orders: Json) => Promise<void>): void {
  let orders: Json = null;
  // What is sent to everybody is not meant for us: our work begins afterwards.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
  process.on('message', (message) => (orders = (message as { orders: Json }).orders));
  process.once('disconnect', () => {
    const done = orders === null ? Promise.resolve() : act(orders);
    void done.catch(() => undefined).finally(() => process.exit(0));
  });
}
