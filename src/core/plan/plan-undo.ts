import type { JsonObject } from '../release/json.ts';
import { beginMaintenance, endMaintenance, maintenanceMeans, onlyIfMigrated } from './maintenance-steps.ts';
import type { Plan, PlannedPhase, PlannedStep } from './plan.ts';
import { stepsOf } from './plan.ts';
import { restoreSteps, type DataOfUndo, type RestoreSteps } from './undo-with-data.ts';
import { undoStepId, type UndoStep } from './undo-step.ts';

/**
 * The way back out of a release that began: the undo of every step that was begun, in reverse, then the same verification as for a
 * release, asked of the version that serves again. Derived from the approved plan alone, so nothing runs that was not in it.
 */
export function planUndo(
  plan: Plan,
  begunStepIds: readonly string[],
  reason: string,
  data: DataOfUndo | null = null,
): Plan {
  const begun = stepsOf(plan).filter(({ step }) => begunStepIds.includes(step.id));
  const reversed = begun
    .toReversed()
    .flatMap(({ phase, step }) => (step.undo === null ? [] : [{ name: phase, step: undoStep(step) }]));
  // Whatever is started on the way back reads the env file, so that comes first.
  const isFirst = ({ step }: UndoStep): boolean => step.kind === 'return-environment';
  const [first, others] = [reversed.filter(isFirst), reversed.filter((one) => !isFirst(one))];
  const isDown = others.some(({ step }) => step.kind === 'migrate-down');
  const restoring = data === null ? null : restoreSteps(plan, begunStepIds, data);
  const undoSteps =
    restoring !== null
      ? withOlderData(plan, { first, others, restoring })
      : [...first, ...(isDown ? withoutWriters(plan, others) : others)];
  const phases: PlannedPhase[] = undoSteps.map(({ name, step }) => ({ name, steps: [step] }));
  const { previous } = plan;
  if (previous !== null && undoSteps.length > 0) phases.push({ name: 'verify', steps: verifyAgain(plan) });
  const version = previous === null ? plan.version : { number: previous.version, commit: null };
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

/**
 * The schema goes back while nobody writes: the service refuses work, what writes with the newer schema is stopped, and only on the older
 * one does the version before serve again. In place the newer files have to stay until the way down was gone.
 */
function withoutWriters(plan: Plan, steps: UndoStep[]): UndoStep[] {
  const { stops, downs, rest, inPlace } = sorted(steps);
  const middle = inPlace ? [...downs, ...stops] : [...stops, ...downs];
  // Before the first release nobody was served.
  if (plan.previous === null) return [...middle, ...rest];
  return [...refusals(plan, downs[0]?.step.input ?? {}), ...middle, ...servingAgain(plan, rest), ...endings(plan)];
}

/**
 * A restore takes the place of the way down; what takes long of it is done before anybody is refused. The stores are found by the env file of
 * the newer version, so that goes back after the swap, before the older one is started.
 */
function withOlderData(
  plan: Plan,
  { first, others, restoring }: { first: UndoStep[]; others: UndoStep[]; restoring: RestoreSteps },
): UndoStep[] {
  const { stops, rest, inPlace } = sorted(others);
  const { before, swap, after } = restoring;
  const middle = inPlace ? [...swap, ...first, ...stops] : [...stops, ...swap, ...first];
  return [...before, ...refusals(plan, null), ...middle, ...after, ...servingAgain(plan, rest), ...endings(plan)];
}

function sorted(steps: UndoStep[]): { stops: UndoStep[]; downs: UndoStep[]; rest: UndoStep[]; inPlace: boolean } {
  const isOf = (kind: PlannedStep['kind']) => steps.filter(({ step }) => step.kind === kind);
  const [stops, downs] = [isOf('revert-version'), isOf('migrate-down')];
  const rest = steps.filter((one) => !stops.includes(one) && !downs.includes(one));
  return { stops, downs, rest, inPlace: stops.some(({ step }) => step.input['placement'] === 'in-place') };
}

/** `onlyIf` is the migration without which nobody has to be refused; null: everybody is. */
function refusals(plan: Plan, onlyIf: JsonObject | null): UndoStep[] {
  const runs = plan.version.number;
  return maintenanceMeans(plan).map((means) => {
    const begin = beginMaintenance(means, runs, {});
    const step = onlyIf === null ? begin : onlyIfMigrated(begin, onlyIf);
    return { name: 'maintenance', step: { ...step, id: undoStepId(step.id), undo: null, onFailure: 'stop' } };
  });
}

/** A router that was told to refuse has to be told where to send requests, also when the release had not come to that. */
function servingAgain(plan: Plan, rest: UndoStep[]): UndoStep[] {
  if (rest.some(({ step }) => step.kind === 'return-traffic')) return rest;
  const shift = stepsOf(plan).find(({ step }) => step.kind === 'shift-traffic');
  return shift === undefined ? rest : [...rest, { name: shift.phase, step: undoStep(shift.step) }];
}

function endings(plan: Plan): UndoStep[] {
  if (plan.maintenance === undefined) return [];
  const step = endMaintenance(plan.maintenance, {});
  return [{ name: 'maintenance', step: { ...step, id: undoStepId(step.id), onFailure: 'stop' } }];
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
