import {
  createLockTally,
  lockedOutBy,
  type LockReport,
  type LockTally,
  type SeenLock,
} from '../../../core/rehearsal/lock-tally.ts';
import type { Effect } from '../../../platform/effect.ts';
import { TRIES_NAME } from './try-statements.ts';
import { withControl, withSession, type Session, type SessionRequest } from './session.ts';

const LOOK_PAUSE_MS = 3; // with the question itself a look every 5 ms or so: a lock that is held for less is felt by nobody
const PROBE_PAUSE_MS = 2;
const PROBE_END_MS = 5000; // after the migration is gone its locks are too; whoever waits longer waits for something else

/** Tables by object id: what is made meanwhile has no name here, and nobody waits for it. */
export type TableIds = Map<string, string>;

export async function tableIdsOf(session: Session): Promise<TableIds> {
  const rows = await session.query<{ id: string; name: string }>(
    `SELECT c.oid::text AS id, format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

interface Watching {
  tally: LockTally;
  tables: TableIds;
  /** The connection that asks what a service would ask; its own locks do not count. */
  probePid: number;
  /** A table that keeps others waiting now, and whether readers wait too. */
  blocked: { table: string; readers: boolean } | null;
  isOver: boolean;
}

/**
 * Runs the act while one connection looks at the locks of the database and another one asks its tables what a service would. Null when
 * the server does not let us look. The act must not throw.
 */
export async function watchLocks<Result>(
  request: SessionRequest & { database: string },
  tables: TableIds,
  act: () => Promise<Result>,
): Promise<{ result: Result; locks: LockReport | null }> {
  const watching: Watching = { tally: createLockTally(), tables, probePid: 0, blocked: null, isOver: false };
  const ending = new AbortController();
  const own = { ...request, effect: { ...request.effect, signal: ending.signal } };
  const both = Promise.allSettled([
    withControl(own, (control) => lookOn(control, request.database, watching, own.effect)),
    withSession(own, (session) => probeOn(session, watching, own.effect)),
  ]);
  const result = await act();
  watching.isOver = true;
  await Promise.race([both, own.effect.clock.sleep(PROBE_END_MS, ending.signal).catch(() => undefined)]);
  ending.abort();
  const [looked] = await both;
  return { result, locks: looked.status === 'fulfilled' ? watching.tally.report() : null };
}

async function lookOn(control: Session, database: string, watching: Watching, effect: Effect): Promise<void> {
  while (!watching.isOver) {
    const rows = await control.query<{ id: string; mode: string; granted: boolean }>(
      `SELECT l.relation::text AS id, l.mode, l.granted FROM pg_locks l
       WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = $1) AND l.pid <> ALL ($2)
         AND NOT EXISTS (SELECT FROM pg_stat_activity a
           WHERE a.pid = l.pid AND (a.backend_type = 'autovacuum worker' OR a.application_name = '${TRIES_NAME}'))`,
      [database, [control.pid, watching.probePid]],
    );
    const seen = rows.flatMap(({ id, mode, granted }): SeenLock[] => {
      const table = watching.tables.get(id);
      return table === undefined ? [] : [{ table, mode, granted }];
    });
    watching.tally.look(performance.now(), seen);
    watching.blocked = blockedNow(seen);
    await effect.clock.sleep(LOOK_PAUSE_MS);
  }
}

/** The table that keeps the most people waiting. */
function blockedNow(seen: readonly SeenLock[]): Watching['blocked'] {
  const held = seen.filter((one) => one.granted);
  const readers = held.find((one) => lockedOutBy(one.mode) === 'everybody');
  const table = readers ?? held.find((one) => lockedOutBy(one.mode) === 'writers');
  return table === undefined ? null : { table: table.table, readers: readers !== undefined };
}

/** Where somebody is locked out, asks what the service would ask, and measures how long the answer takes. */
async function probeOn(session: Session, watching: Watching, effect: Effect): Promise<void> {
  watching.probePid = session.pid;
  await session.query('SET lock_timeout = 0');
  while (!watching.isOver) {
    const { blocked } = watching;
    if (blocked === null) {
      await effect.clock.sleep(PROBE_PAUSE_MS);
      continue;
    }
    const sinceMs = performance.now();
    await ask(session, blocked);
    watching.tally.stalled(blocked.table, performance.now() - sinceMs);
  }
}

async function ask(session: Session, { table, readers }: { table: string; readers: boolean }): Promise<void> {
  try {
    if (readers) await session.query(`SELECT FROM ONLY ${table} LIMIT 1`);
    // What a writer waits for, without a row that is written.
    else await session.query(`BEGIN; LOCK TABLE ${table} IN ROW EXCLUSIVE MODE; COMMIT`);
  } catch (error) {
    // The migration may have dropped the table it was asked of; that it had to wait is true all the same.
    await session.query('ROLLBACK').catch(() => undefined);
    if ((error as { code?: string }).code === undefined) throw error;
  }
}
