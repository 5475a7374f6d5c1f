import type { Kysely } from 'kysely';
import type { Sample } from '../core/verdict/sample.ts';
import type { Tables } from './tables.ts';

export interface StoredRound {
  round: number;
  atSeconds: number;
  takenAtMs: number;
  sample: Sample;
  verdicts: unknown;
  action: string | null;
}

/** Keeps a round of the watch; the first writer of a round wins, so a repeated round keeps its first sample. */
export async function keepRound(db: Kysely<Tables>, releaseId: string, stored: StoredRound): Promise<void> {
  await db
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
    .execute();
}

/** All rounds of the watch, oldest first. */
export async function roundsOf(db: Kysely<Tables>, releaseId: string): Promise<StoredRound[]> {
  const rows = await db
    .selectFrom('shipway.watch_sample')
    .selectAll()
    .where('release_id', '=', releaseId)
    .orderBy('round')
    .execute();
  return rows.map((row) => ({
    round: row.round,
    atSeconds: row.at_seconds,
    takenAtMs: row.taken_at_ms,
    sample: JSON.parse(row.sample) as Sample,
    verdicts: JSON.parse(row.verdicts) as unknown,
    action: row.action,
  }));
}
