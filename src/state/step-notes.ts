import type { Kysely } from 'kysely';
import type { JournalEvent } from '../core/journal/event.ts';
import type { JsonObject } from '../core/release/json.ts';
import { appendToJournal } from './journal.ts';
import type { Tables } from './tables.ts';

/** Appends what a step has found before its deed, or is about to throw away. */
export async function journalNote(
  db: Kysely<Tables>,
  event: JournalEvent & { type: 'step.loses' | 'step.found' },
): Promise<void> {
  await db.transaction().execute((tx) => appendToJournal(tx, [event]));
}

/** What a step of a release has found before its first deed; null where it has written nothing. */
export async function foundBefore(db: Kysely<Tables>, release: string, step: string): Promise<JsonObject | null> {
  const rows = await db
    .selectFrom('shipway.journal')
    .select('entry')
    .where('release', '=', release)
    .where('type', '=', 'step.found')
    .orderBy('index')
    .execute();
  const notes = rows.map(({ entry }) => (JSON.parse(entry) as { data: JsonObject }).data);
  return notes.find((data) => data['step'] === step) ?? null;
}
