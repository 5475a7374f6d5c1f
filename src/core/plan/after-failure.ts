import { stepsOf, type Plan, type PlannedStep, type StepKindName } from './plan.ts';

// Kinds that leave the service as it is: asking, locking, copying. Everything else is a change.
const LEAVES_SERVICE_ALONE: ReadonlySet<StepKindName> = new Set<StepKindName>([
  'run-checks',
  'await-approval',
  'take-lock',
  'backup-data',
  'prove-backup',
  'prestage-restore',
  'keep-environment',
  'copy-backup',
  'stage-restore',
  'do-nothing',
]);

/** Whether the step changes what the service's users meet. */
export function changesService(step: PlannedStep): boolean {
  return !LEAVES_SERVICE_ALONE.has(step.kind);
}

/** What happens after a step failed or a person asked to stop. */
export type AfterFailure = 'go-on' | 'cancel' | 'roll-back' | 'needs-human';

/**
 * Decides from the plan alone. Nothing changed yet: cancel. A rollback that fails is never rolled back by itself. A step that cannot
 * be taken back disarms the automatic rollback from the moment it was begun: everything is kept and a person is called.
 */
export function afterFailure(plan: Plan, begunStepIds: readonly string[], failed: PlannedStep): AfterFailure {
  if (failed.onFailure === 'warn') return 'go-on';
  const begun = stepsOf(plan).filter(({ step }) => begunStepIds.includes(step.id));
  if (!begun.some(({ step }) => changesService(step))) return 'cancel';
  if (plan.kind === 'rollback') return 'needs-human';
  if (begun.some(({ step }) => step.reversibility === 'irreversible')) return 'needs-human';
  return 'roll-back';
}
