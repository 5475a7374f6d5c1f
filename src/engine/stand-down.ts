import { markExecutorBack, markExecutorGone } from '../state/executors.ts';
import type { Executor } from './engine-parts.ts';
import { releasesToRun } from './releases-to-run.ts';

/**
 * Says that this executor ends, unless there is work again; returns whether it may end. Whoever plans a release looks for an executor
 * afterwards, and we look for releases after we signed off: so one of the two sees the other, and no release is left to nobody.
 */
export async function standDown(executor: Executor): Promise<boolean> {
  const { db } = executor.database;
  await markExecutorGone(db, executor.executorId, null);
  if ((await releasesToRun(executor)).length === 0) return true;
  await markExecutorBack(db, executor.executorId);
  return false;
}
