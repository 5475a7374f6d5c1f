import { syncDirectory, syncFile } from '../../../platform/files.ts';
import { applyFacts, makeDirectory, makeLink, openForWriting, openNew } from '../../../platform/file-tree.ts';
import type { ObjectSource } from '../store.ts';
import type { PieceEntry } from './piece-index.ts';
import { readPiecesOf } from './read-objects.ts';
import type { PlaceOf } from './tree-copy.ts';

/**
 * Writes the tree of a copy to places where nothing is, synced, with rights and times. Every file is made anew and no link is ever written
 * through: folders above an entry are only those made here (the index has no entry below a link).
 */
export async function extractObjects(
  index: readonly PieceEntry[],
  objects: ObjectSource,
  placeOf: PlaceOf,
): Promise<void> {
  for (const entry of index) await makeWithoutContent(entry, placeOf(entry.path));
  const begun = new Set<string>();
  await readPiecesOf(index, objects, async (entry, content, position) => {
    const isNew = !begun.has(entry.path);
    if (isNew && entry.pieces.length > 1) begun.add(entry.path);
    await writePiece(placeOf(entry.path), content, { position, isNew, isWhole: entry.pieces.length === 1 });
  });
  for (const path of begun) await syncFile(placeOf(path));
  // From the inside out: writing into a folder changes its time.
  for (const entry of [...index].reverse()) {
    const place = placeOf(entry.path);
    await applyFacts(place, entry);
    if (entry.type === 'directory') await syncDirectory(place);
  }
}

async function makeWithoutContent(entry: PieceEntry, place: string): Promise<void> {
  switch (entry.type) {
    case 'directory':
      return makeDirectory(place); // 0700 until everything is in it; its own rights may forbid writing
    case 'link':
      return makeLink(place, entry.target);
    case 'file':
      if (entry.pieces.length > 0) return;
      await (await openNew(place)).close();
  }
}

async function writePiece(
  place: string,
  content: Buffer,
  piece: { position: number; isNew: boolean; isWhole: boolean },
): Promise<void> {
  const file = piece.isNew ? await openNew(place) : await openForWriting(place);
  try {
    await file.write(content, piece.position);
    if (piece.isWhole) await file.sync();
  } finally {
    await file.close();
  }
}
