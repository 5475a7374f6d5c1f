import type { BackupThere, CopyDeed } from '../../app/copy-backups.ts';
import type { PrunedCopy, PrunedPlace } from '../../app/prune-copies.ts';
import { formatBytes } from '../../core/plan/format-bytes.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { assertNever } from '../../core/release/assert-never.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { age, shownTime } from './times.ts';

/** What became of each backup in each place. */
export function copyLines(style: Style, deeds: readonly CopyDeed[]): string[] {
  if (deeds.length === 0) return ['every backup is in every place already'];
  return deeds.map((deed) => deedLine(style, deed));
}

function deedLine(style: Style, deed: CopyDeed): string {
  const { backup, place, outcome, sentBytes, keptBytes, seconds, fault } = deed;
  switch (outcome) {
    case 'copied': {
      const kept = keptBytes === 0 ? '' : `, ${formatBytes(keptBytes)} lay there already`;
      return `${style.good('copied')}   ${backup} to ${place}: ${formatBytes(sentBytes)} sent${kept}; read back in ${formatDuration(seconds)}`;
    }
    case 'there':
      return `there    ${backup} in ${place}`;
    case 'skipped':
      return style.attention(`skipped  ${backup}: it is not encrypted and signed, so it does not go to ${place}`);
    case 'failed':
      return style.bad(printable(`FAILED   ${backup} to ${place}: ${fault?.message ?? ''}`));
    default:
      return assertNever(outcome);
  }
}

/** Behind the closing sentence of a new backup: where it is besides here. */
export function copyEnding(style: Style, deeds: readonly CopyDeed[]): string[] {
  const failed = deeds.find(({ outcome }) => outcome === 'failed');
  const next =
    failed === undefined
      ? []
      : [`next: ${printable(failed.fault?.next ?? '')}`, `      shipway backup copy ${failed.backup}`];
  return [...deeds.map((deed) => deedLine(style, deed)), ...next];
}

export function plannedCopyLines(places: readonly { place: string; backups: string[] }[]): string[] {
  return places.flatMap(({ place, backups }) =>
    backups.length === 0 ? [`nothing to copy to ${place}`] : backups.map((id) => `would copy ${id} to ${place}`),
  );
}

export function whatWouldCome(there: BackupThere, place: string): string[] {
  if (there.isHere) return [`${there.id} is here already`];
  return [`would fetch ${there.id} from ${place}: ${formatBytes(there.storedBytes)}`];
}

/** The backups of a place, newest first. */
export function thereTable(
  style: Style,
  { where, backups }: { where: string; backups: readonly BackupThere[] },
  { place, nowMs }: { place: string; nowMs: number },
): string[] {
  const at = printable(`${place}: ${where}`);
  if (backups.length === 0) return [`No backup in ${at}`, 'next: shipway backup copy'];
  const rows = backups.map((backup) => [
    backup.id,
    shownTime(backup.createdAt),
    age(backup.createdAt, nowMs),
    backup.state === 'half' ? '-' : formatBytes(backup.storedBytes),
    backup.encryptedFor.length === 0 ? 'NO' : 'yes',
    backup.isHere ? 'yes' : 'no',
    stateOf(backup, nowMs),
  ]);
  const [head = '', ...lines] = table([['BACKUP', 'TAKEN', 'AGE', 'STORED', 'ENCRYPTED', 'HERE', 'STATE'], ...rows]);
  const bad = backups.flatMap(({ id, reason }) =>
    reason === null ? [] : [style.bad(printable(`UNTRUSTED  ${id}: ${reason}`))],
  );
  return [style.strong(head), ...lines, ...bad, at];
}

function stateOf({ state, reason, damage, prunedAt }: BackupThere, nowMs: number): string {
  if (reason !== null) return 'UNTRUSTED';
  if (damage !== null) return printable(`DAMAGED: ${damage}`);
  switch (state) {
    case 'half':
      return 'not copied to its end';
    case 'pruned':
      return prunedAt === null ? 'to be deleted' : `to be deleted, marked ${age(prunedAt, nowMs)} ago`;
    case 'whole':
      return 'whole';
    default:
      return assertNever(state);
  }
}

/** What pruning did in the second places, or would do. */
export function prunedPlaceLines(
  style: Style,
  places: readonly PrunedPlace[],
  given: { explain: boolean; dryRun: boolean },
): string[] {
  return places.flatMap((place) => {
    if (place.fault !== null) {
      return [style.attention(printable(`${place.place}: not looked at: ${place.fault.message}`))];
    }
    const shown = place.backups.filter((backup) => given.explain || backup.deed !== 'none');
    return [
      ...shown.map((backup) => copyLine(style, backup, place.place)),
      ...(place.stopped === null ? [] : [style.attention(`${place.place}: nothing is pruned now: ${place.stopped}`)]),
      `${place.place}: ${sentence(place.backups, given.dryRun)}; ${place.backups.filter(({ keep }) => keep).length} stay`,
    ];
  });
}

const WORDS: Record<PrunedCopy['deed'], string> = { mark: 'prune', unmark: 'recover', delete: 'delete', none: 'keep' };

function copyLine(style: Style, { id, deed, keep, rules }: PrunedCopy, place: string): string {
  const word = deed === 'none' && !keep ? 'marked' : WORDS[deed];
  const line = printable(`${word.padEnd(7)}  ${id} in ${place}  ${rules[0] ?? ''}`);
  return deed === 'none' ? line : style.attention(line);
}

function sentence(backups: readonly PrunedCopy[], dryRun: boolean): string {
  const count = (deed: PrunedCopy['deed']): number => backups.filter((backup) => backup.deed === deed).length;
  const would = dryRun ? 'would be ' : '';
  const parts = [
    ...(count('mark') === 0 ? [] : [`${count('mark')} ${would}marked, deleted after 7 days`]),
    ...(count('unmark') === 0 ? [] : [`${count('unmark')} ${would}taken back`]),
    ...(count('delete') === 0 ? [] : [`${count('delete')} ${would}deleted for good`]),
  ];
  return parts.length === 0 ? 'nothing to prune' : parts.join(', ');
}
