import { createHash } from 'node:crypto';
import type { ObjectSink } from '../store.ts';
import { pieceBytes, PIECE_BYTES, type Piece } from './piece-index.ts';
import type { RememberedFile } from './remembered-files.ts';

/** Where the pieces of a capture go: into an object that is there already, into one of its own, or with others into a pack. */
export interface ObjectPool {
  /** Takes over what most of these files lie in. */
  take(files: Iterable<RememberedFile>): Promise<void>;
  /** Whether every piece of the file lies in an object that was taken over. */
  holds(file: RememberedFile): boolean;
  /** Room for a piece of so many bytes. Nothing else may be asked for until it is put or dropped. */
  room(bytes: number): Promise<Buffer>;
  /** Takes the piece that was read into the room. The object of a small one is known after `flush`. */
  put(content: Buffer): Promise<Piece>;
  /** Gives the room back. */
  drop(content: Buffer): void;
  flush(): Promise<void>;
}

// A smaller piece would cost more in names, keys and files of the vault than in bytes; with many of them in one object all change together.
const OWN_OBJECT_BYTES = 1024 * 1024;

/** An object of which less than this share is still in use is not taken over: what was deleted would stay for as long as one file is left. */
const USED_SHARE_MIN = 0.5;

/** Where small pieces are gathered. */
interface Pack {
  space: Buffer | null;
  pieces: Piece[];
  bytes: number;
}

interface Pool {
  sink: ObjectSink;
  /** Whether an object is part of this backup; asked once for each. */
  taken: Map<string, boolean>;
  /** By hash; those of the pack that is being filled have no object yet. */
  known: Map<string, Piece>;
  pack: Pack;
  /** The room of a large piece is a space of its own. */
  own: Buffer | null;
}

export function createObjectPool(sink: ObjectSink, past: ReadonlyMap<string, RememberedFile>): ObjectPool {
  const pool: Pool = { sink, taken: new Map(), known: piecesOf(past.values()), pack: emptyPack(), own: null };
  return {
    take: (files) => takeUsed(pool, files),
    holds: ({ pieces }) => pieces.every(({ object }) => pool.taken.get(object) === true),
    room: (bytes) => room(pool, bytes),
    put: (content) => put(pool, content),
    drop: () => release(pool),
    flush: () => flush(pool),
  };
}

function emptyPack(): Pack {
  return { space: null, pieces: [], bytes: 0 };
}

async function takeUsed(pool: Pool, files: Iterable<RememberedFile>): Promise<void> {
  for (const [name, bytes] of bytesInUse(files)) {
    const whole = pool.sink.bytesOf(name);
    if (whole !== null && bytes >= whole * USED_SHARE_MIN) await isThere(pool, name);
    else pool.taken.set(name, false);
  }
}

async function isThere({ sink, taken }: Pool, name: string): Promise<boolean> {
  const before = taken.get(name);
  if (before !== undefined) return before;
  const isTaken = await sink.take(name);
  taken.set(name, isTaken);
  return isTaken;
}

async function room(pool: Pool, bytes: number): Promise<Buffer> {
  if (bytes >= OWN_OBJECT_BYTES) {
    pool.own = await pool.sink.space();
    return pool.own.subarray(0, bytes);
  }
  if (pool.pack.bytes + bytes > PIECE_BYTES) await flush(pool);
  const { pack } = pool;
  pack.space ??= await pool.sink.space();
  return pack.space.subarray(pack.bytes, pack.bytes + bytes);
}

function release(pool: Pool): void {
  if (pool.own !== null) pool.sink.release(pool.own);
  pool.own = null;
}

async function put(pool: Pool, content: Buffer): Promise<Piece> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const same = pool.known.get(sha256);
  if (same !== undefined && (same.object === '' || (await isThere(pool, same.object)))) {
    release(pool);
    return same;
  }
  const piece = pool.own === null ? packed(pool.pack, content, sha256) : await written(pool, pool.own, content, sha256);
  pool.known.set(sha256, piece);
  return piece;
}

/** The piece was read into the pack itself: that it is now part of it is all there is to do. */
function packed(pack: Pack, content: Buffer, sha256: string): Piece {
  const piece = { at: pack.bytes, object: '', sha256 };
  pack.pieces.push(piece);
  pack.bytes += content.length;
  return piece;
}

async function written(pool: Pool, space: Buffer, content: Buffer, sha256: string): Promise<Piece> {
  pool.own = null;
  const object = await pool.sink.write(space, content.length);
  pool.taken.set(object, true);
  return { at: 0, object, sha256 };
}

async function flush(pool: Pool): Promise<void> {
  const { space, pieces, bytes } = pool.pack;
  pool.pack = emptyPack();
  if (space === null) return;
  if (pieces.length === 0) return pool.sink.release(space);
  const object = await pool.sink.write(space, bytes);
  pool.taken.set(object, true);
  for (const piece of pieces) piece.object = object;
}

/** By their hash: a file that was moved, copied or only touched is not written again. */
function piecesOf(files: Iterable<RememberedFile>): Map<string, Piece> {
  const known = new Map<string, Piece>();
  for (const { pieces } of files) for (const piece of pieces) known.set(piece.sha256, piece);
  return known;
}

function bytesInUse(files: Iterable<RememberedFile>): Map<string, number> {
  const used = new Map<string, number>();
  const counted = new Set<string>();
  for (const { bytes, pieces } of files) {
    for (const [index, { object, at }] of pieces.entries()) {
      if (counted.has(`${object} ${at}`)) continue; // equal files share a piece
      counted.add(`${object} ${at}`);
      used.set(object, (used.get(object) ?? 0) + pieceBytes(bytes, index));
    }
  }
  return used;
}
