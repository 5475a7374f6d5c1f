import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pieceFingerprint, pieceIndexOf, pieceLine, pieceSizeFor, type Piece, type PieceEntry } from './piece-index.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const SHARED = { gid: 1, mode: 0o644, mtimeMs: 5, uid: 2 };
const folder = (path: string): PieceEntry => ({ ...SHARED, path, type: 'directory' });
const file = (path: string, change: object = {}): PieceEntry => ({
  ...SHARED,
  path,
  type: 'file',
  bytes: 1025,
  pieceBytes: 1024,
  pieces: [
    { at: 0, object: 'x', sha256: A },
    { at: 7, object: 'y', sha256: B },
  ],
  ...change,
});
const piecesIn = (entry: PieceEntry): Piece[] => (entry.type === 'file' ? entry.pieces : []);
const read = (...entries: PieceEntry[]): PieceEntry[] => pieceIndexOf(linesOf(entries), 'index', 'files-3');
const linesOf = (entries: object[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

describe('an index of files in pieces', () => {
  it('is written in canonical lines and read back', () => {
    const link: PieceEntry = { ...SHARED, path: 'a/l', type: 'link', target: '../b' };
    const entries = [folder('a'), file('a/f'), link];
    const lines = entries.map((entry) => pieceLine(entry, piecesIn(entry))).join('');
    expect(pieceIndexOf(lines, 'index', 'files-3')).toEqual(entries);
    expect(pieceLine(file('f'), piecesIn(file('f')))).toBe(
      `{"bytes":1025,"gid":1,"mode":420,"mtimeMs":5,"path":"f","pieceBytes":1024,"pieces":[{"at":0,"object":"x","sha256":"${A}"},` +
        `{"at":7,"object":"y","sha256":"${B}"}],"type":"file","uid":2}\n`,
    );
  });

  it.each(['..', '/etc/passwd', 'a/../../x', 'a//b', 'a/', '', 'a/./b'])('refuses the path %j', (path) => {
    expect(() => read(file(path))).toThrow('leaves the folder it is restored into');
  });

  it('refuses an entry below a link or a file, and one that is there twice', () => {
    const link: PieceEntry = { ...SHARED, path: 'a', type: 'link', target: '/etc' };
    expect(() => read(link, file('a/passwd'))).toThrow('"a/passwd" lies below "a", which is a link');
    expect(() => read(file('a'), file('a/b'))).toThrow('"a/b" lies below "a", which is a file');
    expect(() => read(file('a'), file('a'))).toThrow('"a" is in it twice');
  });

  it.each([
    ['a piece too few', { bytes: 2049 }],
    ['a piece too many', { bytes: 1024 }],
    ['pieces of no bytes', { bytes: 0, pieceBytes: 0, pieces: [] }],
    ['pieces larger than an object', { bytes: 1, pieceBytes: 4194305, pieces: [{ at: 0, object: 'x', sha256: A }] }],
    ['pieces of a size that it does not say', { pieceBytes: undefined }],
    ['no pieces', { pieces: undefined }],
    ['a hash that is none', { bytes: 1, pieces: [{ at: 0, object: 'x', sha256: 'x' }] }],
    ['a place before the beginning', { bytes: 1, pieces: [{ at: -1, object: 'x', sha256: A }] }],
    ['an object without a name', { bytes: 1, pieces: [{ at: 0, object: 5, sha256: A }] }],
  ])('refuses a file with %s', (_what, change) => {
    expect(() => read(file('f', change))).toThrow('line 1 is damaged');
  });

  it('has one digest wherever pieces lie and whoever owns the files, and another one for other content, names and rights', () => {
    const digest = pieceFingerprint([file('f')], 'files-3');
    const elsewhere = [
      { at: 9, object: 'z', sha256: A },
      { at: 0, object: 'z', sha256: B },
    ];
    expect(pieceFingerprint([file('f', { pieces: elsewhere, uid: 9, gid: 9, mtimeMs: 9 })], 'files-3')).toBe(digest);
    for (const change of [
      { pieces: elsewhere.toReversed() },
      { path: 'g' },
      { mode: 0o600 },
      { bytes: 1026 },
      { pieceBytes: 1025 },
    ])
      expect(pieceFingerprint([file('f', change)], 'files-3')).not.toBe(digest);
  });

  it('reads an index of pieces of 4 MiB that does not say so, with the digest it had', () => {
    const { pieceBytes: _, ...old } = file('f', { bytes: 4194305 }) as PieceEntry & { type: 'file' };
    const entries = pieceIndexOf(linesOf([old]), 'index', 'files-2');
    expect(entries).toEqual([{ ...old, pieceBytes: 4194304 }]);
    const line = `{"bytes":4194305,"mode":420,"path":"f","pieces":["${A}","${B}"],"type":"file"}\n`;
    const digest = createHash('sha256').update(line).digest('hex');
    expect(pieceFingerprint(entries, 'files-2')).toBe(`files-2:${digest}`);
    expect(() => pieceIndexOf(linesOf([file('f')]), 'index', 'files-2')).toThrow('line 1 is damaged');
  });

  it('has small pieces of large files, and never more than a limit of them in a store', () => {
    const KIB = 1024;
    const GIB = KIB ** 3;
    expect(pieceSizeFor(KIB * KIB, GIB)).toBe(KIB * KIB);
    expect(pieceSizeFor(KIB * KIB + 1, GIB)).toBe(128 * KIB);
    expect(pieceSizeFor(4 * GIB, 4 * GIB)).toBe(128 * KIB);
    expect(pieceSizeFor(4 * GIB, 4 * GIB + 1)).toBe(256 * KIB);
    expect(pieceSizeFor(2 * KIB * KIB, KIB * GIB)).toBe(4096 * KIB);
  });
});
