import type { PhaseName, PlannedStep } from './plan.ts';

/** One step of a way back. */
export interface UndoStep {
  name: PhaseName;
  step: PlannedStep;
}

/** Id of the step that takes another step back. */
export function undoStepId(stepId: string): string {
  return `undo.${stepId}`;
}
