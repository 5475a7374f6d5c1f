import type { Kysely, Transaction } from 'kysely';
import type { Actor } from '../core/journal/event.ts';
import { lockedBy } from '../core/plan/may-proceed.ts';
import { problem } from '../core/release/problem.ts';
import { shareAdvisoryLock } from './advisory-lock.ts';
import { handHolderOf, handKeyOf } from './hand-lock.ts';
import { appendToJournal } from './journal.ts';
import { nowText } from './releases.ts';
import type { LockRow, ReleaseRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

/** It was held when we asked, and is free already. */
const BY_HAND = { release: null, person: 'somebody', why: 'work by hand', since: 'just now' };

const TRIES = 5; // each retry means that a holder ended in between

/**
 * Takes the lock of service and environment for a release, or throws `refused` saying who holds it, why and since when.
 * Taking it again for the same release is harmless. The lock belongs to the release, not to a process: it is freed in the
 * transaction in which the release ends, so it survives every crash and outlives none of them.
 */
export async function takeLock(db: Kysely<Tables>, row: ReleaseRow, actor: Actor): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const holder = await db.transaction().execute((tx) => tryLock(tx, row, actor));
    if (holder === 'mine') return;
    if (holder === null) continue;
    throw lockedBy(row, { ...holder, release: holder.release_id });
  }
  throw problem('refused', `the lock of ${row.service} ${row.environment} changes hands too fast`, {
    next: 'Try again.',
    retry: true,
  });
}

async function tryLock(tx: Transaction<Tables>, row: ReleaseRow, actor: Actor): Promise<LockRow | 'mine' | null> {
  const { service, environment } = row;
  const why = `${row.kind} of ${row.version}${row.reason === null ? '' : `: ${row.reason}`}`;
  const taken = await tx
    .insertInto('shipway.release_lock')
    .values({ service, environment, release_id: row.id, person: row.requested_by, why, since: nowText })
    .onConflict((conflict) => conflict.columns(['service', 'environment']).doNothing())
    .returning('release_id')
    .execute();
  if (taken.length === 0) {
    const holder = await lockOf(tx, service, environment);
    return holder?.release_id === row.id ? 'mine' : holder;
  }
  // Also while somebody by hand looks whether we hold it: one of us comes first. The row goes with the transaction.
  if (!(await shareAdvisoryLock(tx, handKeyOf(row)))) throw lockedBy(row, (await handHolderOf(tx, row)) ?? BY_HAND);
  await appendToJournal(tx, [
    { type: 'lock.taken', release: row.id, service, environment, actor, data: { person: row.requested_by } },
  ]);
  return 'mine';
}

export async function lockOf(
  db: Kysely<Tables> | Transaction<Tables>,
  service: string,
  environment: string,
): Promise<LockRow | null> {
  const found = await db
    .selectFrom('shipway.release_lock')
    .selectAll()
    .where('service', '=', service)
    .where('environment', '=', environment)
    .executeTakeFirst();
  return found ?? null;
}
