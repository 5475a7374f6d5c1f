import { join } from 'node:path';
import { problem, type Problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced } from '../../../platform/files.ts';
import { factsOf, type FileFacts } from '../../../platform/file-tree.ts';
import type { RedisConnection } from './connection.ts';
import type { RedisAddress } from './redis-address.ts';
import { readInfo } from './server-info.ts';

const POLL_MS = 50; // a small database is saved in about that time

export interface SaveOrder {
  address: RedisAddress;
  /** The folder of the server. */
  directory: string;
  /** What the server calls the file it saves to. */
  dumpName: string;
  timeoutSeconds: number;
}

/**
 * Lets the server save itself and copies what it saved. The server writes beside and renames, so the file is whole at every moment;
 * that it is a new file proves that `directory` is the folder of this server.
 */
export async function saveAndCopy(
  connection: RedisConnection,
  to: string,
  order: SaveOrder,
  effect: Effect,
): Promise<void> {
  await saveNow(connection, order, effect);
  await copyFileSynced(join(order.directory, order.dumpName), to);
}

/** Lets the server save itself; back when everything that was written before the call lies in its folder. */
export async function saveNow(connection: RedisConnection, order: SaveOrder, effect: Effect): Promise<void> {
  const dump = join(order.directory, order.dumpName);
  const before = await factsOf(dump);
  const endsAtMs = effect.clock.nowMs() + order.timeoutSeconds * 1000;
  const lastSave = await connection.call('LASTSAVE');
  await beginSave(connection, order, effect, endsAtMs);
  await waitUntilSaved(connection, order, effect, endsAtMs);
  const saved = await connection.call('LASTSAVE');
  const after = await factsOf(dump);
  // LASTSAVE counts whole seconds, so that it may stay equal; the new file may not.
  if (Number(saved) < Number(lastSave) || after?.type !== 'file' || isSameFile(before, after))
    throw savedElsewhere(order);
}

function isSameFile(before: FileFacts | null, after: FileFacts): boolean {
  return before !== null && before.identity === after.identity && before.mtimeNs === after.mtimeNs;
}

/** A save that began before us may lack what was written since, so we wait for its end and begin our own. */
async function beginSave(
  connection: RedisConnection,
  order: SaveOrder,
  effect: Effect,
  endsAtMs: number,
): Promise<void> {
  for (;;) {
    try {
      await connection.call('BGSAVE');
      return;
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      if (!/already in progress|child process is active/i.test(said)) throw saveFailed(order, said, error);
      if (effect.clock.nowMs() >= endsAtMs) throw tooSlow(order, 'has been busy with another save or rewrite');
    }
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
}

async function waitUntilSaved(
  connection: RedisConnection,
  order: SaveOrder,
  effect: Effect,
  endsAtMs: number,
): Promise<void> {
  for (;;) {
    const info = await readInfo(connection, 'persistence');
    if (info.get('rdb_bgsave_in_progress') === '0') {
      if (info.get('rdb_last_bgsave_status') === 'ok') return;
      throw saveFailed(order, 'rdb_last_bgsave_status is err');
    }
    if (effect.clock.nowMs() >= endsAtMs) throw tooSlow(order, 'has not finished its save');
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
}

function saveFailed(order: SaveOrder, said: string, cause?: unknown): Problem {
  return problem('backup-failed', `the Redis server could not save: ${said}`, {
    where: order.address.shown,
    next: `Look at its log: mostly the disk of ${order.directory} is full, not writable for its user, or the machine has no memory for a fork (vm.overcommit_memory). Until a save succeeds it may refuse writes (MISCONF).`,
    cause,
  });
}

function tooSlow(order: SaveOrder, what: string): Problem {
  return problem('backup-failed', `the Redis server ${what} for ${order.timeoutSeconds} s`, {
    where: order.address.shown,
    next: 'Look at `INFO persistence` of the server, or raise `timeout` of the store.',
    retry: true,
  });
}

function savedElsewhere(order: SaveOrder): Problem {
  return problem('backup-failed', `the Redis server saved, but there is no new ${order.dumpName} in the directory`, {
    where: order.directory,
    next: 'Set `directory` to the folder of this server as seen from this machine (`CONFIG GET dir` shows it as the server sees it).',
  });
}
