import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@redis/client';
import { debianProgram, type FoundProgram } from './debian-program.ts';
import { waitUntil } from './wait-until.ts';

const SERVICE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures/stores/redis-service.mjs');
export const PASSWORD = 'correct-horse-battery';

/** A server program, without the service of its package: Debian's redis-tools holds the same program under another name. */
export function redisProgram(): FoundProgram {
  const server = debianProgram('redis-server', 'redis-tools');
  const tools = debianProgram('redis-check-rdb', 'redis-tools');
  if (server.path !== null || tools.path === null) return server.path === null ? tools : server;
  // One place for all: a test process that is ended would leave its own behind.
  const folder = resolve('node_modules/.cache/shipway-redis');
  mkdirSync(folder, { recursive: true });
  for (const name of ['redis-server', 'redis-check-rdb']) linkOnce(tools.path, join(folder, name));
  return { path: join(folder, 'redis-server'), reason: '' };
}

/** Several test files may be at it at once. */
function linkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

export type Client = ReturnType<typeof createClient>;

export interface RedisProject {
  program: string;
  port: number;
  /** More lines of the configuration. */
  configuration: string[];
}

/** Runs with a client of the project's server. */
export async function withClient<Result>(port: number, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = createClient({
    RESP: 2,
    password: PASSWORD,
    socket: { port, host: '127.0.0.1', reconnectStrategy: false },
  });
  client.on('error', () => undefined); // every call throws its own
  await client.connect();
  try {
    return await use(client as Client);
  } finally {
    client.destroy();
  }
}

/** Starts the server of a project unless it runs: its data in `data`, everything else in `.server`. */
export async function startRedis(project: string, { program, port, configuration }: RedisProject): Promise<void> {
  if (isRunning(project)) return;
  mkdirSync(join(project, 'data'), { recursive: true });
  mkdirSync(join(project, '.server'), { recursive: true });
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `requirepass ${PASSWORD}`,
    `dir ${join(project, 'data')}`,
    `pidfile ${join(project, '.server/redis.pid')}`,
    `logfile ${join(project, '.server/redis.log')}`,
    'daemonize yes',
    'save ""',
    'auto-aof-rewrite-percentage 0',
    ...configuration,
  ];
  writeFileSync(join(project, '.server/redis.conf'), `${lines.join('\n')}\n`);
  runService(project, program, 'start');
  await waitUntil('the Redis server to answer', () => withClient(port, (client) => client.ping()));
}

/** Ends it, if it runs, as a service manager would. */
export function stopRedis(project: string, program: string): void {
  if (isRunning(project)) runService(project, program, 'stop');
}

function runService(project: string, program: string, act: 'start' | 'stop'): void {
  execFileSync(process.execPath, [SERVICE, act], { cwd: project, env: { ...process.env, REDIS_SERVER: program } });
}

export function isRunning(project: string): boolean {
  const file = join(project, '.server/redis.pid');
  if (!existsSync(file)) return false;
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${readFileSync(file, 'utf8').trim()}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** How the release file names the server. */
export function settingsOf(program: string, port: number): Record<string, unknown> {
  return {
    url: `redis://:${PASSWORD}@127.0.0.1:${port}`,
    directory: 'data',
    stop: [process.execPath, SERVICE, 'stop'],
    start: [process.execPath, SERVICE, 'start'],
    env: { REDIS_SERVER: program },
    server: program,
    timeout: '20s',
  };
}

/** Names in the folder of the server; of what it writes for a moment, none. */
export function dataNames(project: string): string[] {
  if (!existsSync(join(project, 'data'))) return [];
  return (readdirSync(join(project, 'data'), { recursive: true }) as string[])
    .filter((name) => !name.startsWith('temp-'))
    .sort();
}

/** Owner and rights of what the server loads. */
export function dataRights(project: string): string {
  const folder = join(project, 'data/appendonlydir');
  const { mode, uid, gid } = statSync(existsSync(folder) ? folder : join(project, 'data/dump.rdb'));
  return `${mode} ${uid} ${gid}`;
}
