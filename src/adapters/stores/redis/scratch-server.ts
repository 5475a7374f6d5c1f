import { basename, dirname, join } from 'node:path';
import { problem, type Problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { runCommand, type CommandResult } from '../../../platform/run-command.ts';
import { lastLinesOf } from '../../../platform/run-declared-command.ts';
import { withScratchFolder } from '../../../platform/scratch-folder.ts';
import { saysDown, withRedis, type RedisConnection } from './connection.ts';
import { readAddress, type RedisAddress } from './redis-address.ts';
import { engineOf, majorVersion, readInfo } from './server-info.ts';

const POLL_MS = 20; // a small copy is loaded in about that time
const END_LIMIT_MS = 2000; // freeing the memory of a large copy takes longest
const OLDEST_MAJOR = 7; // the first that tells at which moment a key expires
const DATABASES = 1024; // a copy with a database of a higher number would not load; a server has 16 unless somebody raised it

export interface ScratchSettings {
  server: string;
  /** Limit of loading. */
  timeoutSeconds: number;
  /** Limit of the server itself; as long as loading may take when it is left out. */
  lifeSeconds?: number;
  /** Told the folder of the socket before anything is started. */
  noteFolder?(path: string): Promise<void>;
}

/**
 * Loads a copy into a server of our own, on a socket that only this user can reach, and ends it afterwards. It writes nothing. It is a
 * replica of nobody: a server that is not would throw away keys whose time is over, and the copy would seem to hold fewer each time.
 */
export async function withScratchServer<Result>(
  copy: string,
  settings: ScratchSettings,
  effect: Effect,
  use: (connection: RedisConnection) => Promise<Result>,
): Promise<Result> {
  return withScratchFolder('redis', async (folder) => {
    await settings.noteFolder?.(folder);
    const socket = join(folder, 'socket');
    const over = new AbortController();
    const running = runCommand({
      argv: [settings.server, '-'],
      input: configuration(copy, socket),
      cwd: folder,
      environment: effect.environment({}),
      timeoutSeconds: settings.lifeSeconds ?? settings.timeoutSeconds,
      signal: AbortSignal.any([over.signal, effect.signal]),
      token: effect.token,
    });
    try {
      const address = readAddress(`unix://${socket}`);
      await waitUntilLoaded(address, running, { copy, limitSeconds: settings.timeoutSeconds }, effect);
      await gap('stores.redis.loaded');
      return await withRedis(address, effect, use);
    } finally {
      await endServer(readAddress(`unix://${socket}`), running, effect);
      over.abort();
      await running.catch(() => undefined); // why it did not start was thrown already
    }
  });
}

/** Asked to end, it is gone at once; whatever does not heed that is killed by the caller. */
async function endServer(address: RedisAddress, running: Promise<CommandResult>, effect: Effect): Promise<void> {
  const asked = withRedis(address, effect, (connection) => connection.call('SHUTDOWN', 'NOSAVE'));
  const ended = asked.catch(() => undefined).then(() => running); // it answers by closing the connection
  const patience = new AbortController();
  await Promise.race([ended, effect.clock.sleep(END_LIMIT_MS, patience.signal)]).catch(() => undefined);
  patience.abort();
}

// 255.255.255.255: the kernel refuses a connection to it at once, so that no packet leaves.
function configuration(copy: string, socket: string): string {
  const lines = [
    ['port', '0'],
    ['bind', '127.0.0.1'],
    ['unixsocket', socket],
    ['unixsocketperm', '700'],
    ['dir', dirname(copy)],
    ['dbfilename', basename(copy)],
    ['databases', String(DATABASES)],
    ['appendonly', 'no'],
    ['save', ''],
    ['sanitize-dump-payload', 'yes'],
    ['replicaof', '255.255.255.255', '1'],
    ['replica-serve-stale-data', 'yes'],
    ['daemonize', 'no'],
    // It would be written over the environment by which the server is found when we have died.
    ['set-proc-title', 'no'],
  ];
  return lines.map(([name, ...words]) => `${name} ${words.map(quoted).join(' ')}\n`).join('');
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, String.raw`\$&`)}"`;
}

async function waitUntilLoaded(
  address: RedisAddress,
  running: Promise<CommandResult>,
  { copy, limitSeconds }: { copy: string; limitSeconds: number },
  effect: Effect,
): Promise<void> {
  const giveUpAtMs = performance.now() + limitSeconds * 1000;
  const ended: { result: CommandResult | null } = { result: null };
  const failed: { error: unknown } = { error: null };
  void running.then(
    (result) => void (ended.result = result),
    (error: unknown) => void (failed.error = error),
  );
  while (performance.now() < giveUpAtMs) {
    effect.signal.throwIfAborted();
    if (failed.error !== null) throw notInstalled(failed.error);
    if (ended.result !== null) throw notLoaded(reasonOf(ended.result), copy);
    if (await isLoaded(address, effect)) return;
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
  throw notLoaded('the copy was not loaded in time', copy);
}

async function isLoaded(address: RedisAddress, effect: Effect): Promise<boolean> {
  try {
    return await withRedis(address, effect, async (connection) => {
      const server = await readInfo(connection, 'server');
      if (majorVersion(server) < OLDEST_MAJOR) throw tooOld(engineOf(server));
      return (await readInfo(connection, 'persistence')).get('loading') === '0';
    });
  } catch (error) {
    if (saysDown(error)) return false;
    throw error;
  }
}

function notInstalled(error: unknown): Problem {
  return problem('backup-failed', 'a copy cannot be loaded without a Redis server on this machine', {
    next: 'Install redis-server 7 or newer (its service may stay switched off), or name the program as `server` of the store.',
    cause: error,
  });
}

function tooOld(engine: string): Problem {
  return problem('backup-failed', `${engine} is too old to prove a copy`, {
    next: `Install version ${OLDEST_MAJOR} or newer and name it as \`server\` of the store.`,
  });
}

function reasonOf(result: CommandResult): string {
  const what = result.timedOut ? 'the copy was not loaded in time' : 'the copy cannot be loaded by a Redis server';
  return `${what}${lastLinesOf({ ...result, stdout: reasonsIn(result.stdout) })}`;
}

function notLoaded(what: string, copy: string): Problem {
  return problem('backup-invalid', what, {
    where: copy,
    next: 'Use another backup: shipway backup list shows them. A copy of a newer server or with modules needs that server as `server`.',
  });
}

/** Of its log, what it marks as a warning. */
function reasonsIn(log: string): string {
  const marked = log.split('\n').filter((line) => / # /.test(line) && !/oO0Oo|just started|overcommit/.test(line));
  return (marked.length > 0 ? marked : log.split('\n')).slice(-4).join('\n');
}
