import { isProblem } from '../core/release/problem.ts';
import { realClock } from '../platform/clock.ts';
import { homeMark } from '../platform/home-mark.ts';
import { findByEnvironment, stopAll } from '../platform/process-table.ts';
import { isDatabaseFull } from '../state/database-full.ts';
import { beginStep, failStep, finishStep, recordObservation, type StepAddress } from '../state/step-runs.ts';
import type { Executor } from './engine-parts.ts';
import type { StepRecord } from './perform-step.ts';

const LEFTOVER_GRACE_SECONDS = 5; // what an interrupted command gets to clean up after itself
const ROOM_WAIT_MS = 600_000; // a person needs some minutes to make room; after that it is theirs to go on
const ROOM_POLL_MS = 500;
const LOSS_NOTICED_MS = 10_000; // the executor's heartbeat notices a lost database within 2.5 s

/** The record of one step in the database, bound to this executor: whoever lost its right to act never returns from here. */
export function stepRecord(executor: Executor, address: StepAddress, isHarmlessTwice: boolean): StepRecord {
  const { database } = executor;
  return {
    begin: (known) =>
      guarded(executor, () => beginStep(database, address, { waitsForDisk: !isHarmlessTwice, known: known ?? null })),
    finish: (attempt, result) => guarded(executor, () => finishStep(database, address, attempt, result)),
    fail: (attempt, found) => guarded(executor, () => failStep(database, address, attempt, found)),
    observed: (what) => guarded(executor, () => recordObservation(database.db, address, what)),
    endLeftovers: () => endLeftovers(executor, `${address.releaseId}/${address.stepId}/`),
  };
}

/**
 * Runs a write. When the executor has lost its database it must not go on, not even to report: it waits for its own end, and the
 * executor that takes over observes the world instead. A database without room is waited for: it is no fault of what is released.
 */
export async function guarded<T>(executor: Executor, write: () => Promise<T>): Promise<T> {
  const until = performance.now() + ROOM_WAIT_MS;
  for (;;) {
    if (executor.lost.aborted) return never();
    try {
      return await write();
    } catch (error) {
      if (!isDatabaseFull(error) || performance.now() > until) return throwUnlessLost(executor, error);
      executor.log.warn({ error: String(error) }, 'the disk below the database is full; trying again');
    }
    await realClock.sleep(ROOM_POLL_MS, executor.lost).catch(() => undefined);
  }
}

/** Throws the error, unless it only says that this executor has lost its database: then it is nobody's to report, and never returns. */
export async function throwUnlessLost<T>(executor: Executor, error: unknown): Promise<T> {
  if (executor.lost.aborted) return never();
  if (isProblem(error) && error.kind !== 'database-unavailable') throw error;
  await realClock.sleep(LOSS_NOTICED_MS, executor.lost).catch(() => undefined);
  if (executor.lost.aborted) return never();
  throw error;
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** Ends programs that an attempt of this step left running on this machine, whatever group they moved to. */
async function endLeftovers(executor: Executor, tokenPrefix: string): Promise<string> {
  const home = homeMark(executor.stateDirectory);
  const leftovers = () =>
    findByEnvironment('SHIPWAY_STEP', (value) => value.startsWith(tokenPrefix), home).map((found) => found.identity);
  return stopAll(leftovers, LEFTOVER_GRACE_SECONDS, realClock);
}
