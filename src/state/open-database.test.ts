import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Problem } from '../core/release/problem.ts';
import { holdAdvisoryLock, isAdvisoryLockFree } from './advisory-lock.ts';
import { isConnectionLoss } from './connection-problem.ts';
import { removeServer } from './embedded-postgres.ts';
import { openDatabase } from './open-database.ts';
import type { Database } from './open-database.ts';
import { runMigrations } from './run-migrations.ts';

let directory: string;
let database: Database;
const opened: Database[] = [];

async function open(url: string | null): Promise<Database> {
  const one = await openDatabase({ stateDirectory: directory, url, applicationName: 'test' });
  opened.push(one);
  return one;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-database-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

async function problemOf(action: Promise<unknown>): Promise<Problem> {
  const error: unknown = await action.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!isProblem(error)) throw error;
  return error;
}

async function onClient<T>(action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await database.pool.connect();
  try {
    return await action(client);
  } finally {
    client.release();
  }
}

/** Ends the server as a crash does. */
function killServer(): void {
  const { place } = JSON.parse(readFileSync(join(directory, 'postgres.json'), 'utf8')) as { place: string };
  const folder = place.startsWith('/') ? place : join(directory, place);
  const pid = Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  if (pid <= 0) throw new Error('postmaster.pid is being written'); // 0 would mean ourselves and all our relatives
  process.kill(pid, 'SIGKILL');
}

const externalUrl = (change: (url: URL) => void): string => {
  const url = new URL(database.connectionString);
  change(url);
  return url.href;
};

describe('openDatabase', () => {
  test('the connection string leads to the same database', async () => {
    const external = await open(database.connectionString);
    const { rows } = await external.pool.query<{ n: string }>('SELECT count(*) AS n FROM shipway.migration');
    expect(Number(rows[0]?.n)).toBeGreaterThanOrEqual(2);
  });

  test('the built-in server that was killed comes back by itself, and queries succeed again without opening anew', async () => {
    let losses = 0;
    database.onLost(() => (losses += 1));
    for (let round = 1; round <= 3; round += 1) {
      killServer();
      await waitUntil('the loss to be told', () => losses >= round);
      const failures: unknown[] = [];
      const ask = (): Promise<pg.QueryResult> => database.pool.query('SELECT 1 AS one');
      // A connection that lay idle may notice only at its next query; a new one waits for the server.
      const answer = await waitUntil('a query to succeed', () =>
        ask().catch((error: unknown) => {
          failures.push(error);
          return null;
        }),
      );
      expect(answer.rows).toEqual([{ one: 1 }]);
      expect(failures.filter((error) => !isConnectionLoss(error))).toEqual([]);
    }
  });

  test('a transaction that stands still is ended, so that a frozen process holds nobody up', async () => {
    const { rows } = await database.pool.query<{ idle_in_transaction_session_timeout: string }>(
      'SHOW idle_in_transaction_session_timeout',
    );
    expect(rows).toEqual([{ idle_in_transaction_session_timeout: '10s' }]);
  });

  test.each([
    [
      'a server that is down',
      'postgresql://ada:secret-word@127.0.0.1:1/shop',
      'the connection was refused',
      'ada at 127.0.0.1:1/shop',
    ],
    [
      'a host that does not exist',
      'postgresql://ada:secret-word@host.invalid/shop',
      /host name/,
      'ada at host.invalid:5432/shop',
    ],
  ])('says that it is %s, where, and never the password', async (_, url, said, where) => {
    const error = await problemOf(open(url));
    expect([error.kind, error.where]).toEqual(['database-unavailable', where]);
    expect(error.message).toMatch(said);
    expect(JSON.stringify([error.message, error.next, error.where])).not.toContain('secret-word');
  });

  test('says that an address is not one of PostgreSQL', async () => {
    expect((await problemOf(open('mysql://ada@localhost/shop'))).kind).toBe('usage');
  });

  test('says which database does not exist', async () => {
    const error = await problemOf(open(externalUrl((url) => (url.pathname = '/nowhere'))));
    expect(error.message).toBe('the database cannot be used: there is no such database');
  });

  test('says that the password is wrong', async () => {
    const { rows } = await database.pool.query<{ file: string }>(`SELECT current_setting('hba_file') AS file`);
    const file = rows[0]?.file ?? '';
    const before = readFileSync(file, 'utf8');
    await database.pool.query(`CREATE ROLE locked LOGIN PASSWORD 'right-word'`);
    writeFileSync(file, `local all locked scram-sha-256\n${before}`);
    await database.pool.query('SELECT pg_reload_conf()');
    const url = externalUrl((change) => ([change.username, change.password] = ['locked', 'wrong-word']));
    const error = await waitUntil('the new rule to hold', async () => {
      const found = await problemOf(open(url));
      return found.message.includes('password') ? found : null;
    });
    expect(error.message).toBe('the database cannot be used: wrong password');
    writeFileSync(file, before);
    await database.pool.query('SELECT pg_reload_conf()');
  });

  test('says which right is missing', async () => {
    await database.pool.query('CREATE DATABASE elsewhere');
    await database.pool.query('CREATE ROLE guest LOGIN');
    const url = externalUrl((change) => ([change.username, change.pathname] = ['guest', '/elsewhere']));
    const error = await problemOf(open(url));
    expect(error.message).toBe('the database cannot be used: this user may not create or change what shipway needs');
    expect(error.next).toContain('GRANT CREATE ON DATABASE');
  });

  test('refuses a database that does not store UTF-8', async () => {
    await database.pool.query(
      `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'`,
    );
    const error = await problemOf(open(externalUrl((url) => (url.pathname = '/latin'))));
    expect(error.message).toBe('the database stores text as LATIN1, and shipway hashes UTF-8');
  });
});

describe('runMigrations', () => {
  function folderWith(files: Record<string, string>): string {
    const folder = mkdtempSync(join(directory, 'migrations-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  }

  async function fresh(): Promise<Database> {
    const name = `fresh${Math.random().toString(36).slice(2)}`;
    await database.pool.query(`CREATE DATABASE ${name}`);
    const before = await open(externalUrl((url) => (url.pathname = `/${name}`)));
    await before.pool.query('DROP SCHEMA shipway CASCADE');
    return before;
  }

  const migrate = async (target: Database, folder: string): Promise<void> => {
    const client = await target.pool.connect();
    try {
      await runMigrations(client, folder);
    } finally {
      client.release();
    }
  };
  const FIRST = { '0001_first.sql': 'CREATE TABLE shipway.a (n int);' };
  const SECOND = { '0002_second.sql': 'CREATE TABLE shipway.b (n int);' };

  test('several programs at once run each migration once', async () => {
    const target = await fresh();
    const folder = folderWith({ ...FIRST, ...SECOND });
    await Promise.all(Array.from({ length: 6 }, () => migrate(target, folder)));
    const { rows } = await target.pool.query('SELECT number, name FROM shipway.migration ORDER BY number');
    expect(rows).toEqual([
      { number: 1, name: '0001_first.sql' },
      { number: 2, name: '0002_second.sql' },
    ]);
  });

  test('a migration that fails leaves nothing of itself and of those before it', async () => {
    const target = await fresh();
    const folder = folderWith({ ...FIRST, '0002_bad.sql': 'CREATE TABLE shipway.b (n int); SELECT 1/0;' });
    await expect(migrate(target, folder)).rejects.toThrow('division by zero');
    const { rows } = await target.pool.query(`SELECT to_regnamespace('shipway') AS schema`);
    expect(rows).toEqual([{ schema: null }]);
  });

  test('a database of a newer program, a changed migration and a missing one are refused', async () => {
    const target = await fresh();
    const folder = folderWith({ ...FIRST, ...SECOND });
    await migrate(target, folder);
    const older = await problemOf(migrate(target, folderWith(FIRST)));
    expect(older.message).toBe('the database was changed by a newer shipway: it has migration 2, this program knows 1');
    appendFileSync(join(folder, '0001_first.sql'), ' ');
    const changed = await problemOf(migrate(target, folder));
    expect(changed.message).toBe('migration 0001_first.sql of the database is not the one of this program');
    const missing = await problemOf(migrate(target, folderWith(SECOND)));
    expect(missing.message).toBe('the migrations of this program are incomplete: number 1 is missing');
  });
});

describe('an advisory lock', () => {
  test('belongs to one holder until it is released', async () => {
    const lock = await holdAdvisoryLock(database.pool, 'one');
    let isLost = false;
    void lock?.lost.then(() => (isLost = true));
    expect(await holdAdvisoryLock(database.pool, 'one')).toBeNull();
    const other = await holdAdvisoryLock(database.pool, 'two');
    expect([await isAdvisoryLockFree(database.pool, 'one'), await isAdvisoryLockFree(database.pool, 'three')]).toEqual([
      false,
      true,
    ]);
    await lock?.release();
    await waitUntil('the lock to be free', () => isAdvisoryLockFree(database.pool, 'one'));
    await other?.release();
    expect(isLost).toBe(false);
  });

  test('says at once that it is lost when its connection is ended', async () => {
    const holders = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted`;
    const pids = async (): Promise<number[]> =>
      (await database.pool.query<{ pid: number }>(holders)).rows.map((row) => row.pid);
    const before = await pids();
    const lock = await holdAdvisoryLock(database.pool, 'ended');
    // Only the holder's own connection: others may be cut by an earlier test still.
    const own = (await pids()).filter((pid) => !before.includes(pid));
    expect(own).toHaveLength(1);
    await onClient((client) => client.query('SELECT pg_terminate_backend($1)', own));
    await lock?.lost;
    await waitUntil('the lock to be free', () => isAdvisoryLockFree(database.pool, 'ended'));
  });

  test('says that it is lost when the server is killed', async () => {
    const lock = await holdAdvisoryLock(database.pool, 'killed');
    killServer();
    await lock?.lost;
    await waitUntil('the lock to be free', () => isAdvisoryLockFree(database.pool, 'killed'));
  });

  const holder = (key: string): string => `import { openDatabase } from '@/src/state/open-database.ts';
    import { holdAdvisoryLock } from '@/src/state/advisory-lock.ts';
    const database = await openDatabase({ stateDirectory: ${JSON.stringify(directory)}, url: null, applicationName: 'holder' });
    const lock = await holdAdvisoryLock(database.pool, '${key}');
    process.stdout.write('held ');
    await lock.lost;
    process.stdout.write('lost');
    await database.close();`;

  test('is free as soon as its holder is killed', async () => {
    const one = startTypescript(holder('dead'));
    await waitUntil('the lock to be held', () => one.stdout() === 'held ');
    one.child.kill('SIGKILL');
    await waitUntil('the lock to be free', () => isAdvisoryLockFree(database.pool, 'dead'), { limitSeconds: 5 });
    await one.ended;
  });

  test('is taken from a frozen holder, who notices on waking', { timeout: 60_000 }, async () => {
    const one = startTypescript(holder('frozen'));
    await waitUntil('the lock to be held', () => one.stdout() === 'held ');
    one.child.kill('SIGSTOP');
    await waitUntil('the lock to be free', () => isAdvisoryLockFree(database.pool, 'frozen'), { limitSeconds: 30 });
    one.child.kill('SIGCONT');
    expect(await one.ended).toBe(0);
    expect(one.stdout()).toBe('held lost');
  });
});
