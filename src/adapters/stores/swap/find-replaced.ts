import { basename, dirname, join } from 'node:path';
import { listDirectory, treeBytes } from '../../../platform/files.ts';
import type { ReplacedData } from '../store.ts';
import { isHalf, readSwapJournal, swapNames, type DataUse, type SwapJournal } from './swap-journal.ts';

/** What swaps have left beside these live paths, found by the notes they wrote. Staged copies were never live and are not among it. */
export async function findReplaced(anchors: readonly string[], use: DataUse = 'opened'): Promise<ReplacedData[]> {
  const found: ReplacedData[] = [];
  for (const anchor of anchors) {
    for (const tag of tagsBeside(anchor)) {
      const names = swapNames(anchor, tag);
      const journal = await readSwapJournal(names.journal, tag);
      if (journal === null || journal.state === 'staged') continue;
      const state = isHalf(journal, use) ? 'half' : 'replaced';
      const { keptAt, place } = names;
      found.push({ record: { keptAt }, staged: { place }, tag, state, bytes: await bytesOf(journal) });
    }
  }
  return found;
}

/** The paths in a folder beside which swaps have left notes; for a store whose files are named by a server that may be down. */
export function anchorsIn(folder: string): string[] {
  const anchors = listDirectory(folder).flatMap((name) => /^(.+)\.swap-[A-Za-z0-9_-]+\.json$/.exec(name)?.[1] ?? []);
  return [...new Set(anchors)].map((name) => join(folder, name));
}

function tagsBeside(anchor: string): string[] {
  const start = `${basename(anchor)}.swap-`;
  return listDirectory(dirname(anchor)).flatMap((name) => {
    const tag = name.startsWith(start) && name.endsWith('.json') ? name.slice(start.length, -'.json'.length) : '';
    return /^[A-Za-z0-9_-]+$/.test(tag) ? [tag] : [];
  });
}

/** Replaced data, or after a swap back the restored data, with the files that belong to it. */
async function bytesOf(journal: SwapJournal): Promise<number> {
  let bytes = 0;
  for (const { staged, kept } of journal.paths) {
    for (const ending of ['', ...journal.companions]) {
      bytes += (await treeBytes(staged + ending)) + (await treeBytes(kept + ending));
    }
  }
  return bytes;
}
