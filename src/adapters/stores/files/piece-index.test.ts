import { describe, expect, it } from 'vitest';
import { PIECE_BYTES, pieceFingerprint, pieceIndexOf, pieceLines, type PieceEntry } from './piece-index.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const SHARED = { gid: 1, mode: 0o644, mtimeMs: 5, uid: 2 };
const folder = (path: string): PieceEntry => ({ ...SHARED, path, type: 'directory' });
const file = (path: string, change: object = {}): PieceEntry => ({
  ...SHARED,
  path,
  type: 'file',
  bytes: PIECE_BYTES + 1,
  pieces: [
    { at: 0, object: 'x', sha256: A },
    { at: 7, object: 'y', sha256: B },
  ],
  ...change,
});
const read = (...entries: PieceEntry[]): PieceEntry[] =>
  pieceIndexOf(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), 'index');

describe('an index of files in pieces', () => {
  it('is written in canonical lines and read back', () => {
    const link: PieceEntry = { ...SHARED, path: 'a/l', type: 'link', target: '../b' };
    const entries = [folder('a'), file('a/f'), link];
    expect(pieceIndexOf(pieceLines(entries), 'index')).toEqual(entries);
    expect(pieceLines([file('f')])).toBe(
      `{"bytes":4194305,"gid":1,"mode":420,"mtimeMs":5,"path":"f","pieces":[{"at":0,"object":"x","sha256":"${A}"},` +
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
    ['a piece too few', { bytes: 2 * PIECE_BYTES + 1 }],
    ['a piece too many', { bytes: PIECE_BYTES }],
    ['no pieces', { pieces: undefined }],
    ['a hash that is none', { bytes: 1, pieces: [{ at: 0, object: 'x', sha256: 'x' }] }],
    ['a place before the beginning', { bytes: 1, pieces: [{ at: -1, object: 'x', sha256: A }] }],
    ['an object without a name', { bytes: 1, pieces: [{ at: 0, object: 5, sha256: A }] }],
  ])('refuses a file with %s', (_what, change) => {
    expect(() => read(file('f', change))).toThrow('line 1 is damaged');
  });

  it('has one digest wherever pieces lie and whoever owns the files, and another one for other content, names and rights', () => {
    const digest = pieceFingerprint([file('f')]);
    const elsewhere = [
      { at: 9, object: 'z', sha256: A },
      { at: 0, object: 'z', sha256: B },
    ];
    expect(pieceFingerprint([file('f', { pieces: elsewhere, uid: 9, gid: 9, mtimeMs: 9 })])).toBe(digest);
    for (const change of [
      { pieces: elsewhere.toReversed() },
      { path: 'g' },
      { mode: 0o600 },
      { bytes: PIECE_BYTES + 2 },
    ])
      expect(pieceFingerprint([file('f', change)])).not.toBe(digest);
  });
});
