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

const EMPTY_PACK: Pack = { space: null, pieces: [], bytes: 0 };

export function createObjectPool(sink: ObjectSink, past: ReadonlyMap<string, RememberedFile>): ObjectPool {
  const taken = new Map<string, boolean>();
  const known = piecesOf(past.values());
  const pack: Pack = { ...EMPTY_PACK, pieces: [] };
  const isThere = async (name: string): Promise<boolean> => {
    const before = taken.get(name);
    if (before !== undefined) return before;
    const isTaken = await sink.take(name);
    taken.set(name, isTaken);
    return isTaken;
  };
  /** The room of a large piece is a space of its own. */
  let own: Buffer | null = null;
  const release = (): void => {
    if (own !== null) sink.release(own);
    own = null;
  };
  return {
    flush: () => flush(sink, pack, taken),
    async take(files) {
      for (const [name, bytes] of bytesInUse(files)) {
        const whole = sink.bytesOf(name);
        if (whole !== null && bytes >= whole * USED_SHARE_MIN) await isThere(name);
        else taken.set(name, false);
      }
    },
    holds: ({ pieces }) => pieces.every(({ object }) => taken.get(object) === true),
    async room(bytes) {
      if (bytes >= OWN_OBJECT_BYTES) {
        own = await sink.space();
        return own.subarray(0, bytes);
      }
      if (pack.bytes + bytes > PIECE_BYTES) await flush(sink, pack, taken);
      pack.space ??= await sink.space();
      return pack.space.subarray(pack.bytes, pack.bytes + bytes);
    },
    drop: release,
    async put(content) {
      const sha256 = createHash('sha256').update(content).digest('hex');
      const same = known.get(sha256);
      // In the pack that is being filled it has no name yet.
      if (same !== undefined && (same.object === '' || (await isThere(same.object)))) {
        release();
        return same;
      }
      const piece = own === null ? packed(pack, content, sha256) : { at: 0, object: '', sha256 };
      known.set(sha256, piece);
      if (own === null) return piece;
      const space = own;
      own = null;
      piece.object = await sink.write(space, content.length);
      taken.set(piece.object, true);
      return piece;
    },
  };
}

/** The piece was read into the pack itself: that it is now part of it is all there is to do. */
function packed(pack: Pack, content: Buffer, sha256: string): Piece {
  const piece = { at: pack.bytes, object: '', sha256 };
  pack.pieces.push(piece);
  pack.bytes += content.length;
  return piece;
}

async function flush(sink: ObjectSink, pack: Pack, taken: Map<string, boolean>): Promise<void> {
  const { space, pieces, bytes } = pack;
  Object.assign(pack, { ...EMPTY_PACK, pieces: [] });
  if (space === null) return;
  if (pieces.length === 0) return sink.release(space);
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
  for (const { bytes, pieces } of files) {
    for (const [index, { object, at }] of pieces.entries()) {
      if (counted.has(`${object} ${at}`)) continue; // equal files share a piece
      counted.add(`${object} ${at}`);
      used.set(object, (used.get(object) ?? 0) + pieceBytes(bytes, index));
    }
  }
  return used;
}
