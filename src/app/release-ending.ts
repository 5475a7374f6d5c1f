import { changesService } from '../core/plan/after-failure.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import type { Json } from '../core/release/json.ts';
import { undoStepId } from '../core/plan/undo-step.ts';
import type { ReleaseView, StepView } from './release-view.ts';
import { secondsBetween } from './release-view.ts';
import { timeOfRollback, type RollbackTime } from './time-rollback.ts';

/** How a release ended, or where it stands when a person has to look: what a closing block says. */
export interface ReleaseEnding {
  /** What serves now according to the record; null when nothing does, or nobody can tell before a person has looked. */
  liveVersion: string | null;
  tookSeconds: number;
  /** Titles of what was taken back. */
  undone: string[];
  /** Titles of what was done to the service and stays. */
  notUndone: string[];
  /** What became of the env file on the way back, a sentence each. */
  environment: string[];
  /** What became of the data of a release that was turned around with it, a sentence each. */
  data: string[];
  /** Of one that was rolled back: how long that took. */
  rollback: RollbackTime | null;
  /** Newest entry of the journal when it ended. */
  journalHead: { index: number; hash: string } | null;
}

/** What the record says about the end of a release. `live` is the version recorded as live in its environment. */
export function endingOf(
  release: ReleaseView,
  plan: Plan,
  steps: readonly StepView[],
  known: { live: string | null; journalHead: ReleaseEnding['journalHead'] },
): ReleaseEnding {
  const begun = stepsOf(plan).filter(({ step }) => stepNamed(steps, step.id)?.attempt);
  const isUndone = (id: string): boolean => stepNamed(steps, undoStepId(id))?.state === 'finished';
  const changing = begun.filter(({ step }) => changesService(step) && step.kind !== 'watch-version');
  return {
    liveVersion: known.live,
    tookSeconds: secondsBetween(release.createdAt, release.finishedAt ?? release.stateSince),
    undone: changing.filter(({ step }) => isUndone(step.id)).map(({ step }) => step.title),
    notUndone: changing
      .filter(({ step }) => !isUndone(step.id) && step.kind !== 'check-health')
      .map(({ step }) => step.title),
    environment: steps.flatMap(environmentWords),
    data: steps.flatMap((step) => dataWords(step, release.id)),
    rollback: timeOfRollback(release, plan, steps),
    journalHead: known.journalHead,
  };
}

/** The backup that is in place now, and how what it replaced is named to who wants it back or gone. */
function dataWords({ kind, state, result, isUndo }: StepView, release: string): string[] {
  if (kind !== 'swap-restore' || state !== 'finished' || !isUndo) return [];
  return [
    `it is as in ${textOf(result?.['backup'])}; what that replaced is kept aside: shipway backup discard ${release} deletes it`,
  ];
}

/** Names of variables alone: values are not in the record. */
function environmentWords({ kind, state, result, problem }: StepView): string[] {
  if (kind !== 'return-environment') return [];
  if (state === 'failed') return [`the env file was NOT put back: ${problem?.message ?? 'see the step'}`];
  const file = textOf(result?.['file']);
  switch (result?.['outcome']) {
    case 'put-back':
      return [
        `${file} is as ${textOf(result['version'])} was started with it (${textOf(result['changed'])}); what was there: ${textOf(result['keptAt'])}`,
      ];
    case 'left':
      return [`${file} stays as it is: ${textOf(result['why'])}`];
    default:
      return [];
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function stepNamed(steps: readonly StepView[], id: string): StepView | undefined {
  return steps.find((step) => step.id === id);
}
