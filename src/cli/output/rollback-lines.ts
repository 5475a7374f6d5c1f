import type { RollBackMeaning, RollBackWish } from '../../app/roll-back.ts';
import { stepsOf, type Plan } from '../../core/plan/plan.ts';
import { printable } from './printable.ts';
import { age, shownTime } from './times.ts';

/** From where to where, what happens to the data, and since when it could be lost; shown before anybody is asked. */
export function rollBackLines(
  meaning: RollBackMeaning,
  wish: RollBackWish,
  known: { nowMs: number; loss: readonly string[] },
): string[] {
  if (meaning.how === 'turn-around') {
    const { id, service, version, environment, previous_version: previous } = meaning.release;
    return [
      `${id} (${service} ${version} -> ${environment}) is not over: it is turned around and goes back to ${previous ?? 'nothing'}.`,
    ];
  }
  const { plan, facts } = meaning.view;
  const from = plan.previous?.version ?? 'nothing';
  const lines = [`${plan.service} ${plan.environment}: ${from} -> ${plan.version.number}`, ...environmentLines(plan)];
  if (wish.depth === 'quick') return [...lines, 'data: stays as it is (bring it back too: --full)'];
  const reference = backupMeant(meaning, wish);
  const backup = facts.backups.find(
    (one) => one.id.startsWith(reference) || (one.release !== null && reference === `before:${one.release}`),
  );
  const which = backup === undefined ? reference : `${backup.id} of ${shownTime(backup.createdAt)}`;
  const since = backup === undefined ? '' : ` (${age(backup.createdAt, known.nowMs)} ago)`;
  return [
    ...lines,
    printable(`data: replaced by backup ${which}${since}; everything written since then is no longer served`),
    ...known.loss.map((line) => printable(`  ${line}`)),
    'the replaced data is backed up first and kept aside; requests are answered 503 while the data is swapped',
  ];
}

/** What becomes of the env file; nothing where it stays as it is because it is as it was. */
function environmentLines(plan: Plan): string[] {
  const step = stepsOf(plan).find((one) => one.step.kind === 'return-environment')?.step;
  if (step !== undefined)
    return [printable(`environment: ${step.title}`), ...(step.notes ?? []).map((note) => `  ${note}`)];
  const { envFile, warnings } = plan;
  return warnings
    .filter((warning) => envFile !== null && warning.startsWith(`${envFile} `))
    .map((warning) => printable(`environment: ${warning}`));
}

/** The backup that a rollback with data restores, as it is named in the plan. */
export function backupMeant(meaning: RollBackMeaning, wish: RollBackWish): string {
  const release = meaning.how === 'plan' ? meaning.view.plan.previous?.release : meaning.release.id;
  return wish.backup ?? `before:${release ?? ''}`;
}
