import { syncDirectory, syncFile } from '../../../platform/files.ts';
import {
  applyFacts,
  makeDirectory,
  makeLink,
  openForWriting,
  openNew,
  type OpenFile,
} from '../../../platform/file-tree.ts';
import type { ObjectSource } from '../store.ts';
import type { PieceEntry } from './piece-index.ts';
import { readPiecesOf, type ReceivePiece } from './read-objects.ts';
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
  const writer = createPieceWriter(placeOf);
  try {
    await readPiecesOf(index, objects, writer.write);
  } finally {
    await writer.close();
  }
  for (const path of writer.unsynced) await syncFile(placeOf(path));
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

interface PieceWriter {
  write: ReceivePiece;
  close(): Promise<void>;
  /** Paths of files that were written in several pieces. */
  unsynced: ReadonlySet<string>;
}

/** Writes pieces where they belong. Those of one file most often come one after another, so the last file stays open. */
function createPieceWriter(placeOf: PlaceOf): PieceWriter {
  const begun = new Set<string>();
  let current: { path: string; file: OpenFile } | null = null;
  const close = async (): Promise<void> => {
    const { file } = current ?? {};
    current = null;
    await file?.close();
  };
  return {
    unsynced: begun,
    close,
    async write(entry, content, position) {
      if (current?.path !== entry.path) {
        await close();
        const place = placeOf(entry.path);
        current = { path: entry.path, file: await (begun.has(entry.path) ? openForWriting(place) : openNew(place)) };
      }
      await current.file.write(content, position);
      if (entry.pieces.length === 1) await current.file.sync();
      else begun.add(entry.path);
    },
  };
}
