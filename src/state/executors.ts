import type { Kysely } from 'kysely';
import { appendToJournal } from './journal.ts';
import { nowText } from './releases.ts';
import type { ExecutorRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

export interface ExecutorIdentity {
  id: string;
  project: string;
  host: string;
  pid: number;
  processStartedAt: string;
}

export async function registerExecutor(db: Kysely<Tables>, identity: ExecutorIdentity): Promise<void> {
  await db
    .insertInto('shipway.executor')
    .values({
      id: identity.id,
      project: identity.project,
      host: identity.host,
      pid: identity.pid,
      process_started_at: identity.processStartedAt,
      started_at: nowText,
      gone_at: null,
    })
    .execute();
}

/** Executors not known to be gone; whether one is alive is told by its advisory lock, never by this row. */
export async function listedExecutors(db: Kysely<Tables>): Promise<ExecutorRow[]> {
  return db.selectFrom('shipway.executor').selectAll().where('gone_at', 'is', null).execute();
}

/** Lists an executor again that had signed off and found work. */
export async function markExecutorBack(db: Kysely<Tables>, id: string): Promise<void> {
  await db.updateTable('shipway.executor').set({ gone_at: null }).where('id', '=', id).execute();
}

/** Marks an executor as gone; true for the one caller who was first. */
export async function markExecutorGone(db: Kysely<Tables>, id: string, taker: string | null): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const marked = await tx
      .updateTable('shipway.executor')
      .set({ gone_at: nowText })
      .where('id', '=', id)
      .where('gone_at', 'is', null)
      .returning('id')
      .execute();
    if (marked.length === 0) return false;
    if (taker !== null) {
      const actor = { kind: 'executor' as const, id: taker };
      await appendToJournal(tx, [
        { type: 'executor.took-over', release: null, service: '', environment: '', actor, data: { from: id } },
      ]);
    }
    return true;
  });
}
