import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { readText } from '../../../platform/files.ts';
import type { ObjectSource, OpenedCopy } from '../store.ts';
import { PIECE_INDEX } from './capture-objects.ts';
import { objectsOfLog, readIndexLog } from './index-log.ts';
import {
  bytesOfPiece,
  pieceFingerprint,
  pieceFormOf,
  pieceIndexOf,
  type FileEntry,
  type PieceEntry,
} from './piece-index.ts';
import { countersOf, requireCounted } from './tree-entries.ts';

/** Gets a piece of a file and where it belongs there; called one after another. */
export type ReceivePiece = (entry: FileEntry, content: Buffer, position: number) => Promise<void>;

/** The index of a copy, proven to be the one that was captured. */
export async function readPieceIndex({ folder, capture, objects }: OpenedCopy): Promise<PieceEntry[]> {
  const where = join(folder, PIECE_INDEX);
  const form = pieceFormOf(capture);
  const text = (await readText(where)) ?? '';
  const index =
    form === 'files-4'
      ? await readIndexLog(objectsOfLog(text, where), objects, where)
      : pieceIndexOf(text, where, form);
  requireCounted({ counters: countersOf(index), fingerprint: pieceFingerprint(index, form) }, capture, where);
  return index;
}

interface Wanted {
  entry: FileEntry;
  /** Which piece of it. */
  index: number;
}

/**
 * Reads every object once and gives out all pieces of all files, each compared with its hash; throws `backup-invalid` naming the first that
 * differs. The next object is read while one is used: two are in memory.
 */
export async function readPiecesOf(
  index: readonly PieceEntry[],
  objects: ObjectSource,
  receive: ReceivePiece,
): Promise<void> {
  const wanted = [...piecesByObject(index)];
  let next = begin(objects, wanted[0]?.[0]);
  for (const [at, [name, pieces]] of wanted.entries()) {
    const content = await next;
    next = begin(objects, wanted[at + 1]?.[0]);
    for (const piece of pieces) await givePiece(content, { ...piece, name }, receive);
  }
}

function begin(objects: ObjectSource, name: string | undefined): Promise<Buffer> {
  const reading = name === undefined ? Promise.resolve(Buffer.alloc(0)) : objects.read(name);
  reading.catch(() => undefined); // looked at when its turn comes; an earlier failure may end everything before
  return reading;
}

function piecesByObject(index: readonly PieceEntry[]): Map<string, Wanted[]> {
  const wanted = new Map<string, Wanted[]>();
  for (const entry of index) {
    if (entry.type !== 'file') continue;
    for (const [at, { object }] of entry.pieces.entries()) {
      const pieces = wanted.get(object);
      if (pieces === undefined) wanted.set(object, [{ entry, index: at }]);
      else pieces.push({ entry, index: at });
    }
  }
  return wanted;
}

async function givePiece(
  object: Buffer,
  { entry, index, name }: Wanted & { name: string },
  receive: ReceivePiece,
): Promise<void> {
  const { at = 0, sha256 } = entry.pieces[index] ?? {};
  const content = object.subarray(at, at + bytesOfPiece(entry, index));
  if (createHash('sha256').update(content).digest('hex') !== sha256) {
    throw problem('backup-invalid', `the content of ${entry.path} is not as it was captured`, {
      where: name,
      next: 'Use another backup: shipway backup list shows them.',
    });
  }
  await receive(entry, content, index * entry.pieceBytes);
}
