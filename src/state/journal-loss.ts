import type { Kysely } from 'kysely';
import type { JournalEvent } from '../core/journal/event.ts';
import { appendToJournal } from './journal.ts';
import type { Tables } from './tables.ts';

/** Appends what a step is about to throw away. */
export async function journalLoss(db: Kysely<Tables>, event: JournalEvent & { type: 'step.loses' }): Promise<void> {
  await db.transaction().execute((tx) => appendToJournal(tx, [event]));
}
