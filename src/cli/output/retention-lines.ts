import type { Replaced } from '../../app/discard-replaced.ts';
import { formatBytes } from '../../core/plan/format-bytes.ts';
import type { PrunedBackup, PruneReport } from '../../app/prune-backups.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { age, shownTime } from './times.ts';

/** What pruning did, or would do; with `explain` also why everything else stays. */
export function pruneLines(style: Style, report: PruneReport, given: { explain: boolean; dryRun: boolean }): string[] {
  const lines = report.backups
    .filter((backup) => given.explain || backup.deed !== 'none')
    .flatMap((backup) => backupLines(style, backup, given));
  const { service, environment, swept, stopped } = report;
  const stays = report.backups.filter((backup) => backup.keep);
  const swepts = swept.map((id) => `removed  ${id}, which was never finished`);
  return [
    ...lines,
    ...swepts,
    ...(stopped === null ? [] : [style.attention(`nothing is pruned now: ${stopped}`)]),
    `${service} ${environment}: ${sentence(report, given.dryRun)}; ${stays.length} stay`,
  ];
}

function backupLines(style: Style, backup: PrunedBackup, given: { explain: boolean }): string[] {
  const [first = '', ...more] = backup.rules.map(printable);
  const head = `${wordOf(backup).padEnd(7)}  ${backup.id}  ${first}`;
  const rest = given.explain ? more.map((rule) => style.faint(`${' '.repeat(backup.id.length + 11)}${rule}`)) : [];
  return [backup.deed === 'none' && backup.keep ? head : style.attention(head), ...rest];
}

function wordOf({ deed, keep }: PrunedBackup): string {
  switch (deed) {
    case 'trash':
      return 'prune';
    case 'recover':
      return 'recover';
    case 'delete':
      return 'delete';
    case 'none':
      return keep ? 'keep' : 'trash';
  }
}

function sentence({ backups }: PruneReport, dryRun: boolean): string {
  const of = (deed: PrunedBackup['deed']): PrunedBackup[] => backups.filter((backup) => backup.deed === deed);
  const bytes = formatBytes(of('trash').reduce((sum, backup) => sum + backup.freedBytes, 0));
  const would = dryRun ? 'would be ' : '';
  const parts = [
    of('trash').length === 0
      ? 'nothing to prune'
      : `${of('trash').length} (frees ${bytes}) ${would}pruned, deleted after 24 hours`,
    ...(of('recover').length === 0 ? [] : [`${of('recover').length} ${would}taken back`]),
    ...(of('delete').length === 0 ? [] : [`${of('delete').length} ${would}deleted for good`]),
  ];
  return parts.join(', ');
}

/** What names it to `backup discard`. */
function meaning({ release, tag, place, isWaiting }: Replaced): string {
  return isWaiting === true ? place : (release ?? tag);
}

/** The replaced data as a table. */
export function replacedTable(style: Style, replaced: readonly Replaced[], nowMs: number): string[] {
  if (replaced.length === 0) return ['No replaced data is kept aside.'];
  const rows = replaced.map((one) => [
    one.store,
    one.isWaiting === true ? 'nothing yet' : (one.release ?? 'by hand'),
    one.at === null ? '-' : shownTime(one.at),
    one.at === null ? '-' : age(one.at, nowMs),
    formatBytes(one.bytes),
    printable(one.place),
  ]);
  const [head = '', ...lines] = table([['STORE', 'REPLACED BY', 'WHEN', 'AGE', 'SIZE', 'PLACE'], ...rows]);
  const notes = replaced.flatMap((one) => (one.refusal === null ? [] : [`  stays: ${one.refusal}`]));
  const free = replaced.find((one) => one.refusal === null);
  const next = free === undefined ? [] : [`next: shipway backup discard ${meaning(free)}`];
  return [style.strong(head), ...lines, ...notes, ...next];
}
