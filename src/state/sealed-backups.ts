import { sql, type Kysely } from 'kysely';
import type { JournalEvent } from '../core/journal/event.ts';
import { appendToJournal } from './journal.ts';
import type { Tables } from './tables.ts';

/** SHA-256 of a backup's manifest as the journal recorded it when it was sealed; null when this journal knows no such backup. */
export async function recordedManifest(db: Kysely<Tables>, backupId: string): Promise<string | null> {
  const { rows } = await sql<{ digest: string | null }>`
    select (entry::jsonb) -> 'data' ->> 'manifest' as digest from shipway.journal
    where type = 'backup.sealed' and (entry::jsonb) -> 'data' ->> 'backup' = ${backupId} order by index limit 1`.execute(
    db,
  );
  return rows[0]?.digest ?? null;
}

/** Appends one event about a backup. */
export async function journalBackup(db: Kysely<Tables>, event: JournalEvent): Promise<void> {
  await db.transaction().execute((tx) => appendToJournal(tx, [event]));
}
