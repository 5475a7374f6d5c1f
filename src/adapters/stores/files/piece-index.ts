import { createHash } from 'node:crypto';
import { isCount, linesOf, parseLines, sortedJson, type TreeEntry } from './tree-entries.ts';

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

export function pieceLines(entries: readonly PieceEntry[]): string {
  return linesOf(entries);
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
    const { gid: _gid, uid: _uid, mtimeMs: _time, ...kept } = entry;
    const line = kept.type === 'file' ? { ...kept, pieces: kept.pieces.map(({ sha256 }) => sha256) } : kept;
    hash.update(`${sortedJson(line)}\n`);
  }
  return `files-2:${hash.digest('hex')}`;
}
