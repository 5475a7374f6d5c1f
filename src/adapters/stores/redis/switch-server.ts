import { isProblem, problem, type Problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import { saysDown, withRedis } from './connection.ts';
import type { RedisAddress } from './redis-address.ts';
import { saveNow } from './save-copy.ts';
import { readFileNames, readInfo, readKeyspace } from './server-info.ts';
import type { RedisSettings } from './settings.ts';

const POLL_MS = 50; // a small server starts in about that time

/** A server that may be stopped and started. */
export interface SwitchedServer {
  settings: RedisSettings;
  address: RedisAddress;
  directory: string;
  stop: string[];
  start: string[];
}

/** `unclear`: something is there and does not answer like a server, such as the forwarder of a container that is down. */
type ServerState = 'answers' | 'loading' | 'down' | 'unclear';

async function stateOf(address: RedisAddress, effect: Effect): Promise<ServerState> {
  try {
    const info = await withRedis(address, effect, (connection) => readInfo(connection, 'persistence'));
    return info.get('loading') === '0' ? 'answers' : 'loading';
  } catch (error) {
    effect.signal.throwIfAborted();
    if (saysDown(error)) return 'down';
    // A refusal is an answer too: renaming the files of a server that runs would be undone by its next save.
    return isProblem(error) && error.kind === 'unreachable' ? 'unclear' : 'answers';
  }
}

/**
 * Ends the server and comes back when it is down; one that is down already is left alone. Without an append-only file it is told to save
 * first: what it would not write on its way out would be missing from the data that is kept.
 */
export async function stopServer(server: SwitchedServer, effect: Effect, keep: 'saved' | 'as-it-is'): Promise<void> {
  const state = await stateOf(server.address, effect);
  if (state === 'down') return;
  if (state === 'answers' && keep === 'saved') await saveBeforeStop(server, effect);
  await run(server, 'stop', effect);
  await waitFor(server, effect, 'does not stop', (now) => now === 'down' || now === 'unclear');
}

async function saveBeforeStop(server: SwitchedServer, effect: Effect): Promise<void> {
  await withRedis(server.address, effect, async (connection) => {
    const info = await readInfo(connection, 'persistence');
    if (info.get('aof_enabled') === '1') return;
    const { timeoutSeconds } = server.settings;
    await saveNow(connection, { ...server, dumpName: (await readFileNames(connection)).dump, timeoutSeconds }, effect);
  });
}

/** Starts the server unless it runs, and comes back when it has loaded its data: whether it had to. */
export async function startServer(server: SwitchedServer, effect: Effect): Promise<boolean> {
  if ((await stateOf(server.address, effect)) === 'answers') return false;
  // Without our token: a server that the command puts into the background must outlive this step.
  await run(server, 'start', { ...effect, token: '' });
  await waitFor(server, effect, 'does not start', (now) => now === 'answers');
  return true;
}

async function run({ settings, stop, start }: SwitchedServer, name: 'stop' | 'start', effect: Effect): Promise<void> {
  const { env, timeoutSeconds } = settings;
  const argv = name === 'stop' ? stop : start;
  const declared = { directory: '.', env, timeoutSeconds };
  const result = await runDeclaredCommand({ label: name, argv, bindings: {} }, declared, effect);
  if (result.aborted) {
    throw problem('stopped', `the ${name} command was stopped before its end`, {
      where: `redis.${name}`,
      next: 'Nothing: whoever stopped it decides.',
    });
  }
  if (result.exitCode === 0) return;
  const how = result.timedOut ? `not within ${timeoutSeconds} s` : howItEnded(result);
  throw problem('restore-failed', `the ${name} command of the Redis server failed: ${how}${lastLinesOf(result)}`, {
    where: `redis.${name}`,
    next: `Correct the command; then finish the restore, or undo it.`,
  });
}

async function waitFor(
  { address, settings: { timeoutSeconds } }: SwitchedServer,
  effect: Effect,
  what: string,
  isReached: (state: ServerState) => boolean,
): Promise<void> {
  const endsAtMs = effect.clock.nowMs() + timeoutSeconds * 1000;
  while (!isReached(await stateOf(address, effect))) {
    if (effect.clock.nowMs() >= endsAtMs) {
      throw problem('restore-failed', `the Redis server ${what} within ${timeoutSeconds} s`, {
        where: address.shown,
        next: 'Look at its log; then finish the restore, or undo it.',
      });
    }
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
}

/** What a server must show after it loaded restored data. */
export interface Expected {
  layout: 'dump' | 'append-only';
  /** Keys without an end. */
  lasting: number;
}

/** Throws when the server has loaded something else than what was restored: the wrong folder, or an append-only file that is not there. */
export async function checkLoaded(server: SwitchedServer, expected: Expected, effect: Effect): Promise<void> {
  await withRedis(server.address, effect, async (connection) => {
    const info = await readInfo(connection, 'persistence');
    if (info.get('aof_enabled') === '1' && expected.layout === 'dump') {
      throw notLoaded(server, 'it was started with an append-only file and has not looked at the restored dump');
    }
    const total = (await readKeyspace(connection)).reduce((sum, { keys }) => sum + keys, 0);
    const loaded = Math.max(Number(info.get('rdb_last_load_keys_loaded') ?? 0), total);
    if (loaded < expected.lasting)
      throw notLoaded(server, `it holds ${loaded} keys, ${expected.lasting} were restored`);
  });
}

function notLoaded(server: SwitchedServer, why: string): Problem {
  return problem('restore-failed', `the Redis server has not loaded the restored data: ${why}`, {
    where: server.directory,
    next: 'Undo the restore; make `directory` and the configuration of the server (dir, appendonly) agree, and restore again.',
  });
}
