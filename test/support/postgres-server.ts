import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait-until.ts';

/** A real server of this test, in a folder of its own. */
export interface TestPostgres {
  port: number;
  socketFolder: string;
  /** A name and a password that need care wherever they are written. */
  password: string;
  /** Over TCP as the superuser `shop $owner`, with the password in it. */
  url(database: string): string;
  /** Over the socket as the superuser `postgres`, without a password. */
  socketUrl(database: string): string;
  query<Row extends object>(database: string, sql: string): Promise<Row[]>;
  databases(): Promise<string[]>;
  /** As a crash of the machine would end it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const DEBIAN = '/usr/lib/postgresql';
const isRoot = process.getuid?.() === 0;
const PASSWORD = "p$PATH'@ss:w/rd %41";
export const SUPERUSER = 'shop $owner';

function debianBinaries(): string | null {
  if (!existsSync(DEBIAN)) return null;
  const [newest] = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  const folder = join(DEBIAN, newest ?? '', 'bin');
  return existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'pg_dump')) ? folder : null;
}

/** The folder of a PostgreSQL with its client programs; installed when that is allowed, else the reason why there is none. */
export function findPostgres(): { bin: string } | { reason: string } {
  const found = debianBinaries();
  if (found !== null) return { bin: found };
  const mayInstall = isRoot && (process.env['CI'] === 'true' || process.env['SHIPWAY_TEST_FULL'] === '1');
  if (!mayInstall)
    return { reason: `no PostgreSQL in ${DEBIAN} (apt-get install postgresql, or SHIPWAY_TEST_FULL=1 as root)` };
  execFileSync('apt-get', ['install', '-y', '-q', 'postgresql', 'postgresql-client'], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: 'ignore',
  });
  const bin = debianBinaries();
  return bin === null ? { reason: 'the package postgresql brought no server' } : { bin };
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid?: number; gid?: number } {
  if (!isRoot) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

export async function startPostgres(bin: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-pg-'));
  const user = serverUser();
  chmodSync(folder, 0o755);
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? 0);
  const data = join(folder, 'data');
  const asServer = { ...user, cwd: folder, stdio: 'ignore' as const };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
    asServer,
  );
  writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  const port = await freePort();
  // Synced for nobody: the whole folder is deleted. Killed without mercy it still keeps what was committed, because the machine lives on.
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    `unix_socket_directories=${folder}`,
    'listen_addresses=127.0.0.1',
  ]
    .concat('max_prepared_transactions=5', 'shared_buffers=16MB', 'wal_level=logical', 'log_min_messages=panic')
    .flatMap((setting) => ['-c', setting]);
  let server: ChildProcess | null = null;
  const login = encodeURIComponent(SUPERUSER);
  const url = (database: string): string =>
    `postgresql://${login}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const socketUrl = (database: string): string =>
    `postgresql:///${encodeURIComponent(database)}?host=${encodeURIComponent(folder)}&port=${port}&user=postgres`;
  const query = async <Row extends object>(database: string, sql: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: socketUrl(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const result = await client.query(sql);
      return (Array.isArray(result) ? [] : result.rows) as Row[];
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    server = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...settings], asServer);
    await waitUntil('the server to answer', () => query('postgres', 'SELECT 1'), { limitSeconds: 60 });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = server;
    server = null;
    if (running === null) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  };
  await start();
  await query('postgres', `CREATE ROLE "${SUPERUSER}" SUPERUSER LOGIN PASSWORD '${PASSWORD.replaceAll("'", "''")}'`);
  return {
    port,
    socketFolder: folder,
    password: PASSWORD,
    url,
    socketUrl,
    query,
    databases: async () => {
      const rows = await query<{ name: string }>(
        'postgres',
        'SELECT datname AS name FROM pg_database WHERE oid >= 16384 ORDER BY 1',
      );
      return rows.map(({ name }) => name);
    },
    kill: () => end('SIGKILL'),
    start,
    stop: async () => {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
