import { problem, type Problem } from '../../../core/release/problem.ts';
import type { Session } from './session.ts';

const SHOWN = 5; // enough to act on; more would hide the first

interface Holder {
  pid: number;
  who: string;
  program: string;
  state: string | null;
  seconds: number | null;
  relation: string | null;
}

const HOLDER_COLUMNS = `a.pid, coalesce(a.usename, '?') AS who, coalesce(nullif(a.application_name, ''), 'unnamed program') AS program,
  a.state, extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change, a.backend_start))::int AS seconds`;

/** What others do is hidden from a user who is no superuser and has not pg_read_all_stats. */
function inWords({ pid, who, program, state, seconds, relation }: Holder): string {
  const doing = state === null || seconds === null ? [] : [`${state} for ${seconds} s`];
  const holding = relation === null ? [] : [`holds ${relation}`];
  return `process ${pid} (${[who, program, ...doing, ...holding].join(', ')})`;
}

/** Who keeps, or waits to get, a table of this database for itself alone; what a reader then waits for. */
export async function exclusiveHolders(session: Session): Promise<string[]> {
  const rows = await session.query<Holder>(
    `SELECT ${HOLDER_COLUMNS}, l.relation::regclass::text AS relation FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND a.pid <> pg_backend_pid() ORDER BY l.granted DESC, a.xact_start LIMIT ${SHOWN}`,
  );
  return rows.map(inWords);
}

/** Who is connected to any of the databases, or left a prepared transaction there. */
export async function connectedTo(session: Session, databases: string[]): Promise<string[]> {
  const rows = await session.query<Holder>(
    `SELECT ${HOLDER_COLUMNS}, NULL AS relation FROM pg_stat_activity a
     WHERE a.datname = ANY($1) AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid() ORDER BY a.backend_start LIMIT ${SHOWN}`,
    [databases],
  );
  const prepared = await session.query<{ gid: string; database: string }>(
    `SELECT gid, database FROM pg_prepared_xacts WHERE database = ANY($1) LIMIT ${SHOWN}`,
    [databases],
  );
  return [...rows.map(inWords), ...prepared.map(({ gid, database }) => `prepared transaction ${gid} in ${database}`)];
}

/** Who makes this process wait now. */
export async function blockersOf(session: Session, pid: number): Promise<string[]> {
  const rows = await session.query<Holder>(
    `SELECT ${HOLDER_COLUMNS}, NULL AS relation FROM pg_stat_activity a WHERE a.pid = ANY(pg_blocking_pids($1)) LIMIT ${SHOWN}`,
    [pid],
  );
  return rows.map(inWords);
}

/** What to throw when somebody did not let go in time. */
export function heldProblem(
  kind: 'backup-failed' | 'restore-failed',
  what: string,
  held: { where: string; holders: string[] },
  cause: unknown,
): Problem {
  const { where, holders } = held;
  const by = holders.length === 0 ? 'by somebody who is gone now' : `by ${holders.join(', ')}`;
  return problem(kind, `${what} ${by}`, {
    where,
    next: 'End that transaction (SELECT pg_terminate_backend(<process>); ROLLBACK PREPARED for a prepared one) and try again.',
    retry: true,
    cause,
  });
}
