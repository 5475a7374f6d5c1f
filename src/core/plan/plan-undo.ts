import type { Plan, PlannedPhase, PlannedStep } from './plan.ts';
import { stepsOf } from './plan.ts';

/**
 * The way back out of a release that began: the undo of every step that was begun, in reverse, then the same verification as for a
 * release, asked of the version that serves again. Derived from the approved plan alone, so nothing runs that was not in it.
 */
export function planUndo(plan: Plan, begunStepIds: readonly string[], reason: string): Plan {
  const begun = stepsOf(plan).filter(({ step }) => begunStepIds.includes(step.id));
  const undoSteps = begun
    .toReversed()
    .flatMap(({ phase, step }) => (step.undo === null ? [] : [{ name: phase, step: undoStep(step) }]));
  // Whatever is started on the way back reads the env file, so that comes first.
  const isFirst = ({ step }: { step: PlannedStep }): boolean => step.kind === 'return-environment';
  const ordered = [...undoSteps.filter(isFirst), ...undoSteps.filter((one) => !isFirst(one))];
  const phases: PlannedPhase[] = ordered.map(({ name, step }) => ({ name, steps: [step] }));
  const back = plan.previous;
  if (back !== null && undoSteps.length > 0) phases.push({ name: 'verify', steps: verifyAgain(plan) });
  const version = back === null ? plan.version : { number: back.version, commit: null };
  return {
    ...plan,
    kind: 'rollback',
    version,
    reason,
    phases: phases.filter((phase) => phase.steps.length > 0),
    automaticRollback: { armed: false, why: 'a rollback is never rolled back by itself' },
    timeBudgetSeconds: phases.flatMap((phase) => phase.steps).reduce((sum, step) => sum + step.limitSeconds, 0),
    warnings: [],
  };
}

/** Id of the step that takes another step back. */
export function undoStepId(stepId: string): string {
  return `undo.${stepId}`;
}

function undoStep(step: PlannedStep): PlannedStep {
  const undo = step.undo;
  if (undo === null) throw new Error(`step ${step.id} has no undo`);
  return {
    id: undoStepId(step.id),
    kind: undo.kind,
    title: undo.title,
    input: { ...undo.input, undoes: step.id },
    commands: undo.commands,
    undo: null,
    reversibility: 'nothing to undo',
    limitSeconds: undo.limitSeconds,
    // Traffic must not stay on the bad version because a file cannot be written; that it was not is said at the end.
    onFailure: undo.kind === 'return-environment' ? 'warn' : 'stop',
  };
}

/** The verification of the release, asked again: of the version before, under the id `undo.<id>`. */
function verifyAgain(plan: Plan): PlannedStep[] {
  return stepsOf(plan)
    .filter(({ phase, step }) => phase === 'verify' && step.kind === 'run-checks')
    .map(({ step }) => ({ ...step, id: undoStepId(step.id), onFailure: 'stop' as const }));
}
