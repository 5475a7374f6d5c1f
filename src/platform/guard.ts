import { fork } from 'node:child_process';
import type { Json } from '../core/release/json.ts';

/** A process of ours that has one thing to do, and does it when this one has died. */
export interface Guard {
  /** There is nothing to be done any more. */
  dismiss(): void;
}

/** Starts the compiled guard, which calls `guardParent`. In a session of its own: whoever kills all of ours leaves it. It takes about 60 ms to be there. The orders stand in its command line. */
export function startGuard(program: string, orders: Json): Guard {
  const child = fork(program, [JSON.stringify(orders)], {
    env: {},
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.on('error', () => undefined); // without it the next use clears
  child.unref();
  child.channel?.unref();
  return { dismiss: () => void child.kill('SIGKILL') };
}

/** The other end: does it when the process that started us has died, which may have been before we were there. */
export function guardParent(act: (orders: Json) => Promise<void>): void {
  // What is sent to everybody is not meant for us: our work begins afterwards.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const orders = JSON.parse(process.argv[2] ?? 'null') as Json;
  const begin = (): void => void act(orders).finally(() => process.exit(0));
  if (process.connected) process.once('disconnect', begin);
  else begin();
}
