import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { freeBytes, listDirectory, removeTree, treeBytes } from '../../../platform/files.ts';
import { factsOf, namesIn } from '../../../platform/file-tree.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Prestaging, StagedAhead } from '../prestaging.ts';
import type { Staged } from '../restored-copy.ts';
import { removeWithCompanions } from './exchange.ts';
import { namesFrom, readSwapJournal, swapNames, type SwapJournal } from './swap-journal.ts';

const TAG = /^[A-Za-z0-9_-]+$/;

/** Copies that wait beside files and folders. The first of the paths is there: free room is that of its disk. */
export function prestagingOfPaths(
  livePaths: (effect: Effect) => Promise<readonly string[]>,
  companions: readonly string[],
): Prestaging {
  return {
    room: async (effect) => {
      const [first] = await livePaths(effect);
      return first === undefined ? null : freeBytes(dirname(first));
    },
    mark: (staged) => markOf(staged),
    list: async (effect) => listStaged(await livePaths(effect), companions),
    remove: async (tag, effect) => removeStaged(await livePaths(effect), tag, companions),
  };
}

/**
 * Of every file its place, size and the times that no program can set back. The content was compared when it was staged, and whoever has changed
 * it since has changed one of these.
 */
async function markOf({ place }: Staged): Promise<string | null> {
  const names = namesFrom(place);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal === null || journal.state !== 'staged') return null;
  const hash = createHash('sha256');
  for (const { staged } of journal.paths) {
    if ((await factsOf(staged)) === null) return null;
    for (const ending of ['', ...journal.companions]) await addFacts(hash, staged + ending);
  }
  return hash.digest('hex');
}

async function addFacts(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const facts = await factsOf(path);
  if (facts === null) return;
  const { type, bytes, mode, mtimeNs, ctimeNs, identity } = facts;
  hash.update(`${JSON.stringify([path, type, bytes, mode, mtimeNs, ctimeNs, identity])}\n`);
  if (type !== 'directory') return;
  for (const name of await namesIn(path)) await addFacts(hash, `${path}/${name}`);
}

async function listStaged(livePaths: readonly string[], companions: readonly string[]): Promise<StagedAhead[]> {
  const found = new Map<string, StagedAhead>();
  for (const live of livePaths) {
    for (const tag of tagsBeside(live)) {
      if (await isOfSwap(livePaths, tag)) continue;
      const { place } = swapNames(live, tag);
      const known = found.get(tag) ?? { place, tag, bytes: 0 };
      for (const ending of ['', ...companions]) known.bytes += await treeBytes(place + ending);
      found.set(tag, known);
    }
  }
  return [...found.values()];
}

function tagsBeside(live: string): string[] {
  const start = `${basename(live)}.restore-`;
  const names = listDirectory(dirname(live)).filter((name) => name.startsWith(start));
  return names.map((name) => name.slice(start.length)).filter((tag) => TAG.test(tag));
}

/** What a swap has begun with is no copy that waits: after a swap back the restored data lies there, and the service has written to it. */
async function isOfSwap(livePaths: readonly string[], tag: string): Promise<boolean> {
  const journals = await journalsOf(livePaths, tag);
  return journals.some((journal) => journal.state !== 'staged');
}

async function journalsOf(livePaths: readonly string[], tag: string): Promise<SwapJournal[]> {
  const journals: SwapJournal[] = [];
  for (const live of livePaths) {
    const journal = await readSwapJournal(swapNames(live, tag).journal, tag);
    if (journal !== null) journals.push(journal);
  }
  return journals;
}

/** The note first: without it, a copy half deleted cannot be swapped in. */
async function removeStaged(
  livePaths: readonly string[],
  wanted: string,
  companions: readonly string[],
): Promise<void> {
  const tags = new Set(livePaths.flatMap(tagsBeside).filter((tag) => isTagOf(wanted, tag)));
  for (const tag of tags) {
    const journals = await journalsOf(livePaths, tag);
    if (journals.some((journal) => journal.state !== 'staged')) continue;
    for (const live of livePaths) await removeTree(swapNames(live, tag).journal);
    const places = new Set(livePaths.map((live) => swapNames(live, tag).place));
    for (const journal of journals) for (const path of journal.paths) places.add(path.staged);
    for (const place of places) await removeWithCompanions(place, companions);
  }
}

/** A number stands behind it where data that the same backup replaced before is still kept. */
function isTagOf(wanted: string, tag: string): boolean {
  return tag === wanted || (tag.startsWith(`${wanted}-`) && /^\d+$/.test(tag.slice(wanted.length + 1)));
}
