import type { DrilledBackup, DrillPlan, DrillReport } from '../../app/drill-backups.ts';
import type { BackupVerdict, StoreProof } from '../../app/verify-backups.ts';
import { START_LEVEL } from '../../core/backup/verification-level.ts';
import { assertNever } from '../../core/release/assert-never.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** One line for each backup; of one that was named, or is not good, also what was looked at in each store and what not. */
export function verdictLines(
  style: Style,
  verdicts: readonly BackupVerdict[],
  { level, isNamed }: { level: number; isNamed: boolean },
): string[] {
  const lines = verdicts.flatMap((verdict) => [
    verdictLine(style, verdict),
    ...(isNamed ? verdict.stores.flatMap((store) => storeLines(style, store)) : []),
  ]);
  const good = verdicts.filter((verdict) => verdict.outcome === 'pass').length;
  return [...lines, `${good} of ${verdicts.length} whole, looked at V${level}`];
}

function verdictLine(style: Style, { id, outcome, fault, seconds }: BackupVerdict): string {
  switch (outcome) {
    case 'pass':
      return `${style.good('ok')}    ${id}  ${formatDuration(seconds)}`;
    case 'fail':
      return `${style.bad('FAIL')}  ${id}: ${printable(fault ?? '')}`;
    case 'could-not-measure':
      return `${style.attention('?')}     ${id} could not be looked at: ${printable(fault ?? '')}`;
    default:
      return assertNever(outcome);
  }
}

function storeLines(style: Style, proof: StoreProof): string[] {
  const name = printable(proof.store ?? 'all of it');
  const found = proof.outcome === 'pass' ? proof.checked : [proof.fault ?? ''];
  return [
    `      ${name}: ${printable(found.join('; '))}`,
    ...(proof.outcome === 'pass'
      ? [style.faint(`      ${name}, not looked at: ${printable(proof.notChecked.join('; '))}`)]
      : []),
  ];
}

const WHY: Record<DrilledBackup['why'], string> = {
  newest: 'the newest',
  'longest-untried': 'untried for the longest time',
};

export function plannedDrillLines({ service, environment, level, backups }: DrillPlan): string[] {
  const more = level === START_LEVEL ? ' and start its version on it' : '';
  const lines = backups.map(({ id, why }) => `would restore ${id}${more}, ${WHY[why]}`);
  return [...lines, `${service} ${environment}: to scratch places; live data is not touched`];
}

/** What was restored, how long it took store by store, and whether it was what was captured. */
export function drillLines(style: Style, report: DrillReport): string[] {
  const { service, environment, level, backups } = report;
  const done = level === START_LEVEL ? 'restored, compared, and its version started on it' : 'restored and compared';
  const lines = backups.flatMap((backup) => [
    `${verdictLine(style, backup)}  (${WHY[backup.why]})`,
    ...backup.stores.map(
      ({ store, outcome, seconds }) =>
        `      ${printable(store ?? 'all of it')}: ${outcome === 'pass' ? done : 'not proven'} in ${formatDuration(seconds)}`,
    ),
  ]);
  const good = backups.filter((backup) => backup.outcome === 'pass').length;
  const end = `${service} ${environment}: ${good} of ${backups.length} proven by ${level === START_LEVEL ? 'a version that was started on it' : 'a restore'}`;
  if (good === backups.length) return [...lines, style.good(end)];
  return [...lines, style.bad(end), `next: shipway backup create --env ${environment}, then drill again`];
}
