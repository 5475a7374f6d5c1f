import { basename, dirname, join } from 'node:path';
import { claimFolder, ownershipOf, removeClaimed } from '../../../platform/claimed-folder.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, listDirectory } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { randomId } from '../../../platform/ids.ts';
import { stopByEnvironment } from '../../../platform/process-table.ts';

const NAME = /^proof-([a-z2-7]+)(\.owner)?$/;
const LEFTOVER_GRACE_SECONDS = 2; // a scratch server has nothing to write down

/** Where scratch places are made, and how one is cleared. */
export interface ScratchRoot {
  /** Absolute; one for each kind of store, and one for each store where clearing needs to know which. */
  folder: string;
  /** Takes away what lies outside the place and belongs to it, before the folder goes; harmless when nothing does. */
  clear?(place: ScratchPlace): Promise<void>;
}

export interface ScratchPlace {
  /** A folder that only this user may enter. */
  folder: string;
  /** Lower-case letters and digits, for names elsewhere that belong to it. */
  id: string;
}

// Of this process: an earlier try of it may have left a place that it could not clear.
const inUse = new Set<string>();

/**
 * Runs with a new, empty scratch place and clears it afterwards. What a killed process left is cleared first, with the programs it had
 * started there. One that cannot be cleared is left to the next use, and the error that came first is the one that is thrown.
 */
export async function withScratchPlace<Result>(
  root: ScratchRoot,
  effect: Effect,
  use: (place: ScratchPlace, effect: Effect) => Promise<Result>,
): Promise<Result> {
  // A server of another user has to pass through where it is given a place; each kind of store has a folder of its own that is closed.
  await ensureDirectory(dirname(root.folder), 0o711);
  await ensureDirectory(root.folder);
  await clearAbandoned(root, effect);
  const place = placeOf(join(root.folder, `proof-${randomId()}`));
  inUse.add(place.folder);
  try {
    await claimFolder(place.folder);
    await gap('stores.scratch.claimed');
    await ensureDirectory(place.folder);
    await gap('stores.scratch.made');
    // What is started under this token is found again by whoever clears the place.
    const result = await use(place, { ...effect, token: `${effect.token}/${basename(place.folder)}` });
    await gap('stores.scratch.used');
    await clear(root, place);
    return result;
  } catch (error) {
    await clear(root, place).catch(() => undefined);
    throw error;
  } finally {
    inUse.delete(place.folder);
  }
}

function placeOf(folder: string): ScratchPlace {
  return { folder, id: basename(folder).slice('proof-'.length) };
}

async function clear(root: ScratchRoot, place: ScratchPlace): Promise<void> {
  await root.clear?.(place);
  await removeClaimed(place.folder);
}

async function clearAbandoned(root: ScratchRoot, effect: Effect): Promise<void> {
  const names = listDirectory(root.folder).filter((name) => NAME.test(name));
  for (const name of new Set(names.map((found) => found.replace(/\.owner$/, '')))) {
    const place = placeOf(join(root.folder, name));
    if (inUse.has(place.folder) || (await ownershipOf(place.folder)) === 'other') continue;
    const isItsOwn = (token: string): boolean => token.endsWith(`/${name}`);
    await stopByEnvironment('SHIPWAY_STEP', isItsOwn, LEFTOVER_GRACE_SECONDS, effect.clock);
    await clear(root, place);
    effect.report(`removed what an interrupted proof left: ${place.folder}`);
  }
}
