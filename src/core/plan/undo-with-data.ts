import { changesService } from './after-failure.ts';
import { formatBytes } from './format-bytes.ts';
import { maintenanceMeans } from './maintenance-steps.ts';
import { stepsOf, type Plan, type PlannedStep } from './plan.ts';
import { backupData } from './planned-steps.ts';
import { stageWaiting, startAgain, stopServing, stopWarm, swapRestore } from './rollback-steps.ts';
import { undoStepId, type UndoStep } from './undo-step.ts';

/** A person's word that the data goes back too, with the release that is turned around. */
export type DataOfUndo = 'restore' | 'restore-after-backup';

/** The steps that a restore adds to a way back. */
export interface RestoreSteps {
  /** While the newer version still serves. */
  before: UndoStep[];
  /** When nobody writes any more. */
  swap: UndoStep[];
  /** Starts the version before again where no router waits for it. */
  after: UndoStep[];
}

/** The step of a plan by which copies of the data wait, or null. */
export function prestageOf(plan: Plan): PlannedStep | null {
  return stepsOf(plan).find(({ step }) => step.kind === 'prestage-restore')?.step ?? null;
}

/** Why a release cannot be turned around with its data, or null when it can. Nothing that its plan does not prepare is done by it. */
export function whyNoData(plan: Plan, begunStepIds: readonly string[]): string | null {
  if (prestageOf(plan) === null)
    return 'its plan lets no copy of the data wait (rollback: prestage: true in the release file)';
  const begun = stepsOf(plan).filter(({ step }) => begunStepIds.includes(step.id));
  if (!begun.some(({ step }) => changesService(step))) return 'it has changed nothing yet';
  if (!isInPlace(plan)) return null;
  if (!begun.some(({ step }) => step.kind === 'apply-version'))
    return 'the version that runs has the data open, and nothing would start it again';
  if (maintenanceMeans(plan).length > 0) return null;
  return 'nothing keeps writers away from the data meanwhile: the release file says nothing of maintenance, and no router stands before the service';
}

/** Null where the release has changed nothing yet: then it is only cancelled. */
export function restoreSteps(plan: Plan, begunStepIds: readonly string[], data: DataOfUndo): RestoreSteps | null {
  const prestage = prestageOf(plan);
  if (prestage === null || whyNoData(plan, begunStepIds) !== null) return null;
  const stores = prestage.input['stores'] as string[];
  const stage = stageWaiting(prestage);
  const swap = { ...swapRestore('', stores), input: { stores, stagedBy: undoStepId(stage.id) } };
  const first = data === 'restore' ? [] : [safetyBackup(plan, stores)];
  // The version before is still warm and has its data open: what it writes into it would be lost with the data that is replaced.
  const warm = isInPlace(plan) || plan.previous === null ? null : plan.previous;
  const stop = warm === null ? [] : [isServing(plan, begunStepIds) ? stopServing(warm, drainOf(plan)) : stopWarm(warm)];
  return {
    before: [...first, stage].map(asUndo),
    swap: [...stop, swap].map(asUndo),
    after: warm === null || plan.router !== null ? [] : [startAgain(warm)].map(asUndo),
  };
}

/** Until requests are sent to the newer version, the one before answers them. */
function isServing(plan: Plan, begunStepIds: readonly string[]): boolean {
  const shift = stepsOf(plan).find(({ step }) => step.kind === 'shift-traffic');
  return shift !== undefined && !begunStepIds.includes(shift.step.id);
}

function drainOf(plan: Plan): number {
  const retire = stepsOf(plan).find(({ step }) => step.kind === 'retire-version');
  return Number(retire?.step.input['drainSeconds'] ?? 0);
}

/** Of what the newer version has written; it is the one that runs. */
function safetyBackup(plan: Plan, stores: string[]): PlannedStep {
  const step = backupData('pre-rollback', stores, null);
  return { ...step, input: { ...step.input, runs: plan.version.number } };
}

function asUndo(step: PlannedStep): UndoStep {
  const name = step.kind === 'backup-data' ? 'backup' : 'data';
  return { name, step: { ...step, id: undoStepId(step.id), undo: null, onFailure: 'stop' } };
}

function isInPlace(plan: Plan): boolean {
  const apply = stepsOf(plan).find(({ step }) => step.kind === 'apply-version')?.step;
  return apply?.undo?.input['placement'] === 'in-place';
}

/** For people, while the release is watched; null when nothing waits. */
export function waitingWords(
  result: { bytes?: unknown; seconds?: unknown; waiting?: unknown; later?: unknown } | null,
): string | null {
  if (result === null || !Array.isArray(result.waiting) || result.waiting.length === 0) return null;
  const took = typeof result.seconds === 'number' ? `; restoring it took ${result.seconds.toFixed(1)} s` : '';
  const size = typeof result.bytes === 'number' ? ` (about ${formatBytes(result.bytes)} more on the disk)` : '';
  const later = Array.isArray(result.later) ? result.later.join(', ') : '';
  const swap =
    later === '' ? 'going back to it is one swap, about a second' : `${later} would be restored then, after a backup`;
  return `the data of before waits beside the live data${size}: ${swap}${took}`;
}
