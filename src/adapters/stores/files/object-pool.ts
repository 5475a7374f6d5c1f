import { createHash } from 'node:crypto';
import type { ObjectSink } from '../store.ts';
import { isDense } from './is-dense.ts';
import { bytesOfPiece, cut, PIECE_BYTES_MAX, type Piece } from './piece-index.ts';
import type { RememberedFile } from './remembered-files.ts';

/** Where the pieces of a capture go: into an object that is there already, or with others into a new one. */
export interface ObjectPool {
  /**
   * Takes over what most of these files lie in. What large files that have changed since had in an object counts as in use: most of such a file
   * stays. If not, the next capture knows.
   */
  take(files: Iterable<RememberedFile>, changed: Iterable<RememberedFile>): Promise<void>;
  /** Whether every piece of the file lies in an object that was taken over. */
  holds(file: RememberedFile): boolean;
  /** Room to read so many bytes into, at most PIECE_BYTES_MAX; the same room every time. */
  room(bytes: number): Buffer;
  /** Cuts what was read into pieces and takes them. The objects of new ones are known after `flush`. */
  put(content: Buffer, pieceBytes: number): Promise<Piece[]>;
  flush(): Promise<void>;
}

/** What a space of the sink holds. */
const OBJECT_BYTES = PIECE_BYTES_MAX;

/** An object of which less than this share is still in use is not taken over: what was deleted would stay for as long as one file is left. */
const USED_SHARE_MIN = 0.5;

/** Where pieces are gathered, so that many of them are one file of the vault: each of those is synced and has a key and a name. */
interface Pack {
  space: Buffer | null;
  pieces: Piece[];
  bytes: number;
}

interface Pool {
  sink: ObjectSink;
  /** Whether an object is part of this backup; asked once for each. */
  taken: Map<string, boolean>;
  /** By hash; those of a pack that is being filled have no object yet. */
  known: Map<string, Piece>;
  /** Pieces that nothing packs lie apart: an object is packed as a whole, or not at all. */
  packs: { dense: Pack; loose: Pack };
  room: Buffer | null;
}

export function createObjectPool(sink: ObjectSink, past: ReadonlyMap<string, RememberedFile>): ObjectPool {
  const packs = { dense: emptyPack(), loose: emptyPack() };
  const pool: Pool = { sink, taken: new Map(), known: piecesOf(past.values()), packs, room: null };
  return {
    take: (files, changed) => takeUsed(pool, [...files], [...changed]),
    holds: ({ pieces }) => pieces.every(({ object }) => pool.taken.get(object) === true),
    room: (bytes) => (pool.room ??= Buffer.allocUnsafeSlow(PIECE_BYTES_MAX)).subarray(0, bytes),
    put: async (content, pieceBytes) => {
      const pieces: Piece[] = [];
      for (const piece of cut(content, pieceBytes)) pieces.push(await put(pool, piece));
      return pieces;
    },
    flush: async () => {
      await flush(pool, pool.packs.loose);
      await flush(pool, pool.packs.dense);
    },
  };
}

function emptyPack(): Pack {
  return { space: null, pieces: [], bytes: 0 };
}

async function takeUsed(pool: Pool, files: RememberedFile[], changed: RememberedFile[]): Promise<void> {
  const needed = new Set(files.flatMap(({ pieces }) => pieces.map(({ object }) => object)));
  const large = changed.filter(({ pieces }) => pieces.length > 1);
  for (const [name, bytes] of bytesInUse([...files, ...large])) {
    const whole = pool.sink.bytesOf(name);
    if (whole === null || bytes < whole * USED_SHARE_MIN) pool.taken.set(name, false);
    // The others when a piece of them turns up.
    else if (needed.has(name)) await isThere(pool, name);
  }
}

async function isThere({ sink, taken }: Pool, name: string): Promise<boolean> {
  const before = taken.get(name);
  if (before !== undefined) return before;
  const isTaken = await sink.take(name);
  taken.set(name, isTaken);
  return isTaken;
}

async function put(pool: Pool, content: Buffer): Promise<Piece> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const same = pool.known.get(sha256);
  if (same !== undefined && (same.object === '' || (await isThere(pool, same.object)))) return same;
  const pack = isDense(content) ? pool.packs.dense : pool.packs.loose;
  if (pack.bytes + content.length > OBJECT_BYTES) await flush(pool, pack);
  pack.space ??= await pool.sink.space();
  content.copy(pack.space, pack.bytes);
  const piece = { at: pack.bytes, object: '', sha256 };
  pack.pieces.push(piece);
  pack.bytes += content.length;
  pool.known.set(sha256, piece);
  return piece;
}

async function flush({ sink, taken }: Pool, pack: Pack): Promise<void> {
  const { space, pieces, bytes } = pack;
  Object.assign(pack, emptyPack());
  if (space === null) return;
  const object = await sink.write(space, bytes);
  taken.set(object, true);
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
  for (const file of files) {
    for (const [index, { object, at }] of file.pieces.entries()) {
      if (counted.has(`${object} ${at}`)) continue; // equal files share a piece
      counted.add(`${object} ${at}`);
      used.set(object, (used.get(object) ?? 0) + bytesOfPiece(file, index));
    }
  }
  return used;
}
