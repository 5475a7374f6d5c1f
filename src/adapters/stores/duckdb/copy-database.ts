import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, removeTree } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { copyThroughOwner } from './ask-owner.ts';
import { COMPANIONS, SPILL } from './companions.ts';
import { holderIn, withDatabase, withinLockLimit } from './connection.ts';
import { whilePaused } from './pause-service.ts';
import type { DuckdbSettings } from './settings.ts';

/** How a copy came to be. */
export interface Copied {
  /** The moment it is consistent for, in milliseconds. */
  startedMs: number;
  by: 'owner' | 'us';
}

/**
 * Writes one consistent copy without a log beside it, by the way the release file declares. Only the owner of a DuckDB file sees all of its
 * data: copied under a running owner, a file opens well and lacks what was committed.
 */
export async function copyDatabase(
  live: string,
  copy: string,
  settings: DuckdbSettings,
  effect: Effect,
): Promise<Copied> {
  const { copyWith, pause } = settings;
  const wait = (): Promise<Copied> => withinLockLimit(effect, () => copyWhileFree(live, copy, effect), inUse(live));
  if (copyWith === null) return pause === null ? wait() : whilePaused(live, { ...settings, pause }, effect, wait);
  const free = await copyWhileFree(live, copy, effect).catch((error: unknown) => {
    if (holderIn(error) === null) throw error;
    return null;
  });
  if (free !== null) return free;
  const startedMs = effect.clock.nowMs();
  await copyThroughOwner(copyWith, copy, { live, settings, effect });
  return { startedMs, by: 'owner' };
}

/**
 * Copies the file and its log while our reading lock keeps every writer out, and folds the log into the copy: the live data is not
 * written, so a newer engine than the service's leaves no trace in it.
 */
async function copyWhileFree(live: string, copy: string, effect: Effect): Promise<Copied> {
  const startedMs = await withDatabase(live, 'reading', effect.signal, async () => {
    const before = await statesOf(live);
    const nowMs = effect.clock.nowMs();
    // The file itself last: when this process closes it, the system takes our lock away.
    for (const ending of COMPANIONS) {
      await removeTree(copy + ending);
      if ((await factsOf(live + ending)) !== null) await copyFileSynced(live + ending, copy + ending);
    }
    await copyFileSynced(live, copy);
    // Some file systems (of networks, of virtual machines) keep locks to themselves.
    if ((await statesOf(live)) !== before) throw changed(live);
    return nowMs;
  });
  await foldIn(copy, effect);
  return { startedMs, by: 'us' };
}

async function statesOf(live: string): Promise<string> {
  const states = [];
  for (const ending of ['', ...COMPANIONS]) {
    const facts = await factsOf(live + ending);
    states.push(facts === null ? null : [facts.identity, facts.bytes, facts.mtimeNs]);
  }
  return JSON.stringify(states);
}

async function foldIn(copy: string, effect: Effect): Promise<void> {
  let hasLog = false;
  for (const ending of COMPANIONS) hasLog ||= (await factsOf(copy + ending)) !== null;
  if (!hasLog) return;
  await withDatabase(copy, 'own', effect.signal, (database) => database.exec('CHECKPOINT'));
  for (const ending of COMPANIONS) {
    if (((await factsOf(copy + ending))?.bytes ?? 0) > 0)
      throw new Error(`${ending} of the copy could not be folded in`);
    await removeTree(copy + ending);
  }
  await removeTree(copy + SPILL);
}

function changed(live: string): Error {
  return problem('backup-failed', 'the database was written while it was copied, although nobody held its lock', {
    where: live,
    next: 'Its file system does not pass locks on: give the store "copy-with", or "stop" and "start".',
    retry: true,
  });
}

/** What to say when somebody holds the file and no other way is declared. */
function inUse(live: string): (holder: string, cause: unknown) => Error {
  return (holder, cause) =>
    problem('backup-failed', `the database is in use by ${holder}, and only its owner can copy it meanwhile`, {
      where: live,
      next:
        'Give the store "copy-with" (the service runs COPY FROM DATABASE into $OUT), or "stop" and "start"; ' +
        'or end that process and try again.',
      retry: true,
      cause,
    });
}
