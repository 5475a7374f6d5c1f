import type pg from 'pg';
import { holdAdvisoryLock, isAdvisoryLockFree } from './advisory-lock.ts';

/** The right of an executor to act; the server takes it back when its holder dies, is cut off, or is silent for ten seconds. */
export interface ExecutorLock {
  /** Fires as soon as the lock is or may be no longer ours. */
  lost: AbortSignal;
  release(): Promise<void>;
}

/** Takes the lock of an executor on a connection of its own; null when somebody holds it. */
export async function holdExecutorLock(pool: pg.Pool, executorId: string): Promise<ExecutorLock | null> {
  const lock = await holdAdvisoryLock(pool, keyOf(executorId));
  if (lock === null) return null;
  const lost = new AbortController();
  void lock.lost.then(() => lost.abort());
  return { lost: lost.signal, release: () => lock.release() };
}

/** Whether nobody holds the lock of the executor: it is gone, or it may act no longer. */
export async function isExecutorGone(pool: pg.Pool, executorId: string): Promise<boolean> {
  return isAdvisoryLockFree(pool, keyOf(executorId));
}

function keyOf(executorId: string): string {
  return `executor ${executorId}`;
}
