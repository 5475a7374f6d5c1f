import { basename, dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, listDirectory, readText, writeAtomically } from '../../../platform/files.ts';
import type { ReplacedData } from '../store.ts';
import { namesFrom, SWAP_STATES, swapNames, type SwapState } from '../swap/swap-journal.ts';
import type { VolumeStore } from './docker.ts';
import type { VolumeNames } from './workbench.ts';
import type { Description } from './volumes.ts';

/** What is known on the disk about one restore; written before the first change of either direction. */
export interface RestoreNote {
  format: 1;
  state: SwapState;
  /** Whether there was a live volume to keep. */
  hadLive: boolean;
  /** What a live volume that is gone is made from again. */
  description: Description;
  /** Of what `discard` deletes. */
  bytes: number;
}

/** The names of one restore: paths that a caller keeps (their last parts are the names of the volumes) and its note. */
export interface RestoreNames extends VolumeNames {
  place: string;
  keptAt: string;
  note: string;
}

/** What the names of all restores of this volume begin with. */
export function anchorOf({ settings }: VolumeStore, effect: Effect): string {
  return join(effect.stateDirectory, 'volumes', settings.name);
}

export function namesForTag(anchor: string, tag: string): RestoreNames {
  const { place, keptAt, journal } = swapNames(anchor, tag);
  return { place, keptAt, note: journal, live: basename(anchor), staged: basename(place), kept: basename(keptAt) };
}

/** The names again from either of the two paths a caller keeps. */
export function namesOfRestore(path: string): RestoreNames {
  const { anchor, tag } = namesFrom(path);
  return namesForTag(anchor, tag);
}

/** Null when there is none. */
export async function readNote(path: string): Promise<RestoreNote | null> {
  const text = await readText(path);
  if (text === null) return null;
  try {
    const note = JSON.parse(text) as RestoreNote;
    const isWhole = note.format === 1 && SWAP_STATES.includes(note.state) && typeof note.hadLive === 'boolean';
    const { driver, labels } = note.description;
    if (isWhole && Number.isSafeInteger(note.bytes) && typeof driver === 'string' && labels !== null) return note;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('restore-failed', 'the note about a restore cannot be read, so nothing is moved', {
    where: path,
    next: 'Look at the volumes ending in .restore-… and .replaced-… (docker volume ls) and move the right data by hand.',
  });
}

export async function writeNote(path: string, note: RestoreNote): Promise<void> {
  await ensureDirectory(dirname(path));
  await writeAtomically(path, `${JSON.stringify(note)}\n`);
}

export function isHalf({ state }: RestoreNote): boolean {
  return state === 'swapping' || state === 'swapping-back';
}

/** Every restore of this volume that has a note, with its tag. */
export async function notesBeside(anchor: string): Promise<{ tag: string; names: RestoreNames; note: RestoreNote }[]> {
  const start = `${basename(anchor)}.swap-`;
  const found = [];
  for (const name of listDirectory(dirname(anchor))) {
    const tag = name.startsWith(start) && name.endsWith('.json') ? name.slice(start.length, -'.json'.length) : '';
    if (!/^[A-Za-z0-9_-]+$/.test(tag)) continue;
    const names = namesForTag(anchor, tag);
    const note = await readNote(names.note);
    if (note !== null) found.push({ tag, names, note });
  }
  return found;
}

/** What swaps have left; staged copies were never live and are not among it. */
export async function replacedBeside(anchor: string): Promise<ReplacedData[]> {
  const notes = await notesBeside(anchor);
  return notes
    .filter(({ note }) => note.state !== 'staged')
    .map(({ tag, names, note }) => ({
      record: { keptAt: names.keptAt },
      staged: { place: names.place },
      tag,
      state: isHalf(note) ? 'half' : 'replaced',
      bytes: note.bytes,
    }));
}
