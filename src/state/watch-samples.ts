import type { Kysely, Selectable } from 'kysely';
import type { JournalEvent } from '../core/journal/event.ts';
import type { Sample } from '../core/verdict/sample.ts';
import { appendToJournal } from './journal.ts';
import type { Tables } from './tables.ts';

export interface StoredRound {
  round: number;
  atSeconds: number;
  takenAtMs: number;
  sample: Sample;
  verdicts: unknown;
  action: string | null;
}

/**
 * Keeps a round of the watch, and with it what the journal says of it. The first writer of a round wins: a repeated round keeps its
 * first sample and is journalled once.
 */
export async function keepRound(
  db: Kysely<Tables>,
  releaseId: string,
  stored: StoredRound,
  said: JournalEvent | null,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const kept = await insertRound(tx, releaseId, stored);
    if (kept && said !== null) await appendToJournal(tx, [said]);
  });
}

async function insertRound(tx: Kysely<Tables>, releaseId: string, stored: StoredRound): Promise<boolean> {
  const kept = await tx
    .insertInto('shipway.watch_sample')
    .values({
      release_id: releaseId,
      round: stored.round,
      at_seconds: stored.atSeconds,
      taken_at_ms: stored.takenAtMs,
      sample: JSON.stringify(stored.sample),
      verdicts: JSON.stringify(stored.verdicts),
      action: stored.action,
    })
    .onConflict((conflict) => conflict.columns(['release_id', 'round']).doNothing())
    .returning('round')
    .execute();
  return kept.length > 0;
}

/** All rounds of the watch, oldest first. */
export async function roundsOf(db: Kysely<Tables>, releaseId: string): Promise<StoredRound[]> {
  const rows = await roundRows(db, releaseId).orderBy('round').execute();
  return rows.map(storedRound);
}

/** The newest round of a release's watch, or null. */
export async function lastRound(db: Kysely<Tables>, releaseId: string): Promise<StoredRound | null> {
  const row = await roundRows(db, releaseId).orderBy('round', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? null : storedRound(row);
}

function roundRows(db: Kysely<Tables>, releaseId: string) {
  return db.selectFrom('shipway.watch_sample').selectAll().where('release_id', '=', releaseId);
}

function storedRound(row: Selectable<Tables['shipway.watch_sample']>): StoredRound {
  return {
    round: row.round,
    atSeconds: row.at_seconds,
    takenAtMs: row.taken_at_ms,
    sample: JSON.parse(row.sample) as Sample,
    verdicts: JSON.parse(row.verdicts) as unknown,
    action: row.action,
  };
}
