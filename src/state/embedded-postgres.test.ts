import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Problem } from '../core/release/problem.ts';
import { identify, isAlive } from '../platform/process-table.ts';
import { ensureServer, joinServer, removeServer } from './embedded-postgres.ts';
import type { ServerAddress } from './embedded-postgres.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-embedded-'));
  chmodSync(directory, 0o755);
});

afterEach(async () => {
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

const place = (): string => {
  const record = JSON.parse(readFileSync(join(directory, 'postgres.json'), 'utf8')) as { place: string };
  return record.place.startsWith('/') ? record.place : join(directory, record.place);
};
const pidFile = (): string => join(place(), 'data', 'postmaster.pid');
const postmaster = (): number => {
  const pid = Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
  if (pid <= 0) throw new Error('postmaster.pid is being written'); // 0 would mean ourselves and all our relatives
  return pid;
};
const isStopped = (): boolean => !existsSync(pidFile());

async function ask<T extends pg.QueryResultRow>(address: ServerAddress, text: string): Promise<T[]> {
  const client = new pg.Client({ ...address, host: address.socketDirectory, application_name: 'shipway ask' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function problemOf(action: Promise<unknown>): Promise<Problem> {
  const error: unknown = await action.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!isProblem(error)) throw error;
  return error;
}

describe('the built-in server', () => {
  test('starts from nothing, listens on a private socket only, and keeps what was written', async () => {
    const first = await joinServer(directory, 'shipway test');
    const { socketDirectory } = first.address;
    expect(statSync(socketDirectory).mode & 0o777).toBe(0o700);
    expect(Buffer.byteLength(`${socketDirectory}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107);
    const [settings] = await ask<Record<string, string>>(
      first.address,
      `SELECT current_setting('listen_addresses') AS tcp, current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
              (SELECT datlocale FROM pg_database WHERE datname = current_database()) AS locale`,
    );
    expect(settings).toEqual({ tcp: '', fsync: 'on', encoding: 'UTF8', locale: 'C.UTF-8' });
    await ask(first.address, `CREATE TABLE kept AS SELECT 'Straße'::text AS word`);
    await first.leave();
    await waitUntil('the server to stop after the last one left', isStopped);
    const second = await joinServer(directory, 'shipway test');
    expect(await ask(second.address, 'SELECT word FROM kept')).toEqual([{ word: 'Straße' }]);
    await second.leave();
  });

  test('is joined although somebody froze on leaving it as the last one', async () => {
    const address = await ensureServer(directory);
    const frozen = new pg.Client({
      host: address.socketDirectory,
      port: address.port,
      user: address.user,
      database: address.database,
    });
    frozen.on('error', () => undefined); // it is cut off
    await frozen.connect();
    await frozen.query('SELECT pg_advisory_lock(7311414251012801)');
    const stay = await joinServer(directory, 'shipway test');
    expect(await ask(stay.address, 'SELECT 1 AS answer')).toEqual([{ answer: 1 }]);
    await stay.leave();
    await waitUntil('the server to stop after the last one left', isStopped);
  });

  test('is made by exactly one of several processes that begin at once', async () => {
    const script = `import { joinServer } from '@/src/state/embedded-postgres.ts';
      const stay = await joinServer(${JSON.stringify(directory)}, 'shipway test');
      process.stdout.write('joined');
      process.once('SIGTERM', () => void stay.leave());`;
    const processes = Array.from({ length: 4 }, () => startTypescript(script));
    await waitUntil('all to have joined', () => processes.every((one) => one.stdout() === 'joined'), {
      limitSeconds: 60,
    });
    const folders = readdirSync(place()).filter((name) => name !== 'log');
    expect(folders).toEqual(['data']);
    for (const one of processes) one.child.kill('SIGTERM');
    await Promise.all(processes.map((one) => one.ended));
    await waitUntil('the server to stop after the last one left', isStopped);
  });

  test('outlives the process that started it, and its half-made cluster is never used', async () => {
    const script = `import { joinServer } from '@/src/state/embedded-postgres.ts';
      await joinServer(${JSON.stringify(directory)}, 'shipway test');
      process.stdout.write('joined');`;
    const dying = startTypescript(script);
    await waitUntil('initdb to be at work', () => readdirSync(place()).some((name) => name.startsWith('new.')), {
      everyMs: 2,
      limitSeconds: 30,
    });
    dying.child.kill('SIGKILL');
    await dying.ended;
    expect(existsSync(join(place(), 'data'))).toBe(false);
    const starter = startTypescript(script);
    await waitUntil('the second process to have joined', () => starter.stdout() === 'joined', { limitSeconds: 60 });
    const pid = postmaster();
    starter.child.kill('SIGKILL');
    await starter.ended;
    const address = await ensureServer(directory);
    expect(await ask(address, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(postmaster()).toBe(pid);
  });

  test('stays while anybody is there, a stranger too, and stops with the last', async () => {
    const stays = await Promise.all([1, 2, 3].map(() => joinServer(directory, 'shipway test')));
    const [first, second, third] = stays;
    await Promise.all([first?.leave(), second?.leave()]);
    expect(await ask(third?.address as ServerAddress, 'SELECT 1 AS one')).toHaveLength(1);
    const stranger = new pg.Client({ ...third?.address, host: third?.address.socketDirectory ?? '' });
    await stranger.connect();
    await third?.leave();
    expect((await stranger.query('SELECT 1')).rowCount).toBe(1);
    await stranger.end();
    const last = await joinServer(directory, 'shipway test');
    await waitUntil('the server to forget the stranger', async () => {
      const rows = await ask<{ n: number }>(
        last.address,
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = ''`,
      );
      return rows[0]?.n === 0;
    });
    await last.leave();
    await waitUntil('the server to stop after the last one left', isStopped);
  });

  test('comes back after SIGKILL, with its orphans waited for', async () => {
    const stay = await joinServer(directory, 'shipway test');
    const busy = ask(stay.address, `SELECT count(*) FROM generate_series(1, 20000000)`).catch(() => undefined);
    await waitUntil('a query to be at work', async () => {
      const rows = await ask(
        stay.address,
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()`,
      );
      return rows.length > 0;
    });
    const pid = postmaster();
    process.kill(pid, 'SIGKILL');
    await stay.lost;
    const again = await joinServer(directory, 'shipway test');
    expect(postmaster()).not.toBe(pid);
    await busy;
    await again.leave();
  });

  test('is not held up by a lock file whose process number belongs to somebody else now', async () => {
    const stay = await joinServer(directory, 'shipway test');
    const text = readFileSync(pidFile(), 'utf8');
    const owner = statSync(pidFile());
    process.kill(postmaster(), 'SIGKILL');
    await stay.lost;
    const ids = process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {};
    const other = spawn('sleep', ['300'], { cwd: '/', stdio: 'ignore', ...ids });
    const identity = identify(other.pid ?? 0);
    try {
      const lock = join(stay.address.socketDirectory, '.s.PGSQL.5432.lock');
      for (const file of [pidFile(), lock]) writeFileSync(file, text.replace(/^\d+/, String(other.pid)));
      expect(await ask(await ensureServer(directory), 'SELECT 1 AS one')).toHaveLength(1);
      expect(identity !== null && isAlive(identity)).toBe(true);
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('takes another socket folder when somebody else has made the expected one', async () => {
    const first = await joinServer(directory, 'shipway test');
    const { socketDirectory } = first.address;
    await first.leave();
    await waitUntil('the server to stop', isStopped);
    rmSync(socketDirectory, { recursive: true });
    mkdirSync(socketDirectory, { mode: 0o777 });
    chmodSync(socketDirectory, 0o777);
    const second = await joinServer(directory, 'shipway test');
    expect(second.address.socketDirectory).not.toBe(socketDirectory);
    expect(statSync(second.address.socketDirectory).mode & 0o777).toBe(0o700);
    await second.leave();
    rmSync(socketDirectory, { recursive: true });
  });

  test('finds a new socket folder when the temporary folder was emptied', async () => {
    const stay = await joinServer(directory, 'shipway test');
    await stay.leave();
    await waitUntil('the server to stop', isStopped);
    rmSync(stay.address.socketDirectory, { recursive: true });
    expect((await ensureServer(directory)).socketDirectory).toBe(stay.address.socketDirectory);
  });
});

describe('when the built-in server cannot start', () => {
  async function stopped(): Promise<string> {
    const stay = await joinServer(directory, 'shipway test');
    await stay.leave();
    await waitUntil('the server to stop', isStopped);
    return join(place(), 'data');
  }

  test('a damaged data directory is named with the last lines of the log', async () => {
    const data = await stopped();
    writeFileSync(join(data, 'global', 'pg_control'), Buffer.alloc(8192));
    const error = await problemOf(ensureServer(directory));
    expect(error.kind).toBe('database-unavailable');
    expect(error.message).toMatch(
      /does not start: its data directory is damaged\. Its last lines:\n.*PG_CONTROL_VERSION 0/s,
    );
    expect(error.next).toContain('from a backup');
  });

  test('a data directory of another major version is named as such', async () => {
    const data = await stopped();
    writeFileSync(join(data, 'PG_VERSION'), '99\n');
    const error = await problemOf(ensureServer(directory));
    expect(error.message).toMatch(/another major version of PostgreSQL.*initialized by PostgreSQL version 99/s);
  });

  test('a data directory that vanished is never replaced by an empty one', async () => {
    const data = await stopped();
    rmSync(data, { recursive: true });
    const error = await problemOf(ensureServer(directory));
    expect([error.kind, error.message]).toEqual([
      'database-unavailable',
      `the record of all releases is gone: ${data} does not exist any more`,
    ]);
    expect(existsSync(data)).toBe(false);
  });

  test('a postgres.json that is not ours is refused', async () => {
    writeFileSync(join(directory, 'postgres.json'), '{');
    const error = await problemOf(ensureServer(directory));
    expect(error.message).toBe('postgres.json does not say where the built-in PostgreSQL keeps its data');
    rmSync(join(directory, 'postgres.json'));
  });
});
