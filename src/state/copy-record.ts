import type { Kysely } from 'kysely';
import type { CopyRecord, CopyRecords } from '../core/backup/copy-standing.ts';
import { entriesOf, type Place, type Row } from './backup-record.ts';
import type { Tables } from './tables.ts';

const STATES: Record<string, CopyRecord['state']> = {
  'backup.copied': 'copied',
  'backup.copy-failed': 'failed',
  'backup.copy-damaged': 'failed',
  'backup.copy-pruned': 'pruned',
  'backup.copy-recovered': 'copied',
  'backup.copy-removed': 'removed',
};

export interface CopyHistory {
  /** Of those that were sealed and not pruned here, the one sealed last; null when there is none. */
  newest: string | null;
  records: CopyRecords;
}

/** What the journal says of the second places of the backups of a service and environment. */
export async function copyHistory(db: Kysely<Tables>, place: Place): Promise<CopyHistory> {
  const records = new Map<string, Map<string, CopyRecord>>();
  const sealed = new Set<string>();
  const types = [...Object.keys(STATES), 'backup.sealed', 'backup.pruned', 'backup.recovered'];
  for (const row of await entriesOf(db, place, types)) {
    const backup = textOf(row, 'backup');
    if (row.type === 'backup.sealed' || row.type === 'backup.recovered') sealed.add(backup);
    if (row.type === 'backup.pruned') sealed.delete(backup);
    const state = STATES[row.type];
    if (state !== undefined) note(records, backup, { row, state });
  }
  return { newest: [...sealed].sort(byTime).at(-1) ?? null, records };
}

/**
 * Of the copies in one place those that a fetch found damaged, each with what was wrong. One is good again when files of it were sent once more,
 * or when it came back whole; that its sizes are right mends nothing.
 */
export async function damagedCopies(db: Kysely<Tables>, at: Place, place: string): Promise<Map<string, string>> {
  const damaged = new Map<string, string>();
  const types = ['backup.copy-damaged', 'backup.copied', 'backup.fetched', 'backup.copy-removed'];
  for (const row of await entriesOf(db, at, types)) {
    if (textOf(row, 'place') !== place) continue;
    if (row.type === 'backup.copy-damaged') damaged.set(textOf(row, 'backup'), textOf(row, 'fault'));
    else if (row.type !== 'backup.copied' || row.data['sentFiles'] !== 0) damaged.delete(textOf(row, 'backup'));
  }
  return damaged;
}

/** Backups that came back from a second place and were not here before. */
export async function fetchedBackups(db: Kysely<Tables>, place: Place): Promise<Set<string>> {
  const rows = await entriesOf(db, place, ['backup.fetched']);
  return new Set(rows.map((row) => textOf(row, 'backup')));
}

function textOf({ data }: Row, key: string): string {
  const value = data[key];
  return typeof value === 'string' ? value : '';
}

/** Ids begin with the time. */
function byTime(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function note(
  records: Map<string, Map<string, CopyRecord>>,
  backup: string,
  { row, state }: { row: Row; state: CopyRecord['state'] },
): void {
  const places = records.get(backup) ?? new Map<string, CopyRecord>();
  records.set(backup, places);
  const name = textOf(row, 'place');
  const fault = textOf(row, 'fault') || null;
  // A later try that could not even look does not take away what was copied.
  if (row.type === 'backup.copy-failed' && places.get(name)?.state === 'copied') return;
  places.set(name, { state, at: row.at, fault });
}
