import { hostname } from 'node:os';
import { realClock } from '../platform/clock.ts';
import { isAlive, stopGroup, type ProcessIdentity } from '../platform/process-table.ts';
import { holdExecutorLock, isExecutorGone } from '../state/executor-lock.ts';
import { listedExecutors, markExecutorGone } from '../state/executors.ts';
import type { ExecutorRow } from '../state/release-tables.ts';
import type { Executor } from './engine-parts.ts';

const END_WAIT_MS = 5000; // an executor that lost its database stops its commands and exits within this
const POLL_MS = 20;

/** How the durable engine hands the unfinished workflows of a dead executor to the living. */
export type ResumeWorkflowsOf = (executorId: string) => Promise<number>;

/**
 * Looks for executors whose lock is free (PostgreSQL freed it when they died) and takes their releases over. While one is taken over
 * its lock is held by us, so that nobody else does the same.
 */
export async function takeOverDeadExecutors(executor: Executor, resume: ResumeWorkflowsOf): Promise<void> {
  for (const row of await listedExecutors(executor.database.db)) {
    if (row.id === executor.executorId || row.project !== executor.project) continue;
    if (!(await isExecutorGone(executor.database.pool, row.id))) continue;
    const lock = await holdExecutorLock(executor.database.pool, row.id);
    if (lock === null) continue;
    try {
      await waitForItsEnd(row);
      const resumed = await resume(row.id);
      await markExecutorGone(executor.database.db, row.id, resumed > 0 ? executor.executorId : null);
      executor.log.info({ executor: row.id, resumed }, 'took over from an executor that is gone');
    } finally {
      await lock.release();
    }
  }
}

/** On this machine its process must really be gone before its steps are observed: it may still be stopping what it ran. */
async function waitForItsEnd(row: ExecutorRow): Promise<void> {
  if (row.host !== hostname()) return realClock.sleep(END_WAIT_MS);
  const identity: ProcessIdentity = { pid: row.pid, startedAt: row.process_started_at };
  const until = realClock.nowMs() + END_WAIT_MS;
  while (isAlive(identity) && realClock.nowMs() < until) await realClock.sleep(POLL_MS);
  // It lost its right to act and did not notice; nothing it starts from here on may live.
  if (isAlive(identity)) await stopGroup(identity, 0, realClock);
}
