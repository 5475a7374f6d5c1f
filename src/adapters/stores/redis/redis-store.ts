import { join, resolve } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, removeTree, syncDirectory, syncFile } from '../../../platform/files.ts';
import { applyFacts, factsOf, realPathOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, Staged, Store } from '../store.ts';
import { checkCopy, readCopy } from './check-copy.ts';
import { saysDown, withRedis, type RedisConnection } from './connection.ts';
import { copiedData } from './copied-data.ts';
import { countChanges } from './count-changes.ts';
import { COPY, fingerprintOf, readDescription, writeDescription } from './description.ts';
import { openEmptiedCache } from './emptied-cache.ts';
import { redisMaintenance } from './maintain-server.ts';
import { proveCopy } from './prove-copy.ts';
import { receiveCopy } from './receive-copy.ts';
import { readAddress, type RedisAddress } from './redis-address.ts';
import { saveAndCopy } from './save-copy.ts';
import { engineOf, majorVersion, readFileNames, readInfo, type FileNames } from './server-info.ts';
import type { LocatedServer } from './located-server.ts';
import { serveCopies } from './serve-copy.ts';
import type { RedisSettings } from './settings.ts';
import { layoutOnDisk, stageCopy, type Layout } from './stage-copy.ts';
import { anchorsIn, findReplaced } from '../swap/find-replaced.ts';
import { recordOfSwap } from '../swap/swap-journal.ts';
import { discardRestore, swapBackServer, swapServer, unstageRestore } from './swap-server.ts';
import type { SwitchedServer } from './switch-server.ts';

const FILE_MODE = 0o644; // what Redis gives its own files

/** A store over one Redis server with all its databases. */
export function openRedisStore(settings: RedisSettings, scope: { projectDirectory: string }): Store {
  const locate = async (effect: Effect): Promise<LocatedServer> => ({
    settings,
    address: readAddress(effect.resolve(settings.url)),
    directory:
      settings.directory === null
        ? null
        : await realPathOf(resolve(scope.projectDirectory, effect.resolve(settings.directory))),
  });
  if (!settings.isCopied) return openEmptiedCache(locate);
  const switched = async (effect: Effect): Promise<SwitchedServer> => requireSwitch(await locate(effect));
  return {
    kind: 'redis',
    maintenance: redisMaintenance(locate),
    probe: async (effect) => probe(await locate(effect), effect),
    capture: async (folder, effect) => capture(await locate(effect), folder, effect),
    verify: async (folder, recorded, effect) => {
      const description = await readDescription(folder);
      await checkCopy(join(folder, COPY), { recorded, description }, settings, effect);
    },
    extract: async (folder, recorded, into, effect) => {
      const description = await readDescription(folder);
      requireRoom(into, (await factsOf(join(folder, COPY)))?.bytes ?? 0, 'the Redis data');
      await copyFileSynced(join(folder, COPY), join(into, COPY));
      await checkCopy(join(into, COPY), { recorded, description }, settings, effect);
    },
    prove: async (folder, recorded, scratch, effect) => proveCopy({ folder, recorded, settings, scratch }, effect),
    stage: async (folder, recorded, tag, effect) => stage(await switched(effect), { folder, recorded, tag }, effect),
    unstage: (staged) => unstageRestore(staged),
    swap: async (staged, effect) => swapServer(await switched(effect), staged, effect),
    swapBack: async (record, effect) => swapBackServer(await switched(effect), record, effect),
    recordOf: recordOfSwap,
    discard: (record) => discardRestore(record),
    replaced: async (effect) => {
      const { directory } = await locate(effect);
      return directory === null ? [] : findReplaced(anchorsIn(directory), 'served');
    },
    changesSince: async (recorded, effect) => countChanges((await locate(effect)).address, recorded, effect),
    serving: serveCopies(locate, copiedData),
  };
}

/** What a restore in place needs, or a refusal before anything is touched. */
function requireSwitch({ settings, address, directory }: LocatedServer): SwitchedServer {
  const { stop, start } = settings;
  if (directory !== null && stop !== null && start !== null) return { settings, address, directory, stop, start };
  throw problem('restore-failed', 'this Redis server cannot be restored in place', {
    where: address.shown,
    next: 'Name its `directory` and its `stop` and `start` commands in the release file, or restore into a folder and load dump.rdb from there.',
  });
}

async function probe(server: LocatedServer, effect: Effect): Promise<{ engine: string; bytes: number }> {
  const { address, directory } = server;
  if (directory !== null && (await factsOf(directory))?.type !== 'directory') {
    throw problem('backup-failed', `there is no folder ${directory}`, {
      where: address.shown,
      next: 'Set `directory` of the store to the folder of the server as seen from this machine.',
    });
  }
  return withLive(server, effect, async (connection) => {
    const info = await readInfo(connection, 'server');
    if (info.get('redis_mode') === 'cluster') {
      throw problem('backup-failed', 'this server holds one part of a cluster', {
        where: address.shown,
        next: 'Declare each node as a store of its own is not enough, because they would not be consistent: use the `command` store.',
      });
    }
    const memory = await readInfo(connection, 'memory');
    return {
      engine: engineOf(info),
      bytes: Number(memory.get('used_memory_dataset') ?? memory.get('used_memory') ?? 0),
    };
  });
}

/** A server that is down is a backup that failed. */
async function withLive<Result>(
  { address }: LocatedServer,
  effect: Effect,
  use: (connection: RedisConnection) => Promise<Result>,
): Promise<Result> {
  try {
    return await withRedis(address, effect, use);
  } catch (error) {
    if (!isProblem(error) || error.kind !== 'unreachable') throw error;
    throw problem('backup-failed', error.message, {
      where: address.shown,
      next: error.next,
      retry: error.retry,
      cause: error,
    });
  }
}

async function capture(server: LocatedServer, folder: string, effect: Effect): Promise<Capture> {
  const { settings, directory } = server;
  const { engine, bytes } = await probe(server, effect);
  requireRoom(folder, bytes, 'the Redis data');
  const copy = join(folder, COPY);
  await removeTree(copy);
  const live = await withLive(server, effect, async (connection) => lookAtLive(server, connection, effect));
  const startedMs = effect.clock.nowMs();
  if (directory === null) await receiveCopy(server.address, copy, settings.timeoutSeconds, effect);
  else {
    const order = { ...server, directory, dumpName: live.names.dump, timeoutSeconds: settings.timeoutSeconds };
    await withLive(server, effect, (connection) => saveAndCopy(connection, copy, order, effect));
  }
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  await applyFacts(copy, { type: 'file', mode: 0o600, ...own, mtimeMs: startedMs });
  await syncFile(copy);
  await gap('stores.redis.copied');
  effect.signal.throwIfAborted();
  const { content } = await readCopy(copy, settings, effect);
  const facts = directory === null ? null : await factsOf(join(directory, live.names.dump));
  const owner = { mode: facts?.mode ?? FILE_MODE, uid: facts?.uid ?? own.uid, gid: facts?.gid ?? own.gid };
  await writeDescription(folder, { format: 1, ...live, ...owner, expiring: content.expiring });
  await syncDirectory(folder);
  const { counters } = content;
  return {
    engine,
    consistentAt: timestamp(startedMs),
    liveBytes: bytes,
    counters,
    fingerprint: fingerprintOf(content),
  };
}

async function lookAtLive(
  { address, settings }: LocatedServer,
  connection: RedisConnection,
  effect: Effect,
): Promise<{ appendOnly: boolean; names: FileNames }> {
  const info = await readInfo(connection, 'persistence');
  if (info.get('loading') === '1') {
    throw problem('backup-failed', 'the Redis server is still loading its data', {
      where: address.shown,
      next: 'Wait until it is up and try again.',
      retry: true,
    });
  }
  const memory = await readInfo(connection, 'memory');
  const policy = memory.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction' && Number(memory.get('maxmemory') ?? 0) > 0)
    effect.report(
      `${address.shown} is a ${settings.role} and throws keys away when it is full (maxmemory-policy ${policy})`,
    );
  return { appendOnly: info.get('aof_enabled') === '1', names: await readFileNames(connection) };
}

interface StageRequest {
  folder: string;
  recorded: Capture;
  tag: string;
}

async function stage(server: SwitchedServer, request: StageRequest, effect: Effect): Promise<Staged> {
  const { folder, recorded, tag } = request;
  const { settings, directory } = server;
  const description = await readDescription(folder);
  const layout: Layout = (await layoutOfLive(server, effect)) ?? {
    kind: layoutOnDisk(directory, description.names, description),
    directory,
    names: description.names,
  };
  if (settings.role === 'queue')
    effect.report(
      `${server.address.shown} is a queue: work done since ${recorded.consistentAt} comes back and is done again`,
    );
  return stageCopy({ layout, copy: join(folder, COPY), recorded, description, tag, settings }, effect);
}

/** Null when the server is down. */
async function layoutOfLive({ address, directory }: SwitchedServer, effect: Effect): Promise<Layout | null> {
  try {
    return await withRedis(address, effect, async (connection) => {
      const isAppendOnly = (await readInfo(connection, 'persistence')).get('aof_enabled') === '1';
      const server = await readInfo(connection, 'server');
      if (isAppendOnly && majorVersion(server) < 7) throw oldAppendFile(engineOf(server), address);
      return { kind: isAppendOnly ? 'append-only' : 'dump', directory, names: await readFileNames(connection) };
    });
  } catch (error) {
    if (saysDown(error)) return null;
    throw error;
  }
}

function oldAppendFile(engine: string, address: RedisAddress): Error {
  return problem('restore-failed', `${engine} keeps its append-only file in one piece, which is not restored here`, {
    where: address.shown,
    next: 'Restore into a folder; start the server once with appendonly no and that dump.rdb, then CONFIG SET appendonly yes.',
  });
}
