import type { ProblemRecord } from '../../core/release/problem.ts';
import type { Durable, Engine } from './engine.ts';

/**
 * The way back out of a release that began.
 * 1. Derive it from the approved plan and write it down.
 * 2. Each undo in order, then the verification of the version that serves again; a failure calls a person and keeps everything.
 * 3. Fence the bad version and free the lock.
 */
export async function rollBack(
  engine: Engine,
  durable: Durable,
  releaseId: string,
  cause: ProblemRecord,
): Promise<void> {
  const steps = await durable('begin-rollback', () => engine.beginRollback(releaseId, cause));
  for (const stepId of steps) {
    const failure = await durable(stepId, () => engine.performUndo(releaseId, stepId));
    if (failure !== null) return durable('call-person', () => engine.stop(releaseId, 'needs-human', failure));
  }
  return durable('end-rollback', () => engine.endRollback(releaseId));
}
