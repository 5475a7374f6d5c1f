import { isConnectionLoss } from '../state/connection-problem.ts';
import type { Executor } from './engine-parts.ts';

const PAUSE_MS = 1000;
const TRIES_MAX = 60; // a minute: a database that is gone for longer is noticed by the heartbeat, and ends this executor

/** Reads, and reads again when the connection broke: in a wait of days one broken connection of many says nothing about the release. */
export async function askAgain<T>(
  ask: () => Promise<T>,
  executor: Pick<Executor, 'clock' | 'log' | 'lost'>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isConnectionLoss(error) || tries >= TRIES_MAX || executor.lost.aborted) throw error;
      executor.log.warn({ error: String(error) }, 'a read failed with its connection; reading again');
      await executor.clock.sleep(PAUSE_MS, executor.lost).catch(() => undefined);
    }
  }
}
