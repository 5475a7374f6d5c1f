import type { ReleaseEnding } from '../../app/release-ending.ts';
import type { ReleaseView, StepView } from '../../app/release-view.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import type { StepKindName } from '../../core/plan/plan.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** The last lines of a release: how it ended, what serves now, what was not taken back, and what to type next. */
export function closingBlock(
  style: Style,
  release: ReleaseView,
  steps: readonly StepView[],
  ending: ReleaseEnding,
): string[] {
  switch (release.state) {
    case 'stable':
      return [
        `${style.good(`RELEASED ${release.version}`)} in ${took(ending)}   ${journal(ending)}`,
        `live in ${release.environment}: ${release.version}`,
        ...missingCopies(steps),
      ];
    case 'rolled-back':
      return rolledBack(style, release, ending);
    case 'cancelled':
      return stopped(style, release, ending);
    case 'needs-human':
      return needsHuman(style, release, steps, ending);
    case 'planned':
    case 'waiting':
    case 'running':
    case 'watching':
    case 'rolling-back':
      return [];
  }
}

/** A release goes on without a copy that is not required; whoever reads its end has to know. */
function missingCopies(steps: readonly StepView[]): string[] {
  const failed = steps.filter((step) => step.kind === 'copy-backup' && step.state === 'failed');
  if (failed.length === 0) return [];
  const why = failed.map((step) => printable(`NOT copied: ${step.id}: ${step.problem?.message ?? ''}`));
  return [...why, 'next: shipway backup copy'];
}

function rolledBack(style: Style, release: ReleaseView, ending: ReleaseEnding): string[] {
  const byHand = release.kind === 'rollback';
  const back = byHand ? release.version : (release.previousVersion ?? 'nothing');
  const bad = byHand ? release.previousVersion : release.version;
  return [
    `${style.attention(`ROLLED BACK to ${back}`)} in ${took(ending)}   ${journal(ending)}`,
    ...causeLine(release),
    ...timeLine(style, ending),
    `live in ${release.environment}: ${ending.liveVersion ?? 'nothing'}`,
    ...listed('undone:', ending.undone),
    ...(byHand ? [] : listed('not undone:', ending.notUndone)),
    ...listed('data:', ending.data),
    ...listed('environment:', ending.environment),
    // An abort says nothing about the version, so it is not kept out.
    ...(release.cause?.message.startsWith('aborted by ') === true
      ? [`next: shipway show ${release.id}`]
      : [
          `next: shipway show ${release.id}`,
          `      ${bad ?? 'the version'} is in quarantine; let it out: shipway unlock ${release.service} --env ${release.environment} --version ${bad ?? 'VERSION'} --reason "..."`,
        ]),
  ];
}

/** By part, and against what such a rollback may take. */
function timeLine(style: Style, { rollback }: ReleaseEnding): string[] {
  if (rollback === null) return [];
  const { depth, seconds, budgetSeconds, parts } = rollback;
  const shown = parts.map((part) => `${part.name} ${formatDuration(part.seconds)}`).join(', ');
  const verdict = `${depth} rollback ${formatDuration(seconds)} of ${formatDuration(budgetSeconds)}`;
  const over = seconds > budgetSeconds ? style.bad(`${verdict}: TOO LONG`) : verdict;
  return [`time: ${shown === '' ? '' : `${shown}; `}${over}`];
}

function stopped(style: Style, release: ReleaseView, ending: ReleaseEnding): string[] {
  const live = ending.liveVersion;
  const runs = live === null ? `Nothing runs in ${release.environment}.` : `${release.environment} still runs ${live}.`;
  return [
    `${style.attention('STOPPED')} after ${took(ending)}   ${journal(ending)}`,
    ...causeLine(release),
    ...(ending.notUndone.length === 0
      ? [`Nothing was changed. ${runs}`]
      : [
          ...listed('done and left as it is:', ending.notUndone),
          `live in ${release.environment} by the record: ${live ?? 'nothing'}`,
        ]),
    `next: ${release.cause?.next || `shipway show ${release.id}`}`,
  ];
}

function needsHuman(style: Style, release: ReleaseView, steps: readonly StepView[], ending: ReleaseEnding): string[] {
  const failed = steps.findLast((step) => step.state === 'failed');
  const what = release.isGoingBack ? 'ROLLBACK FAILED' : 'STOPPED HALF WAY';
  const at = failed === undefined ? '' : ` at ${failed.id}`;
  return [
    `${style.bad(`${what}${at}. HUMAN NEEDED NOW`)}   ${journal(ending)}`,
    ...causeLine(release),
    ...partLines(steps, release.isGoingBack),
    ...listed('data:', ending.data),
    ...listed('environment:', ending.environment),
    `live in ${release.environment} by the record: ${ending.liveVersion ?? 'nothing'}`,
    ...nextSafeCommands(release, failed),
  ];
}

/** The exact state of each part: every step of the way that was being gone. */
export function partLines(steps: readonly StepView[], isGoingBack: boolean): string[] {
  const words = { finished: 'done', failed: 'FAILED', started: 'begun', pending: 'not begun', skipped: 'skipped' };
  const undo = steps.filter((step) => step.isUndo);
  const way = isGoingBack && undo.length > 0 ? undo : steps.filter((step) => !step.isUndo);
  return way.map((step) => {
    const reason = step.state === 'failed' && step.problem !== null ? `: ${step.problem.message}` : '';
    return printable(`  ${words[step.state].padEnd(10)} ${step.id.padEnd(22)} ${step.title}${reason}`);
  });
}

const MEASURES: ReadonlySet<string> = new Set<StepKindName>(['watch-version', 'run-checks', 'check-health']);

/** What can be typed now without doing harm, best first. */
export function nextSafeCommands(release: ReleaseView, failed: StepView | undefined): string[] {
  const { id, service, environment } = release;
  // Measuring again harms nobody and a person's word would skip it, so only a deed is ruled on.
  const needsRuling = release.cause?.kind === 'cannot-tell' && failed !== undefined && !MEASURES.has(failed.kind);
  const commands: [string, string][] = [
    ...(needsRuling
      ? ([['say what you found', `shipway resume ${id} --step ${failed.id} --was done|not-done`]] as [string, string][])
      : []),
    ['mend the cause, then go on', `shipway resume ${id}`],
    ...(release.isGoingBack
      ? []
      : ([['or take it back', `shipway rollback --env ${environment} --reason "..."`]] as [string, string][])),
    ['look at everything', `shipway show ${id}`],
    ['or end it as it is', `shipway unlock ${service} --env ${environment} --reason "..."`],
  ];
  const width = Math.max(...commands.map(([why]) => why.length));
  return commands.map(
    ([why, command], index) => `${index === 0 ? 'next:' : '     '} ${`${why}:`.padEnd(width + 1)} ${command}`,
  );
}

function causeLine(release: ReleaseView): string[] {
  if (release.cause === null) return release.reason === null ? [] : [printable(`cause: ${release.reason}`)];
  const where = release.cause.where === null ? '' : ` (${release.cause.where})`;
  return [printable(`cause: ${release.cause.message}${where}`)];
}

function listed(title: string, items: string[]): string[] {
  return items.map((item, index) => printable(`${index === 0 ? title : ' '.repeat(title.length)} ${item}`));
}

function took(ending: ReleaseEnding): string {
  return formatDuration(ending.tookSeconds);
}

function journal(ending: ReleaseEnding): string {
  if (ending.journalHead === null) return 'no journal entry';
  return `journal entry ${ending.journalHead.index} ${ending.journalHead.hash.slice(0, 12)}`;
}
