import { join } from 'node:path';
import type { Store } from '../adapters/stores/store.ts';
import type { Effect } from '../platform/effect.ts';
import { ensureDirectory, listDirectory, removeTree } from '../platform/files.ts';
import { allowDeletion } from '../platform/file-tree.ts';
import { gap } from '../platform/gap.ts';
import { HOME_MARK, homeMark } from '../platform/home-mark.ts';
import { randomId } from '../platform/ids.ts';
import { stopByEnvironment } from '../platform/process-table.ts';

const FOLDER = 'starts';
const GRACE_SECONDS = 5; // a version on a copy has nothing to lose

/**
 * Runs with a folder for copies and for the state of what is started there, and takes both away: what runs is ended first. Whoever calls
 * holds the lock of rehearsals, so that what lies there before is left over from one that was killed, and goes.
 */
export async function withScratchRun<Result>(
  scratch: string,
  effect: Effect,
  use: (folder: string, id: string) => Promise<Result>,
): Promise<Result> {
  const root = join(scratch, FOLDER);
  await sweepScratchRuns(scratch, effect);
  const id = randomId();
  await ensureDirectory(join(root, id));
  await gap('scratch.made');
  try {
    return await use(join(root, id), id);
  } finally {
    await clear(root, id, effect);
  }
}

/** Ends and removes what runs left whose process has died. */
export async function sweepScratchRuns(scratch: string, effect: Effect): Promise<void> {
  const root = join(scratch, FOLDER);
  await ensureDirectory(root);
  for (const name of listDirectory(root)) {
    await clear(root, name, effect);
    effect.report(`removed what a version on a copy left: ${join(root, name)}`);
  }
}

async function clear(root: string, name: string, effect: Effect): Promise<void> {
  const folder = join(root, name);
  const mark = homeMark(folder);
  await stopByEnvironment(HOME_MARK, (value) => value === mark, GRACE_SECONDS, effect.clock);
  const isItsOwn = (token: string): boolean => token.startsWith(`rehearsal/${name}/`);
  await stopByEnvironment('SHIPWAY_STEP', isItsOwn, GRACE_SECONDS, effect.clock);
  await allowDeletion(folder);
  await removeTree(folder);
}

/** Removes the databases and servers that uses of copies left whose process has died. */
export async function sweepCopies(stores: readonly { store: Store }[], effect: Effect): Promise<void> {
  for (const { store } of stores) {
    for (const place of (await (store.rehearsing ?? store.serving)?.sweep(effect)) ?? []) {
      effect.report(`removed what a rehearsal left: ${place}`);
    }
  }
}
