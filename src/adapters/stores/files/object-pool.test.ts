import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memorySink } from '../../../../test/support/memory-sink.ts';
import { createObjectPool, type ObjectPool } from './object-pool.ts';
import { PIECE_BYTES_MAX, type Piece } from './piece-index.ts';
import type { RememberedFile } from './remembered-files.ts';

const KIB = 1024;
const SIZE = 128 * KIB;

async function putAll(pool: ObjectPool, content: Buffer): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (let from = 0; from < content.length; from += PIECE_BYTES_MAX) {
    const room = pool.room(Math.min(PIECE_BYTES_MAX, content.length - from));
    content.copy(room, 0, from);
    pieces.push(...(await pool.put(room, SIZE)));
  }
  return pieces;
}

function remembered(content: Buffer, pieces: Piece[], path = 'film'): RememberedFile {
  const entry = { path, gid: 0, mode: 0o644, mtimeMs: 1, uid: 0, type: 'file' as const, bytes: content.length };
  return { ...entry, pieceBytes: SIZE, pieces, mtimeNs: '1', ctimeNs: '1', identity: '1:1', isFresh: false };
}

const joined = (pieces: Piece[], objects: ReadonlyMap<string, Buffer>): Buffer =>
  Buffer.concat(pieces.map(({ at, object }) => objects.get(object)?.subarray(at, at + SIZE) ?? Buffer.alloc(0)));

describe('the pool of a capture', () => {
  it('holds every piece where it says, in objects of at most 4 MiB', async () => {
    const sink = memorySink();
    const pool = createObjectPool(sink, new Map());
    const film = randomBytes(72 * SIZE);
    const pieces = await putAll(pool, film);
    await pool.flush();
    expect(pieces).toHaveLength(72);
    expect([...sink.objects.values()].map(({ length }) => length)).toEqual([32 * SIZE, 32 * SIZE, 8 * SIZE]);
    expect(joined(pieces, sink.objects).equals(film)).toBe(true);
  });

  it('writes of a large file the pieces that have changed, and takes the others over', async () => {
    const first = memorySink();
    const film = randomBytes(72 * SIZE);
    const pool = createObjectPool(first, new Map());
    const before = remembered(film, await putAll(pool, film));
    await pool.flush();
    for (const at of [3 * SIZE + 5, 70 * SIZE]) film.writeUInt8((film[at] ?? 0) ^ 1, at);
    const sink = memorySink(first.objects);
    const next = createObjectPool(sink, new Map([['film', before]]));
    await next.take([before], []);
    const pieces = await putAll(next, film);
    await next.flush();
    expect([...sink.objects.values()].map(({ length }) => length)).toEqual([2 * SIZE]);
    expect(joined(pieces, new Map([...first.objects, ...sink.objects])).equals(film)).toBe(true);
  });

  /** A large file and a small one beside it in one object, as the newest backup has them. */
  async function largeAndSmall() {
    const sink = memorySink();
    const pool = createObjectPool(sink, new Map());
    const [film, note] = [randomBytes(20 * SIZE), randomBytes(SIZE)];
    const large = remembered(film, await putAll(pool, film));
    const small = remembered(note, await putAll(pool, note), 'note');
    await pool.flush();
    const past = new Map([large, small].map((file) => [file.path, file]));
    return { film, large, small, past, objects: sink.objects };
  }

  it('takes an object over that a large file has most of, of which a little has changed', async () => {
    const { film, large, small, past, objects } = await largeAndSmall();
    film.writeUInt8((film[0] ?? 0) ^ 1, 0);
    const sink = memorySink(objects);
    const next = createObjectPool(sink, past);
    await next.take([small], [large]);
    await putAll(next, film);
    await next.flush();
    expect(next.holds(small)).toBe(true);
    expect([...sink.objects.values()].map(({ length }) => length)).toEqual([SIZE]);
  });

  it('takes nothing over of an object of which a rest is in use', async () => {
    const { small, past, objects } = await largeAndSmall();
    const next = createObjectPool(memorySink(objects), past);
    await next.take([small], []);
    expect(next.holds(small)).toBe(false);
  });

  it('lays what nothing packs apart from what can be packed, in whatever order they are read', async () => {
    const sink = memorySink();
    const pool = createObjectPool(sink, new Map());
    const [picture, text] = [randomBytes(SIZE), Buffer.alloc(SIZE, 'a line of text\n')];
    const pieces: Piece[][] = [];
    for (let number = 0; number < 3; number += 1) {
      picture.writeUInt32LE(number);
      text.writeUInt32LE(number);
      pieces.push(await putAll(pool, picture), await putAll(pool, text));
    }
    await pool.flush();
    const objectsOf = (rest: number): Set<string> =>
      new Set(pieces.filter((_, index) => index % 2 === rest).flatMap((of) => of.map(({ object }) => object)));
    expect(objectsOf(0).size).toBe(1);
    expect(objectsOf(1).size).toBe(1);
    expect(objectsOf(0)).not.toEqual(objectsOf(1));
  });

  it('writes equal pieces once', async () => {
    const sink = memorySink();
    const pool = createObjectPool(sink, new Map());
    const pieces = await putAll(pool, Buffer.alloc(5 * SIZE, 'the same'));
    await pool.flush();
    expect([...sink.objects.values()].map(({ length }) => length)).toEqual([SIZE]);
    expect(new Set(pieces.map(({ at }) => at))).toEqual(new Set([0]));
  });
});
