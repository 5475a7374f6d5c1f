import type { OpenedCopy, SharedCopies } from '../store.ts';
import { captureObjects } from './capture-objects.ts';
import { extractObjects } from './extract-objects.ts';
import { requireOutside, type LiveTree } from './live-tree.ts';
import { pieceFingerprint, pieceFormOf, PIECE_BYTES_MAX, type CutFile } from './piece-index.ts';
import { readPieceIndex, readPiecesOf } from './read-objects.ts';
import { pieceHashes } from './read-pieces.ts';
import { proveTree, restoreTree, rootsBelow } from './restore-tree.ts';
import { stageTree } from './stage-tree.ts';
import type { TreeCopy } from './tree-copy.ts';
import { rootsOf } from './tree-entries.ts';

/** Files and folders as copies that share what has not changed. */
export function sharedCopies(tree: LiveTree): SharedCopies {
  return {
    capture: (folder, sink, effect) => captureObjects(tree, folder, sink, effect),
    verify: async (copy) => readPiecesOf(await readPieceIndex(copy), copy.objects, async () => undefined),
    async extract(copy, into) {
      const opened = await openCopy(copy);
      await restoreTree(opened, rootsBelow(opened, into));
    },
    async prove(copy, scratch, effect) {
      await requireOutside(tree, scratch, 'backups are restored to be proven');
      return proveTree(() => openCopy(copy), copy.capture, scratch, effect);
    },
    async stage(copy, tag) {
      const opened = await openCopy(copy);
      const order = { roots: rootsOf(opened.index), tag };
      return stageTree(tree.projectDirectory, order, (places) => restoreTree(opened, places));
    },
  };
}

/** Pieces are checked while they are restored: unlike an archive, which is read to its end before, nothing is read twice. */
async function openCopy(copy: OpenedCopy): Promise<TreeCopy<CutFile>> {
  const index = await readPieceIndex(copy);
  const sizes = new Map(index.map((entry) => [entry.path, entry.type === 'file' ? entry.pieceBytes : 1]));
  return {
    index,
    write: (placeOf) => extractObjects(index, copy.objects, placeOf),
    hasContent: async (place, { pieces, pieceBytes }) => {
      const hashes = await pieceHashes(place, pieceBytes);
      return hashes.length === pieces.length && pieces.every(({ sha256 }, at) => sha256 === hashes[at]);
    },
    contentOf: async (place, path) => {
      const pieceBytes = sizes.get(path) ?? PIECE_BYTES_MAX; // of a file too many nothing fits
      const hashes = await pieceHashes(place, pieceBytes);
      return { pieceBytes, pieces: hashes.map((sha256) => ({ at: 0, object: '', sha256 })) };
    },
    fingerprintOf: (entries) => pieceFingerprint(entries, pieceFormOf(copy.capture)),
  };
}
