import { createHash } from 'node:crypto';
import { isCount, parseLines, type TreeEntry } from './tree-entries.ts';

/** `files-2` does not say how files are cut: all into pieces of 4 MiB. From `files-3` on it is said for each; `files-4` is a log in objects (index-log.ts). */
export type PieceForm = 'files-2' | 'files-3' | 'files-4';
const OLD_PIECE_BYTES = 4 * 1024 * 1024;

// What changes in a file costs whole pieces, and every piece costs a line of the index: 128 KiB cost 0.06 % of the data there.
const PIECE_BYTES_MIN = 128 * 1024;
/** The most that a piece has; it must fit into an object. */
export const PIECE_BYTES_MAX = 4 * 1024 * 1024;

/** A file up to here is one piece: such a file is most often replaced as a whole. */
const WHOLE_BYTES = 1024 * 1024;

// All pieces are in memory while a backup is taken, about 500 bytes each: 16 MiB.
const PIECES_MAX = 32_768;

/** How large the pieces of a new file are in a store of so many bytes: the number of all pieces has a limit, whatever the store holds. */
export function pieceSizeFor(bytes: number, storeBytes: number): number {
  if (bytes <= WHOLE_BYTES) return WHOLE_BYTES;
  let size = PIECE_BYTES_MIN;
  while (size < PIECE_BYTES_MAX && storeBytes / size > PIECES_MAX) size *= 2;
  return size;
}

/** Where a piece of a file lies, and what it must be. */
export interface Piece {
  /** Where it begins in the object. */
  at: number;
  object: string;
  /** Of its bytes, lower-case hex. */
  sha256: string;
}

/** The content of a file. */
export interface CutFile {
  /** Bytes of every piece but the last. */
  pieceBytes: number;
  pieces: Piece[];
}

/** One file, folder or link of a tree whose content lies in objects; a folder before what is in it. */
export type PieceEntry = TreeEntry<CutFile>;
export type FileEntry = PieceEntry & { type: 'file' };

/** A line of an index: canonical JSON. Written in order instead of sorted: there may be many. `pieces`: what is written in the place of those of a file. */
export function pieceLine(entry: PieceEntry, pieces: readonly unknown[] = []): string {
  return `${JSON.stringify(inOrder(entry, pieces))}\n`;
}

function inOrder(entry: PieceEntry, pieces: readonly unknown[]): object {
  const { gid, mode, mtimeMs, path, type, uid } = entry;
  switch (entry.type) {
    case 'directory':
      return { gid, mode, mtimeMs, path, type, uid };
    case 'link':
      return { gid, mode, mtimeMs, path, target: entry.target, type, uid };
    case 'file':
      return { bytes: entry.bytes, gid, mode, mtimeMs, path, pieceBytes: entry.pieceBytes, pieces, type, uid };
  }
}

/** The form that a fingerprint is of. */
export function pieceFormOf({ fingerprint }: { fingerprint: string }): PieceForm {
  const [form] = fingerprint.split(':');
  return form === 'files-2' || form === 'files-3' ? form : 'files-4';
}

export function pieceIndexOf(text: string, where: string, form: PieceForm): PieceEntry[] {
  const entries = parseLines<PieceEntry>(text, where, (entry) => hasItsPieces(entry, form));
  return form === 'files-2' ? entries.map(withOldSize) : entries;
}

function withOldSize(entry: PieceEntry): PieceEntry {
  return entry.type === 'file' ? { ...entry, pieceBytes: OLD_PIECE_BYTES } : entry;
}

/** Whether an entry that is a file says everything of its pieces. */
export function hasItsPieces(entry: PieceEntry, form: PieceForm): boolean {
  if (entry.type !== 'file') return true;
  if (Object.hasOwn(entry, 'pieceBytes') !== (form !== 'files-2')) return false;
  const { bytes, pieces } = entry;
  const pieceBytes = form === 'files-2' ? OLD_PIECE_BYTES : entry.pieceBytes;
  const isSize = isCount(pieceBytes) && pieceBytes >= 1 && pieceBytes <= PIECE_BYTES_MAX;
  return isSize && Array.isArray(pieces) && pieces.length === Math.ceil(bytes / pieceBytes) && pieces.every(isPiece);
}

function isPiece({ at, object, sha256 }: Piece): boolean {
  return isCount(at) && typeof object === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

/** Bytes of one piece of a file. */
export function bytesOfPiece({ bytes, pieceBytes }: { bytes: number; pieceBytes: number }, index: number): number {
  return Math.min(pieceBytes, bytes - index * pieceBytes);
}

/** The pieces of a content, the last of which may be shorter. */
export function* cut(content: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

/** Digest over names, rights and content, wherever that lies; not over times and owners, which a restore by an ordinary user cannot keep. */
export function pieceFingerprint(entries: readonly PieceEntry[], form: PieceForm): string {
  const hash = createHash('sha256');
  for (const entry of entries) {
    hash.update(`${JSON.stringify(lasting(entry, form))}\n`);
  }
  return `${form}:${hash.digest('hex')}`;
}

function lasting(entry: PieceEntry, form: PieceForm): object {
  const { mode, path, type } = entry;
  switch (entry.type) {
    case 'directory':
      return { mode, path, type };
    case 'link':
      return { mode, path, target: entry.target, type };
    case 'file': {
      const cut = form === 'files-2' ? {} : { pieceBytes: entry.pieceBytes };
      return { bytes: entry.bytes, mode, path, ...cut, pieces: entry.pieces.map(({ sha256 }) => sha256), type };
    }
  }
}
