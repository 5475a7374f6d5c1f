import type { Effect } from '../../../platform/effect.ts';
import type { LockWait } from '../store.ts';
import { withSession, type SessionRequest } from './session.ts';

const LOOK_PAUSE_MS = 50; // a wait is given up after 200 ms by default, and has to be seen before that
const LIMIT_MS = 5000; // of one look: it reads the tables of the server about itself

interface Row {
  relation: string | null;
  mode: string;
  pid: number;
  application: string;
  user: string | null;
  state: string | null;
  seconds: number | null;
}

// Without the text of anybody's query: it may hold data.
const WAITS = `
  SELECT coalesce(l.relation::regclass::text, l.locktype) AS relation, l.mode, b.pid, b.application_name AS application,
         b.usename AS user, b.state, extract(epoch FROM clock_timestamp() - b.xact_start)::float8 AS seconds
  FROM pg_stat_activity w
  JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted
  JOIN pg_stat_activity b ON b.pid = ANY (pg_blocking_pids(w.pid))
  WHERE w.application_name = $1
  ORDER BY b.xact_start LIMIT 1`;

/** Tells who keeps the sessions of that name waiting, each time it is somebody else, until the signal fires. */
export async function watchWaits(
  request: SessionRequest,
  applicationName: string,
  found: (wait: LockWait) => void,
): Promise<void> {
  const { effect } = request;
  await withSession(request, async (session) => {
    await session.query(`SET statement_timeout = ${LIMIT_MS}`);
    let last = '';
    while (!effect.signal.aborted) {
      const [row] = await session.query<Row>(WAITS, [applicationName]);
      const key = row === undefined ? last : `${row.pid} ${row.relation}`;
      if (row !== undefined && key !== last) found(waitOf(row));
      last = key;
      await pause(effect);
    }
  });
}

async function pause(effect: Effect): Promise<void> {
  await effect.clock.sleep(LOOK_PAUSE_MS, effect.signal);
}

function waitOf({ relation, mode, pid, application, user, state, seconds }: Row): LockWait {
  const who = [application === '' ? 'a program without a name' : application, ...(user === null ? [] : [`as ${user}`])];
  const since = seconds === null ? '' : `, in a transaction for ${seconds.toFixed(1)} s`;
  return {
    on: relation ?? 'an object without a name',
    mode,
    holder: `process ${pid} (${who.join(' ')}, ${state ?? 'state unknown'}${since})`,
  };
}
