import type { ProblemRecord } from '../../core/release/problem.ts';
import type { Next, StepToRun } from '../run-release.ts';
import type { Durable, Engine } from './engine.ts';

/** The other workflows that a release calls, as durable children. */
export interface ChildWorkflows {
  watch(releaseId: string, stepId: string): Promise<Next>;
  rollBack(releaseId: string, cause: ProblemRecord | null): Promise<void>;
}

/**
 * One release (or one rollback by hand), from its approved plan to its end.
 * 1. Say that it runs; one that was on its way back goes on going back.
 * 2. Each planned step in order; the watch is a workflow of its own.
 * 3. What follows a failure is in the plan: cancel, roll back, or call a person.
 * 4. The version is stable.
 */
export async function runRelease(
  engine: Engine,
  durable: Durable,
  children: ChildWorkflows,
  releaseId: string,
): Promise<void> {
  const begun = await durable('begin', () => engine.begin(releaseId));
  if (begun.way === 'back') return children.rollBack(releaseId, null);
  for (const step of begun.steps) {
    const after = await runStep(engine, durable, children, { releaseId, step });
    if (after.next === 'go-on') continue;
    if (after.next === 'roll-back') return children.rollBack(releaseId, after.cause);
    const to = after.next === 'cancel' ? 'cancelled' : 'needs-human';
    return durable('stop', () => engine.stop(releaseId, to, after.cause));
  }
  return durable('end', () => engine.end(releaseId));
}

function runStep(
  engine: Engine,
  durable: Durable,
  children: ChildWorkflows,
  at: { releaseId: string; step: StepToRun },
): Promise<Next> {
  if (at.step.isWatch) return children.watch(at.releaseId, at.step.id);
  return durable(at.step.id, () => engine.perform(at.releaseId, at.step.id));
}
