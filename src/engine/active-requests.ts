import type { Clock } from '../platform/clock.ts';
import { isConnectionLoss } from '../state/connection-problem.ts';
import { getRelease } from '../state/releases.ts';
import type { Executor } from './engine-parts.ts';

const POLL_MS = 200; // an abort should bite within the blink of an eye; one small query

/** Watches, for the releases this executor runs, whether a person asked them to stop. */
export interface ActiveRequests {
  /** The signal of a release; fires on abort and roll-back requests. */
  signalOf(releaseId: string): AbortSignal;
  /** Drops the signal of a run that is over; the next run gets a new one. */
  forget(releaseId: string): void;
  close(): void;
}

export function watchRequests(executor: Executor): ActiveRequests {
  const controllers = new Map<string, AbortController>();
  const closing = new AbortController();
  void pollRequests(executor, controllers, AbortSignal.any([closing.signal, executor.lost]));
  return {
    signalOf(releaseId) {
      const known = controllers.get(releaseId) ?? new AbortController();
      controllers.set(releaseId, known);
      return known.signal;
    },
    forget: (releaseId) => void controllers.delete(releaseId),
    close: () => closing.abort(),
  };
}

async function pollRequests(
  executor: Executor,
  controllers: Map<string, AbortController>,
  until: AbortSignal,
): Promise<void> {
  while (!until.aborted) {
    await executor.clock.sleep(POLL_MS, until).catch(() => undefined);
    const ids = [...controllers.keys()];
    if (ids.length === 0 || until.aborted) continue;
    const asked = await askedToStop(executor, ids).catch((error: unknown) => {
      executor.log.warn({ error: String(error) }, 'could not read what people asked for');
      return [];
    });
    for (const id of asked) controllers.get(id)?.abort();
  }
}

async function askedToStop(executor: Executor, ids: string[]): Promise<string[]> {
  const rows = await executor.database.db
    .selectFrom('shipway.release')
    .select('id')
    .where('id', 'in', ids)
    .where('request', 'in', ['abort', 'roll-back'])
    .execute();
  return rows.map((row) => row.id);
}

/** Waits while a person (or a criterion) has paused the release; returns at once when nobody has. */
export async function waitWhilePaused(
  executor: Executor,
  releaseId: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    if (!(await isPaused(executor, releaseId))) return;
    await clock.sleep(POLL_MS, signal);
  }
}

/** A database that is away for a moment ends no pause: it was a person who asked for it, and it lasts for hours. */
async function isPaused(executor: Executor, releaseId: string): Promise<boolean> {
  try {
    return (await getRelease(executor.database.db, releaseId)).request === 'pause';
  } catch (error) {
    if (!isConnectionLoss(error)) throw error;
    executor.log.warn({ release: releaseId, error: String(error) }, 'could not read whether it is still paused');
    return true;
  }
}
