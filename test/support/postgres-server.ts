import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { installDebian } from './debian-program.ts';
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
  const fault = installDebian(['postgresql', 'postgresql-client']);
  const bin = debianBinaries();
  return bin === null ? { reason: fault ?? `the package postgresql brought no server to ${DEBIAN}` } : { bin };
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid?: number; gid?: number } {
  if (!isRoot) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** A cluster that nobody serves yet. */
interface Cluster {
  bin: string;
  folder: string;
  port: number;
  user: { uid?: number; gid?: number };
}

async function createCluster(bin: string): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-pg-'));
  const user = serverUser();
  chmodSync(folder, 0o755);
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? 0);
  const data = join(folder, 'data');
  const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'];
  execFileSync(join(bin, 'initdb'), options, { ...user, cwd: folder, stdio: 'ignore' });
  writeFileSync(join(data, 'pg_hba.conf'), 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n');
  return { bin, folder, port: await freePort(), user };
}

function serve({ bin, folder, port, user }: Cluster, more: readonly string[]): ChildProcess {
  // Synced for nobody: the whole folder is deleted. Killed without mercy it still keeps what was committed, because the machine lives on.
  const settings = ['fsync=off', 'full_page_writes=off', `unix_socket_directories=${folder}`]
    .concat(
      'listen_addresses=127.0.0.1',
      'max_prepared_transactions=5',
      'shared_buffers=16MB',
      'wal_level=logical',
      ...more,
    )
    .flatMap((setting) => ['-c', setting]);
  const options = ['-D', join(folder, 'data'), '-p', String(port), ...settings];
  return spawn(join(bin, 'postgres'), options, { ...user, cwd: folder, stdio: 'ignore' });
}

/** One statement, or several without an answer. */
export async function queryAt<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query(sql);
    return (Array.isArray(result) ? [] : result.rows) as Row[];
  } finally {
    await client.end();
  }
}

/** Starts a server that holds nothing but the roles `postgres` and `shop $owner`; `settings` (`name=value`) go before those of tests. */
export async function startPostgres(bin: string, settings: readonly string[] = []): Promise<TestPostgres> {
  const cluster = await createCluster(bin);
  const { folder, port } = cluster;
  const login = `${encodeURIComponent(SUPERUSER)}:${encodeURIComponent(PASSWORD)}`;
  const place = `host=${encodeURIComponent(folder)}&port=${port}&user=postgres`;
  const socketUrl = (database: string): string => `postgresql:///${encodeURIComponent(database)}?${place}`;
  const query = <Row extends object>(database: string, sql: string): Promise<Row[]> =>
    queryAt<Row>(socketUrl(database), sql);
  let server: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    server = serve(cluster, settings);
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
  await query('postgres', `CREATE ROLE "${SUPERUSER}" SUPERUSER LOGIN PASSWORD ${pg.escapeLiteral(PASSWORD)}`);
  const NAMES = 'SELECT datname AS name FROM pg_database WHERE oid >= 16384 ORDER BY 1';
  return {
    port,
    socketFolder: folder,
    password: PASSWORD,
    url: (database) => `postgresql://${login}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    socketUrl,
    query,
    databases: async () => (await query<{ name: string }>('postgres', NAMES)).map(({ name }) => name),
    kill: () => end('SIGKILL'),
    start,
    stop: async () => {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
