import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, listDirectory, readText, writeAtomically } from '../../../platform/files.ts';
import type { ReplacedData } from '../store.ts';
import { namesFrom, SWAP_STATES, swapNames, type SwapState } from '../swap/swap-journal.ts';
import { baseOf } from './look.ts';
import type { QdrantSettings } from './settings.ts';

/** What is known on the disk about one restore; written before the first change of either direction. */
export interface RestoreNote {
  format: 1;
  state: SwapState;
  /** Captured name → name of the restored collection. */
  restored: Record<string, string>;
  /** Alias → captured name: where each shall lead after the swap. */
  aliases: Record<string, string>;
  /** Alias → the collection it led to before the swap; null: there was none. */
  previous: Record<string, string | null>;
  /** Of the snapshots that were restored: what the replaced collections take is not told by the server. */
  bytes: number;
}

/** A folder of this store: which notes it keeps, and what it left on the server. */
export function folderOf(settings: QdrantSettings, effect: Effect): string {
  const key = createHash('sha256')
    .update(JSON.stringify([settings.url, settings.collections]))
    .digest('hex')
    .slice(0, 12);
  return join(effect.stateDirectory, 'qdrant', key);
}

/** What the names of all restores of this store begin with. */
export function anchorOf(settings: QdrantSettings, effect: Effect): string {
  return join(folderOf(settings, effect), 'aliases');
}

export interface RestoreNames {
  tag: string;
  place: string;
  keptAt: string;
  note: string;
}

export function namesForTag(anchor: string, tag: string): RestoreNames {
  const { place, keptAt, journal } = swapNames(anchor, tag);
  return { tag, place, keptAt, note: journal };
}

export function namesOfRestore(path: string): RestoreNames {
  const { anchor, tag } = namesFrom(path);
  return namesForTag(anchor, tag);
}

/** The name of a restored collection: that of the captured one and a digest, because names have a limit and tags are long. */
export function restoredName(collection: string, { place }: RestoreNames): string {
  const digest = createHash('sha256')
    .update(`${basename(place)}\0${dirname(place)}\0${collection}`)
    .digest('hex')
    .slice(0, 12);
  return `${baseOf(collection)}__r${digest}`;
}

/** Null when there is none. */
export async function readNote(path: string): Promise<RestoreNote | null> {
  const text = await readText(path);
  if (text === null) return null;
  try {
    const note = JSON.parse(text) as RestoreNote;
    const maps = [note.restored, note.aliases, note.previous].every((map) => typeof map === 'object' && map !== null);
    if (note.format === 1 && SWAP_STATES.includes(note.state) && maps && Number.isSafeInteger(note.bytes)) return note;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('restore-failed', 'the note about a restore cannot be read, so nothing is changed', {
    where: path,
    next: 'Look at the collections ending in __r… and at the aliases of the server, and set them by hand.',
  });
}

export async function writeNote(path: string, note: RestoreNote): Promise<void> {
  await ensureDirectory(dirname(path));
  await writeAtomically(path, `${JSON.stringify(note)}\n`);
}

/** What swaps have left; staged collections were never in use and are not among it. */
export async function replacedBeside(anchor: string): Promise<ReplacedData[]> {
  const start = `${basename(anchor)}.swap-`;
  const found: ReplacedData[] = [];
  for (const name of listDirectory(dirname(anchor))) {
    const tag = name.startsWith(start) && name.endsWith('.json') ? name.slice(start.length, -'.json'.length) : '';
    if (!/^[A-Za-z0-9_-]+$/.test(tag)) continue;
    const names = namesForTag(anchor, tag);
    const note = await readNote(names.note);
    if (note === null || note.state === 'staged') continue;
    const isHalf = note.state === 'swapping' || note.state === 'swapping-back';
    const state = isHalf ? 'half' : 'replaced';
    const { keptAt, place } = names;
    found.push({ record: { keptAt }, staged: { place }, tag, state, bytes: note.bytes });
  }
  return found;
}
