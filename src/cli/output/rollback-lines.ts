import type { Loss } from '../../app/describe-loss.ts';
import type { RollBackMeaning } from '../../app/roll-back.ts';
import type { DataWay } from '../../core/plan/data-way.ts';
import { refusedWords } from '../../core/plan/maintenance-steps.ts';
import { stepsOf, type Plan } from '../../core/plan/plan.ts';
import type { DataOfUndo } from '../../core/plan/undo-with-data.ts';
import { printable } from './printable.ts';
import { age, shownTime } from './times.ts';

/** A release that is not over is turned around; what that does is its way back, step by step. */
export function turnAroundLines(
  { release }: Extract<RollBackMeaning, { how: 'turn-around' }>,
  wayBack: Plan | null,
): string[] {
  const steps = wayBack === null ? [] : stepsOf(wayBack).map(({ step }) => step);
  const down = steps.some((step) => step.kind === 'migrate-down');
  const { id, service, version, environment, previous_version: previous } = release;
  return [
    `${id} (${service} ${version} -> ${environment}) is not over: it is turned around and goes back to ${previous ?? 'nothing'}.`,
    ...steps.map((step) => printable(`  ${step.title}`)),
    ...(down ? ['data: what only the newer schema has a place for is lost; everything else stays'] : []),
  ];
}

/** What a way down takes away, as it was counted just now. */
export function downLines(counted: readonly string[]): string[] {
  return counted.map((line) => printable(`  lost: ${line}`));
}

/** What the data of before costs, and where what is replaced can be found afterwards. */
export function olderDataLines(
  { wayBack, data }: { wayBack: Plan | null; data: DataOfUndo },
  backup: { id: string },
  loss: Loss,
  nowMs: number,
): string[] {
  const kept = data === 'restore' ? 'kept aside by the swap, not backed up first' : 'backed up first and kept aside';
  return [
    printable(
      `data: replaced by backup ${backup.id} of ${shownTime(loss.since)} (${age(loss.since, nowMs)} ago); everything written since then is no longer served`,
    ),
    ...loss.lines.map((line) => printable(`  ${line}`)),
    `the replaced data is ${kept}; ${wayBack === null ? 'nobody is served' : refusedWords(wayBack)} while the data is swapped`,
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

/** From where to where, what happens to the data, what that loses, and what else could be done; shown before anybody is asked. */
export function rollBackLines(plan: Plan, loss: Loss, nowMs: number): string[] {
  const from = plan.previous?.version ?? 'nothing';
  return [
    `${plan.service} ${plan.environment}: ${from} -> ${plan.version.number}`,
    ...environmentLines(plan),
    ...dataLines(plan, loss, nowMs),
    ...otherLines(plan.data?.others ?? []),
  ];
}

/** The same for a plan that is only shown. */
export function lossOfPlanLines({ data }: Plan, loss: Loss): string[] {
  if (data?.way === 'down') return downLines(loss.lines.slice(1));
  if (data === undefined || data.way !== 'restore') return [];
  return [`lost now, written since ${shownTime(loss.since)}:`, ...loss.lines.map((line) => printable(`  ${line}`))];
}

function dataLines(plan: Plan, loss: Loss, nowMs: number): string[] {
  const { data, version, warnings, envFile } = plan;
  const isBackedUp = stepsOf(plan).some(({ step }) => step.kind === 'backup-data');
  switch (data?.way) {
    case undefined:
    case 'leave':
      // What is said of the env file stands in a line of its own.
      return [
        'data: stays as it is',
        ...warnings
          .filter((line) => envFile === null || !line.startsWith(`${envFile} `))
          .map((line) => printable(`warning: ${line}`)),
      ];
    case 'down':
      return [
        printable(`data: the schema is taken back to what ${version.number} ran on; ${data.loses}`),
        // The first line is the sentence of the way itself.
        ...downLines(loss.lines.slice(1)),
        `  lost is only what was written since ${shownTime(loss.since)} (${age(loss.since, nowMs)} ago)`,
        `${isBackedUp ? 'the data is backed up when nobody writes any more; ' : ''}${refusedWords(plan)} until the older version is up`,
      ];
    case 'restore':
      return [
        printable(
          `data: replaced by backup ${data.backup ?? ''} of ${shownTime(loss.since)} (${age(loss.since, nowMs)} ago); everything written since then is no longer served`,
        ),
        ...loss.lines.map((line) => printable(`  ${line}`)),
        `the replaced data is ${isBackedUp ? 'backed up first and' : 'NOT backed up first, only'} kept aside; ${refusedWords(plan)} while the data is swapped`,
      ];
  }
}

/** Least lossy first, those that cannot be gone with the reason. */
function otherLines(others: readonly DataWay[]): string[] {
  return others.map((one, index) => {
    const head = index === 0 ? 'instead:' : '        ';
    const what = one.refused === null ? one.loses : `not possible: ${one.refused}`;
    return printable(`${head} --data ${one.way.padEnd(7)} ${what}`);
  });
}
