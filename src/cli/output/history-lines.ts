import type { HistoryEntry } from '../../app/show-history.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import type { ReleaseState } from '../../core/release/release-state.ts';
import { printable, shortened } from './printable.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';
import { shownTime } from './times.ts';

const CAUSE_COLUMNS = 80; // the whole sentence is in `show`

/** The table of past releases, newest first. */
export function historyLines(style: Style, entries: readonly HistoryEntry[], how: 'all' | 'filtered'): string[] {
  if (entries.length === 0) {
    return how === 'all'
      ? ['Nothing was released from here yet.', 'next: shipway release VERSION']
      : ['No release matches.', 'next: leave out service, --env and --of to see all of them'];
  }
  const rows = entries.map((entry) => [
    entry.id,
    entry.version,
    entry.environment,
    resultOf(entry),
    shownTime(entry.createdAt),
    entry.tookSeconds === null ? '-' : formatDuration(entry.tookSeconds),
    printable(entry.requestedBy),
    entry.approvedBy.length === 0 ? '-' : printable(entry.approvedBy.join(', ')),
    remarkOf(entry),
  ]);
  const [head = '', ...lines] = table([
    ['RELEASE', 'VERSION', 'ENV', 'RESULT', 'STARTED', 'TOOK', 'BY', 'APPROVED', ''],
    ...rows,
  ]);
  return [style.strong(head), ...lines];
}

const RESULTS: Record<ReleaseState, string> = {
  planned: 'planned',
  waiting: 'waiting',
  running: 'running',
  watching: 'watching',
  stable: 'released',
  'rolling-back': 'rolling back',
  'rolled-back': 'rolled back',
  'needs-human': 'NEEDS HUMAN',
  cancelled: 'stopped',
};

function resultOf({ kind, state, previousVersion }: HistoryEntry): string {
  // A rollback by hand is a release of an older version; what it came from is what one looks for.
  if (kind === 'rollback' && state === 'rolled-back') return `back from ${previousVersion ?? 'nothing'}`;
  return RESULTS[state];
}

function remarkOf({ cause, reason }: HistoryEntry): string {
  return shortened(cause?.message ?? reason ?? '', CAUSE_COLUMNS);
}
