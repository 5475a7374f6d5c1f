import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { problem } from '../core/release/problem.ts';
import { describeUrl, explainConnection } from './connection-problem.ts';
import type { ServerAddress } from './embedded-postgres.ts';
import { runMigrations } from './run-migrations.ts';
import { stayAtServer } from './stay-at-server.ts';
import type { Stay } from './stay-at-server.ts';
import type { Tables } from './tables.ts';

export interface DatabaseRequest {
  /** Absolute path of `.shipway` of the project; the built-in server lives there. */
  stateDirectory: string;
  /** SHIPWAY_DATABASE_URL, or null for the built-in server. */
  url: string | null;
  /** Shown in pg_stat_activity as `shipway <name>`. */
  applicationName: string;
}

export interface Database {
  pool: pg.Pool;
  db: Kysely<Tables>;
  /** For libraries that want to connect by themselves. Holds the password of an external database: never print it. */
  connectionString: string;
  /** Address for people, without password. */
  description: string;
  /** Calls back each time the connection to the database was lost; the built-in server is then already being brought back. */
  onLost(tell: () => void): void;
  /** Closes every connection; of the built-in server's users the last one stops it. */
  close(): Promise<void>;
}

const CONNECT_LIMIT_MS = 10_000;
const POOL_SIZE = 10; // 16 writers at once were no faster with more
const SERVER_VERSION_MIN = 140_000; // idle_session_timeout came with 14; locks rely on it

/** Sent when a connection begins: a process that is frozen in the middle of a transaction must not hold up everybody else for ever. */
const LIMITS = { idle_in_transaction_session_timeout: 10_000, statement_timeout: 60_000, lock_timeout: 30_000 }; // ms

/** Opens the record of all releases: starts the built-in server or connects to the given one, and brings the tables up to date. */
export async function openDatabase(request: DatabaseRequest): Promise<Database> {
  const applicationName = `shipway ${request.applicationName}`;
  return request.url === null
    ? openEmbedded(request.stateDirectory, applicationName)
    : openExternal(request.url, applicationName);
}

async function openEmbedded(stateDirectory: string, applicationName: string): Promise<Database> {
  const stay = await stayAtServer(stateDirectory, applicationName);
  const { address } = stay;
  const config: pg.PoolConfig = {
    host: address.socketDirectory,
    port: address.port,
    user: address.user,
    database: address.database,
    Client: clientThatWaits(stay),
  };
  const pool = createPool(config, applicationName);
  const description = `built-in PostgreSQL in ${stateDirectory}`;
  const close = async (): Promise<void> => {
    await pool.end();
    await stay.leave();
  };
  try {
    await prepare(pool, description);
  } catch (error) {
    await close();
    throw error;
  }
  const onLost = (tell: () => void): void => stay.onLost(tell);
  return { pool, db: kyselyOn(pool), connectionString: urlOf(address), description, onLost, close };
}

async function openExternal(url: string, applicationName: string): Promise<Database> {
  const description = describeUrl(url);
  checkUrl(url);
  const pool = createPool(
    { connectionString: url, keepAlive: true, keepAliveInitialDelayMillis: 5000 },
    applicationName,
  );
  const listeners: (() => void)[] = [];
  pool.on('error', () => listeners.forEach((tell) => tell()));
  try {
    await prepare(pool, description);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const onLost = (tell: () => void): void => void listeners.push(tell);
  return { pool, db: kyselyOn(pool), connectionString: url, description, onLost, close: () => pool.end() };
}

function createPool(config: pg.PoolConfig, applicationName: string): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    ...LIMITS,
    application_name: applicationName,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    idleTimeoutMillis: 10_000,
  });
  // An idle connection that ends is replaced at the next query; without a listener Node would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** A connection that begins while the built-in server is being brought back waits for it instead of failing. */
function clientThatWaits(stay: Stay): typeof pg.Client {
  return class extends pg.Client {
    override connect(): Promise<this>;
    override connect(tell: (error: Error) => void): void;
    override connect(tell?: (error: Error) => void): Promise<this> | void {
      const connected = stay.ready().then(() => super.connect());
      if (tell === undefined) return connected.then(() => this);
      // The pool hands in a Node callback, whose error is null on success.
      connected.then(() => (tell as (error: Error | null) => void)(null), tell);
    }
  } as unknown as typeof pg.Client;
}

async function prepare(pool: pg.Pool, description: string): Promise<void> {
  try {
    const client = await pool.connect();
    try {
      await checkServer(client, description);
      await runMigrations(client);
    } finally {
      client.release();
    }
  } catch (error) {
    throw explainConnection(error, description);
  }
}

async function checkServer(client: pg.PoolClient, description: string): Promise<void> {
  const { rows } = await client.query<{ version: number; text: string; encoding: string }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS text,
            current_setting('server_encoding') AS encoding`,
  );
  const { version = 0, text = 'unknown', encoding = 'unknown' } = rows[0] ?? {};
  if (version < SERVER_VERSION_MIN) {
    throw problem('database-unavailable', `PostgreSQL ${text} is too old: shipway needs 14 or newer`, {
      where: description,
      next: 'Use a newer server, or leave SHIPWAY_DATABASE_URL out to use the built-in one.',
    });
  }
  if (encoding !== 'UTF8') {
    throw problem('database-unavailable', `the database stores text as ${encoding}, and shipway hashes UTF-8`, {
      where: description,
      next: `Create another one: CREATE DATABASE <name> ENCODING 'UTF8' TEMPLATE template0;`,
    });
  }
}

function kyselyOn(pool: pg.Pool): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

function urlOf(address: ServerAddress): string {
  const host = encodeURIComponent(address.socketDirectory);
  return `postgresql://${address.user}@localhost:${address.port}/${address.database}?host=${host}`;
}

function checkUrl(url: string): void {
  if (/^postgres(ql)?:\/\//.test(url)) return;
  throw problem('usage', 'SHIPWAY_DATABASE_URL is not the address of a PostgreSQL database', {
    where: 'SHIPWAY_DATABASE_URL',
    next: 'Write postgresql://user:password@host:5432/database',
  });
}
