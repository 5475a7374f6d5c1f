import { fork } from 'node:child_process';
import type { Json } from '../core/release/json.ts';

const ORDERS = 'SHIPWAY_GUARD_ORDERS';

/** A process of ours that has one thing to do, and does it when this one has died. */
export interface Guard {
  /** There is nothing to be done any more. */
  dismiss(): void;
}

/** Starts the compiled guard, which calls `guardParent`. In a session of its own: whoever kills all of ours leaves it. It takes about 60 ms to be there. */
export function startGuard(program: string, orders: Json): Guard {
  const child = fork(program, [], {
    env: { [ORDERS]: JSON.stringify(orders) }, // not a message: of one that comes while the program is still loading nobody hears
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.on('error', () => undefined); // without it the next use clears, as before
  child.unref();
  child.channel?.unref();
  return { dismiss: () => void child.kill('SIGKILL') };
}

/** The other end: does what has to be done when the process that started us has died. */
export function guardParent(act: (orders: Json) => Promise<void>): void {
  const orders = JSON.parse(process.env[ORDERS] ?? 'null') as Json;
  // What is sent to everybody is not meant for us: our work begins afterwards.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const begin = (): void => {
    const done = orders === null ? Promise.resolve() : act(orders);
    void done.catch(() => undefined).finally(() => process.exit(0));
  };
  if (process.connected) process.once('disconnect', begin);
  else begin(); // it died while this program was loaded
}
