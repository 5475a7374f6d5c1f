import pg from 'pg';
import type { ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { NO_TIME_LIMIT, connectionString, describeAddress, type Address } from './address.ts';
import { postgresProblem } from './postgres-problem.ts';

type Row = Record<string, unknown>;

/** One connection. A query that is aborted is cancelled in the server too. */
export interface Session {
  query<Result extends object = Row>(text: string, values?: unknown[]): Promise<Result[]>;
  /** For text from outside, once in a session: prepared, of which the server takes one statement only and runs nothing behind a semicolon. */
  single<Result extends object = Row>(text: string): Promise<Result[]>;
  /** Of the server's process for this connection. */
  pid: number;
}

export interface SessionRequest {
  address: Address;
  /** Default: the database of the address. */
  database?: string;
  effect: Effect;
  /** What to throw, and its first words, when something fails. */
  failure: { kind: ProblemKind; what: string };
}

const CONNECT_LIMIT_MS = 10_000;
const LOCK_LIMIT_MS = 30_000; // longer than a transaction of a service should be open
const QUERY_LIMIT_MS = 12 * 3600 * 1000; // a terabyte read at 25 MB/s takes 11 h

/**
 * A database, or the user, may have settings of its own that would end a long read or change how values are written; ours must not depend on them.
 */
const OWN_SETTINGS = `SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = ${LOCK_LIMIT_MS};
  SET default_transaction_read_only = off; SET row_security = off; SET search_path = ''; SET datestyle = 'ISO, YMD';
  SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SET lc_monetary = 'C';
  SET xmlbinary = 'base64'; SET max_parallel_workers_per_gather = 0`;

/**
 * Lets the server read with several processes, as many as it is set to: of a copy that no user waits for. Also where the rows themselves are
 * few bytes and their long values lie apart, which its defaults take for a small table.
 */
export const AS_MANY_WORKERS_AS_SET = `RESET max_parallel_workers_per_gather;
  SET min_parallel_table_scan_size = '256kB'; SET parallel_setup_cost = 100`;

/** Connects, uses and disconnects. Errors come as problems of the kind that was asked for. */
export async function withSession<Result>(
  request: SessionRequest,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  return withFirstOf([request.database ?? request.address.database], request, use);
}

/** A session that is in no database of a service, so that databases can be made, renamed and dropped. */
export async function withControl<Result>(
  request: SessionRequest,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  // Every cluster has both, but an administrator may have dropped the first.
  return withFirstOf(request.address.database === 'postgres' ? ['template1'] : ['postgres', 'template1'], request, use);
}

/** In the first of the databases that exists. */
async function withFirstOf<Result>(
  databases: string[],
  { address, effect, failure }: SessionRequest,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  effect.signal.throwIfAborted();
  let database = databases[0] ?? address.database;
  let client: pg.Client | undefined;
  let pid = 0;
  const onAbort = (): void => void cancelInServer(address, database, pid).then(() => client?.end());
  try {
    ({ client, database } = await connect(address, databases));
    effect.signal.addEventListener('abort', onAbort, { once: true });
    const opened = client;
    await opened.query(OWN_SETTINGS);
    const { rows } = await opened.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    pid = rows[0]?.pid ?? 0;
    return await use({
      pid,
      query: async <Found extends object>(text: string, values?: unknown[]) => {
        effect.signal.throwIfAborted();
        return (await opened.query<Found & pg.QueryResultRow>(text, values)).rows;
      },
      single: async <Found extends object>(text: string) => {
        effect.signal.throwIfAborted();
        return (await opened.query<Found & pg.QueryResultRow>({ text, name: 'single' })).rows;
      },
    });
  } catch (error) {
    effect.signal.throwIfAborted();
    throw postgresProblem(failure.kind, failure.what, describeAddress(address, database), error);
  } finally {
    effect.signal.removeEventListener('abort', onAbort);
    await client?.end().catch(() => undefined); // a second end of the same connection is answered like the first
  }
}

async function connect(address: Address, databases: string[]): Promise<{ client: pg.Client; database: string }> {
  let missing: unknown;
  for (const database of databases) {
    const client = createClient(address, database);
    try {
      await client.connect();
      return { client, database };
    } catch (error) {
      await client.end().catch(() => undefined);
      if (errorCode(error) !== '3D000') throw error;
      missing ??= error;
    }
  }
  throw missing;
}

function createClient(address: Address, database: string): pg.Client {
  const client = new pg.Client({
    connectionString: connectionString(address, database),
    application_name: 'shipway',
    options: NO_TIME_LIMIT,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
  });
  // The query that runs gets the error too; without a listener Node would end the process.
  client.on('error', () => undefined);
  return client;
}

/** Closing a connection alone would let the server go on with the query for hours. */
async function cancelInServer(address: Address, database: string, pid: number): Promise<void> {
  if (pid === 0) return;
  const client = createClient(address, database);
  try {
    await client.connect();
    await client.query('SELECT pg_cancel_backend($1)', [pid]);
  } catch {
    // The server is gone, or has no connection left: closing ours is all that is left to do.
  } finally {
    await client.end().catch(() => undefined);
  }
}

export const quoteName = (name: string): string => pg.escapeIdentifier(name);
export const quoteText = (text: string): string => pg.escapeLiteral(text);
