import { dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { ensureDirectory, syncDirectory } from '../../../platform/files.ts';
import { applyFacts, factsOf, makeDirectory, makeLink, openNew, targetOf } from '../../../platform/file-tree.ts';
import type { IndexEntry } from './file-index.ts';
import { readArchive } from './read-archive.ts';
import type { PlaceOf, TreeCopy } from './tree-copy.ts';

/**
 * Writes the tree of an archive to places where nothing is, synced, with rights and times. Every file is made anew and no link is ever
 * written through: folders above an entry are only those made here (`parseIndex` refused entries below links).
 */
export async function extractTree(archive: string, index: readonly IndexEntry[], placeOf: PlaceOf): Promise<void> {
  await readArchive(archive, index, async (entry, content) => {
    const place = placeOf(entry.path);
    switch (entry.type) {
      case 'directory':
        return makeDirectory(place); // 0700 until everything is in it; its own rights may forbid writing
      case 'link':
        return makeLink(place, entry.target);
      case 'file':
        return writeContent(place, content);
    }
  });
  // From the inside out: writing into a folder changes its time.
  for (const entry of [...index].reverse()) {
    const place = placeOf(entry.path);
    await applyFacts(place, entry);
    if (entry.type === 'directory') await syncDirectory(place);
  }
}

async function writeContent(place: string, content: AsyncIterable<Buffer>): Promise<void> {
  const file = await openNew(place);
  try {
    let position = 0;
    for await (const chunk of content) {
      await file.write(chunk, position);
      position += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads the written tree back; throws `backup-invalid` naming the first entry that is not as in the index. */
export async function checkTree<Content extends object>(
  { index, hasContent }: Pick<TreeCopy<Content>, 'index' | 'hasContent'>,
  placeOf: PlaceOf,
): Promise<void> {
  for (const entry of index) {
    const place = placeOf(entry.path);
    const facts = await factsOf(place);
    const isSame =
      facts?.type === entry.type &&
      (entry.type === 'link' || facts.mode === entry.mode) &&
      (entry.type !== 'link' || (await targetOf(place)) === entry.target) &&
      (entry.type !== 'file' || (facts.bytes === entry.bytes && (await hasContent(place, entry))));
    if (!isSame) {
      throw problem('backup-invalid', `${entry.path} was not restored as it was captured`, {
        where: place,
        next: 'Check the disk (dmesg) and restore again, or use another backup.',
      });
    }
  }
}

/** Makes the folders above a root that were not captured themselves. */
export async function makeFoldersAbove(place: string): Promise<void> {
  await ensureDirectory(dirname(place), 0o755);
}

/** The place of every entry when the roots are given places: `uploads/a` goes to `<place of uploads>/a`. */
export function placesBelow(roots: ReadonlyMap<string, string>): PlaceOf {
  return (path) => {
    for (let cut = path.length; cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const root = roots.get(path.slice(0, cut));
      if (root !== undefined) return join(root, path.slice(cut));
    }
    throw problem('backup-invalid', `${JSON.stringify(path)} is below none of the captured paths`, {
      where: path,
      next: 'Use another backup.',
    });
  };
}
