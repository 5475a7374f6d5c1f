import { sql, type Kysely } from 'kysely';
import type { Proof } from '../core/backup/retention.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import type { JsonObject } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import { holdAdvisoryLock, whileHeld } from './advisory-lock.ts';
import { appendToJournal } from './journal.ts';
import type { Database } from './open-database.ts';
import type { Tables } from './tables.ts';

const EVENTS_AT_ONCE = 200; // the journal takes 500 in one transaction

export interface Place {
  service: string;
  environment: string;
}

/** What the journal knows of one backup. */
export interface BackupRecord {
  /** SHA-256 of the manifest that was sealed. */
  manifest: string | null;
  /** Whether it was sealed before the eyes of this memory. */
  isSealedHere: boolean;
  proof: Proof | null;
  suspicious: boolean;
}

export interface Row {
  type: string;
  release: string | null;
  at: string;
  data: JsonObject;
}

/** Everything the journal says about the backups of a place, by id. A look that could not see anything changes no proof. */
export async function backupRecords(db: Kysely<Tables>, place: Place): Promise<Map<string, BackupRecord>> {
  const records = new Map<string, BackupRecord>();
  for (const { type, at, data } of await entriesOf(db, place, ['backup.sealed', 'backup.verified'])) {
    const id = typeof data['backup'] === 'string' ? data['backup'] : '';
    const record = records.get(id) ?? { manifest: null, isSealedHere: false, proof: null, suspicious: false };
    const outcome = type === 'backup.sealed' ? 'pass' : data['outcome'];
    const level = typeof data['level'] === 'number' ? data['level'] : 0;
    if (counts(outcome, level, record.proof)) record.proof = { level, outcome, at };
    if (typeof data['manifest'] === 'string') record.manifest = data['manifest'];
    record.isSealedHere ||= type === 'backup.sealed';
    record.suspicious ||= data['suspicious'] === true;
    records.set(id, record);
  }
  return records;
}

/** A fault always does. A pass does not outweigh a more thorough look from before: reading sizes clears nobody of a torn copy. */
function counts(outcome: unknown, level: number, before: Proof | null): outcome is Proof['outcome'] {
  return outcome === 'fail' || (outcome === 'pass' && level >= (before?.level ?? 0));
}

/** By place of the replaced data: which release put other data there, null for a person, and when. */
export async function replacements(
  db: Kysely<Tables>,
  place: Place,
): Promise<Map<string, { release: string | null; at: string }>> {
  const found = new Map<string, { release: string | null; at: string }>();
  // Killed after the intent, it may have come to replace something.
  for (const { release, at, data } of await entriesOf(db, place, ['backup.restoring', 'backup.restored'])) {
    const kept = Array.isArray(data['kept']) ? data['kept'] : [];
    for (const one of kept) if (typeof one === 'string') found.set(one, { release, at });
  }
  return found;
}

/** What the journal says about the backups of a place in entries of these types, oldest first. */
export async function entriesOf(db: Kysely<Tables>, { service, environment }: Place, types: string[]): Promise<Row[]> {
  const { rows } = await sql<{ type: string; release: string | null; entry: string }>`
    select type, release, entry from shipway.journal
    where type in (${sql.join(types)}) and service = ${service} and environment = ${environment} order by index`.execute(
    db,
  );
  return rows.map(({ type, release, entry }) => {
    const { at, data } = JSON.parse(entry) as { at: string; data: JsonObject };
    return { type, release, at, data };
  });
}

/** Appends events about backups. */
export async function journalBackups(db: Kysely<Tables>, events: readonly JournalEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_AT_ONCE) {
    const some = events.slice(from, from + EVENTS_AT_ONCE);
    await db.transaction().execute((tx) => appendToJournal(tx, some));
  }
}

/** Runs what prunes, pins, restores or discards in a place while nobody else does; throws `refused` when somebody does. The signal fires when somebody else may begin. */
export async function withBackupLock<Result>(
  database: Database,
  { service, environment }: Place,
  act: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lock = await holdAdvisoryLock(database.pool, `backups ${service} ${environment}`);
  if (lock === null) {
    throw problem('refused', `somebody else works on the backups of ${service} ${environment} right now`, {
      next: 'Try again in a moment.',
      retry: true,
    });
  }
  return whileHeld(lock, `the backups of ${service} ${environment}`, act);
}
