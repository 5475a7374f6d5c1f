import type { Kysely } from 'kysely';
import { lockedBy } from '../core/plan/may-proceed.ts';
import { problem } from '../core/release/problem.ts';
import { holdAdvisoryLock, whileHeld } from './advisory-lock.ts';
import type { Place } from './backup-record.ts';
import { handHolderOf, handKeyOf, type Holder } from './hand-lock.ts';
import { appendToJournal } from './journal.ts';
import { lockOf } from './locks.ts';
import type { Database } from './open-database.ts';
import { personActor } from './releases.ts';
import type { Tables } from './tables.ts';

/** Who holds the lock of the place, or null. */
export async function holderOf(db: Kysely<Tables>, place: Place): Promise<Holder | null> {
  const row = await lockOf(db, place.service, place.environment);
  if (row !== null) return { release: row.release_id, person: row.person, why: row.why, since: row.since };
  return handHolderOf(db, place);
}

/**
 * Does by hand what no release may do or meet meanwhile; throws `refused` when somebody holds the lock, saying who and why. It is freed
 * when this process ends, however it ends; the signal fires when it may be no longer ours.
 */
export async function withServiceLock<Result>(
  database: Database,
  { service, environment }: Place,
  by: { person: string; why: string },
  act: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const place = { service, environment };
  const lock = await holdAdvisoryLock(database.pool, handKeyOf(place));
  if (lock === null) throw await refusalOf(database, place);
  return whileHeld(lock, `${service} ${environment}`, async (lost) => {
    const holder = await lockOf(database.db, service, environment);
    if (holder !== null) throw lockedBy(place, { ...holder, release: holder.release_id });
    const frame = { release: null, ...place, actor: personActor(by.person) };
    await database.db.transaction().execute((tx) => appendToJournal(tx, [{ ...frame, type: 'lock.taken', data: by }]));
    try {
      return await act(lost);
    } finally {
      if (!lost.aborted)
        await database.db
          .transaction()
          .execute((tx) => appendToJournal(tx, [{ ...frame, type: 'lock.freed', data: {} }]));
    }
  });
}

async function refusalOf(database: Database, place: Place): Promise<Error> {
  const holder = await handHolderOf(database.db, place);
  if (holder !== null) return lockedBy(place, holder);
  return problem('refused', `a release takes the lock of ${place.service} ${place.environment} right now`, {
    next: 'Try again in a moment.',
    retry: true,
  });
}
