import { basename, dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { readText, writeAtomically } from '../../../platform/files.ts';
import type { Staged, SwapRecord } from '../store.ts';
import type { Identities } from './exchange.ts';

/** `finished`: the data is in place, and the server that has to be started on it was, and was looked at. */
export const SWAP_STATES = ['staged', 'swapping', 'swapped', 'finished', 'swapping-back', 'swapped-back'] as const;
export type SwapState = (typeof SWAP_STATES)[number];

/** `opened` by the service itself, or `served` by a server that has to be started on it. */
export type DataUse = 'opened' | 'served';

/** Whether a swap was begun and has to be finished, or undone, before anything of it may be deleted. */
export function isHalf({ state, tellsFinish }: Pick<SwapJournal, 'state' | 'tellsFinish'>, use: DataUse): boolean {
  return (
    state === 'swapping' ||
    state === 'swapping-back' ||
    (state === 'swapped' && use === 'served' && tellsFinish === true)
  );
}

/** One path of the store: what is live, where the restored copy is prepared, where the replaced data is kept. */
export interface SwapPath {
  live: string;
  staged: string;
  kept: string;
}

/** What is known on the disk about one restore; written before the first rename of either direction. */
export interface SwapJournal {
  format: 1;
  state: SwapState;
  /** Left out in notes of before there was `finished`: what they call swapped has come to its end. */
  tellsFinish?: true;
  companions: string[];
  paths: SwapPath[];
  /** By position of the path; of the direction that the state names. */
  identities: Identities[];
}

/** The names that one restore uses beside the data. */
export interface SwapNames {
  place: string;
  keptAt: string;
  journal: string;
}

/** Names for a tag beside the first path of a store. */
export function swapNames(anchor: string, tag: string): SwapNames {
  return {
    place: `${anchor}.restore-${tag}`,
    keptAt: `${anchor}.replaced-${tag}`,
    journal: `${anchor}.swap-${tag}.json`,
  };
}

/** The names again from either of the two places a caller keeps; throws `restore-failed` for a path that is neither. */
export function namesFrom(path: string): SwapNames & { tag: string; anchor: string } {
  const found = /^(.+)\.(?:restore|replaced)-([A-Za-z0-9_-]+)$/.exec(basename(path));
  if (!found) {
    throw problem('restore-failed', 'this is not a place of a restore', {
      where: path,
      next: 'Start the restore again from its backup.',
    });
  }
  const anchor = join(dirname(path), found[1] ?? '');
  const tag = found[2] ?? '';
  return { ...swapNames(anchor, tag), tag, anchor };
}

/** What the swap of a staged copy leaves, whether it has come to its end or not. */
export function recordOfSwap({ place }: Staged): SwapRecord {
  return { keptAt: namesFrom(place).keptAt };
}

/** Null when there is none. Paths in it that do not carry the tag are refused: it is a file on a disk that decides what gets moved. */
export async function readSwapJournal(path: string, tag: string): Promise<SwapJournal | null> {
  const text = await readText(path);
  if (text === null) return null;
  const journal = parse(text);
  const isOurs = journal?.paths.every(
    ({ live, staged, kept }) =>
      staged === `${live}.restore-${tag}` && (kept === `${live}.replaced-${tag}` || kept === keptInFolder(live, tag)),
  );
  if (journal && isOurs) return journal;
  throw problem('restore-failed', 'the note about a restore cannot be read, so nothing is moved', {
    where: path,
    next: `Look at the folders ending in -${tag} beside it and move the right data into place by hand.`,
  });
}

/** The place in a folder of its own, for data that consists of several files. */
export function keptInFolder(live: string, tag: string): string {
  return join(`${live}.replaced-${tag}`, basename(live));
}

function parse(text: string): SwapJournal | null {
  try {
    const value = JSON.parse(text) as SwapJournal;
    const isWhole =
      value.format === 1 &&
      SWAP_STATES.includes(value.state) &&
      [value.companions, value.paths, value.identities].every(Array.isArray) &&
      value.paths.every((path) => [path.live, path.staged, path.kept].every((name) => typeof name === 'string'));
    return isWhole ? value : null;
  } catch {
    return null;
  }
}

export async function writeSwapJournal(path: string, journal: SwapJournal): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(journal, null, 2)}\n`);
}
