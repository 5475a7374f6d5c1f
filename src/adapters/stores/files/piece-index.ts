import { createHash } from 'node:crypto';
import { isCount, parseLines, type TreeEntry } from './tree-entries.ts';

/** Every piece of a file but its last has this many bytes: what changes in a large file costs one or a few of them, and one is held in memory. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/** Where a piece of a file lies, and what it must be. */
export interface Piece {
  /** Where it begins in the object. */
  at: number;
  object: string;
  /** Of its bytes, lower-case hex. */
  sha256: string;
}

/** One file, folder or link of a tree whose content lies in objects; a folder before what is in it. */
export type PieceEntry = TreeEntry<{ pieces: Piece[] }>;
export type FileEntry = PieceEntry & { type: 'file' };

/** One line an entry: canonical JSON. Written in order instead of sorted: there may be many. */
export function pieceLines(entries: readonly PieceEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(inOrder(entry))}\n`).join('');
}

function inOrder(entry: PieceEntry): object {
  const { gid, mode, mtimeMs, path, type, uid } = entry;
  switch (entry.type) {
    case 'directory':
      return { gid, mode, mtimeMs, path, type, uid };
    case 'link':
      return { gid, mode, mtimeMs, path, target: entry.target, type, uid };
    case 'file': {
      const pieces = entry.pieces.map(({ at, object, sha256 }) => ({ at, object, sha256 }));
      return { bytes: entry.bytes, gid, mode, mtimeMs, path, pieces, type, uid };
    }
  }
}

export function pieceIndexOf(text: string, where: string): PieceEntry[] {
  return parseLines<PieceEntry>(text, where, (entry) => entry.type !== 'file' || hasItsPieces(entry));
}

function hasItsPieces({ bytes, pieces }: FileEntry): boolean {
  return Array.isArray(pieces) && pieces.length === pieceCount(bytes) && pieces.every(isPiece);
}

function isPiece({ at, object, sha256 }: Piece): boolean {
  return isCount(at) && typeof object === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

/** An empty file has none. */
export function pieceCount(bytes: number): number {
  return Math.ceil(bytes / PIECE_BYTES);
}

/** Bytes of one piece of a file. */
export function pieceBytes(bytes: number, index: number): number {
  return Math.min(PIECE_BYTES, bytes - index * PIECE_BYTES);
}

/** Digest over names, rights and content, wherever that lies; not over times and owners, which a restore by an ordinary user cannot keep. */
export function pieceFingerprint(entries: readonly PieceEntry[]): string {
  const hash = createHash('sha256');
  for (const entry of entries) {
    hash.update(`${JSON.stringify(lasting(entry))}\n`);
  }
  return `files-2:${hash.digest('hex')}`;
}

function lasting(entry: PieceEntry): object {
  const { mode, path, type } = entry;
  switch (entry.type) {
    case 'directory':
      return { mode, path, type };
    case 'link':
      return { mode, path, target: entry.target, type };
    case 'file':
      return { bytes: entry.bytes, mode, path, pieces: entry.pieces.map(({ sha256 }) => sha256), type };
  }
}
