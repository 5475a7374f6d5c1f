import { describe, expect, it } from 'vitest';
import { memorySink } from '../../../../test/support/memory-sink.ts';
import { readIndexLog, writeIndexLog, type IndexLog } from './index-log.ts';
import type { Piece, PieceEntry } from './piece-index.ts';
import { inTreeOrder } from './tree-entries.ts';

const HASH = 'a'.repeat(64);
const SHARED = { gid: 1, mode: 0o644, mtimeMs: 5, uid: 2 };
const folder = (path: string): PieceEntry => ({ ...SHARED, path, type: 'directory' });
const piece = (at: number): Piece => ({ at, object: 'data', sha256: HASH });
const file = (path: string, ...places: number[]): PieceEntry => ({
  ...SHARED,
  path,
  type: 'file',
  bytes: places.length,
  pieceBytes: 1,
  pieces: places.map(piece),
});
const many = (count: number): PieceEntry[] =>
  Array.from({ length: count }, (_, number) => file(`a/${String(number).padStart(5, '0')}`, number));
const NOTHING: IndexLog = { objects: [], whole: 0 };

interface Kept {
  log: IndexLog;
  index: PieceEntry[];
  objects: Map<string, Buffer>;
}

const begin: Kept = { log: NOTHING, index: [], objects: new Map() };

async function next(before: Kept, entriesNow: PieceEntry[]): Promise<Kept & { written: string[] }> {
  const index = inTreeOrder(entriesNow);
  const sink = memorySink(before.objects);
  const entries = new Map(before.index.map((entry) => [entry.path, entry]));
  const log = await writeIndexLog(index, { log: before.log, entries }, sink);
  const objects = new Map([...before.objects, ...sink.objects]);
  const written = [...sink.objects.values()].map((bytes) => bytes.toString('utf8'));
  expect(await read(log.objects, objects)).toEqual(index);
  return { log, index, objects, written };
}

const read = (names: readonly string[], objects: ReadonlyMap<string, Buffer>): Promise<PieceEntry[]> => {
  const source = { names: [...objects.keys()], read: async (name: string) => objects.get(name) ?? Buffer.alloc(0) };
  return readIndexLog(names, source, 'index');
};

const readLines = (...lines: (object | string)[]): Promise<PieceEntry[]> => {
  const text = lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join('');
  return read(['one'], new Map([['one', Buffer.from(text)]]));
};

describe('the index of a tree as a log', () => {
  it('is written as a whole first, and then what has changed, come or gone', async () => {
    const first = await next(begin, [folder('a'), file('a/film', 1, 2, 3, 4), ...many(20).slice(1), folder('b')]);
    const changed = [folder('a'), file('a/film', 1, 9, 3, 4, 5), ...many(20).slice(2), folder('b'), file('b/new')];
    const second = await next(first, changed);
    expect(second.log).toEqual({ objects: [...first.log.objects, expect.any(String)], whole: 1 });
    const shared = '"gid":1,"mode":420,"mtimeMs":5';
    expect(second.written).toEqual([
      `{"bytes":5,${shared},"path":"a/film","pieceBytes":1,"pieces":[1,{"at":9,"object":"data","sha256":"${HASH}"},2,` +
        `{"at":5,"object":"data","sha256":"${HASH}"}],"type":"file","uid":2}\n` +
        `{"bytes":0,${shared},"path":"b/new","pieceBytes":1,"pieces":[],"type":"file","uid":2}\n` +
        '{"path":"a/00001","type":"gone"}\n',
    ]);
    expect((await next(second, second.index)).written).toEqual([]);
  });

  it('takes a folder for a file, and a file for a folder, that had the name before', async () => {
    const first = await next(begin, [folder('a'), folder('a/x'), file('a/x/y', 1), ...many(9)]);
    const second = await next(first, [folder('a'), file('a/x', 1), ...many(9)]);
    await next(second, [folder('a'), folder('a/x'), file('a/x/y', 1), ...many(9)]);
  });

  it('is written as a whole again when half of it was added, or an object of it is gone', async () => {
    let kept: Kept & { written: string[] } = await next(begin, [folder('a'), ...many(100)]);
    const sizes: number[] = [];
    for (let round = 1; kept.log.objects.length > sizes.length && round < 20; round += 1) {
      sizes.push(kept.log.objects.length);
      kept = await next(kept, [
        folder('a'),
        ...many(100).map((one, at) => (at % 10 > 0 ? one : file(one.path, 900 + round))),
      ]);
    }
    expect(sizes).toEqual([1, 2, 3, 4, 5, 6]);
    expect(kept.log.objects).toHaveLength(1);
    const lost = { ...kept, objects: new Map() };
    expect((await next(lost, kept.index)).log.objects).toHaveLength(1);
  });

  it('lies in objects of at most 4 MiB, whatever character one ends in', async () => {
    const names = many(30_000).map((entry) => ({ ...entry, path: entry.path.replace('/', '/🚢é') }));
    const { objects } = await next(begin, [folder('a'), ...names]);
    const sizes = [...objects.values()].map(({ length }) => length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).map(() => 4 * 1024 * 1024));
  });

  it.each([
    ['a path that leaves its place', [file('../x')], 'leaves the folder it is restored into'],
    ['an entry below a link', [{ ...folder('a'), type: 'link', target: '/etc' }, file('a/passwd')], 'which is a link'],
    ['an end that was never a beginning', [{ path: 'a', type: 'gone' }], '"a" is gone and was never there'],
    ['pieces that were never there', [file('f', 1), { ...file('f', 1, 2), pieces: [2] }], 'that were never there'],
    ['pieces as those of what was a folder', [folder('f'), { ...file('f', 1), pieces: [1] }], 'that were never there'],
    ['a piece too many', [{ ...file('f', 1, 2), bytes: 1 }], 'it is damaged'],
    ['a line that is cut off', ['{"path":"a","ty'], 'its last line is cut off'],
    ['a line that is no entry', ['null\n'], 'it is damaged'],
  ])('is refused with %s', async (_what, lines, message) => {
    await expect(readLines(...lines)).rejects.toThrow(message);
  });

  it('is refused when it is not text', async () => {
    await expect(read(['one'], new Map([['one', Buffer.from([0xff, 0x0a])]]))).rejects.toThrow('it is not text');
  });
});
