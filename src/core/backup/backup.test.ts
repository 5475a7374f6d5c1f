import { describe, expect, it } from 'vitest';
import { formatBackupId, isBackupOf, isTagOfBackup, parseBackupId, type BackupIdParts } from './backup-id.ts';
import { checkManifest, describeMismatch } from './check-manifest.ts';
import {
  manifestBytes,
  manifestSha256,
  sharedBytesOf,
  storedBytesOf,
  totalsOf,
  type Manifest,
  type SealedObject,
} from './manifest.ts';
import { readManifest } from './read-manifest.ts';
import { isSafePath } from './safe-path.ts';

const PARTS: BackupIdParts = {
  takenAtMs: Date.UTC(2026, 10, 21, 0, 43, 11),
  service: 'notes',
  environment: 'production',
  reason: 'pre-release',
  random: 'abc234',
};
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function sample(): Manifest {
  const capture = {
    engine: 'sqlite 3.45.1',
    consistentAt: '2026-11-21T00:43:11.100Z',
    liveBytes: 10,
    counters: { notes: 2 },
    fingerprint: 'f',
  };
  return {
    format: 1,
    id: formatBackupId(PARTS),
    service: 'notes',
    environment: 'production',
    reason: 'pre-release',
    release: 'r1',
    version: '1.0.0',
    createdAt: { start: '2026-11-21T00:43:11.000Z', end: '2026-11-21T00:43:12.000Z' },
    consistencyWindowMs: 0,
    tool: 'shipway 0.1.0',
    stores: [
      {
        name: 'database',
        kind: 'sqlite',
        engine: 'sqlite 3.45.1',
        capture,
        parts: [
          { path: 'database/a', bytes: 3, sha256: A },
          { path: 'database/b', bytes: 4, sha256: B },
        ],
      },
    ],
    previous: null,
    totals: { files: 2, bytes: 7 },
  };
}

function readEdited(edit: (manifest: Manifest) => void): Manifest {
  const manifest = sample();
  edit(manifest);
  return readManifest(manifestBytes(manifest), 'manifest.json');
}

describe('the id of a backup', () => {
  it('says when, of what and why, and is read back to the same parts', () => {
    const id = formatBackupId(PARTS);
    expect(id).toBe('bk_20261121T004311Z_notes_production_pre-release_abc234');
    expect(parseBackupId(id)).toEqual(PARTS);
  });

  it('sorts by time as text', () => {
    const later = formatBackupId({ ...PARTS, takenAtMs: PARTS.takenAtMs + 1000, random: 'aaaaaa' });
    expect([later, formatBackupId(PARTS)].sort()[1]).toBe(later);
  });

  it('differs for two backups of the same second', () => {
    expect(formatBackupId({ ...PARTS, random: 'abc235' })).not.toBe(formatBackupId(PARTS));
  });

  it.each([
    'bk_20260231T004311Z_notes_production_manual_abc234',
    'bk_20261121T004311Z_notes_production_whim_abc234',
    'bk_20261121T004311Z_notes_production_manual_abc23',
    'bk_20261121T004311Z_notes_production_manual_abc231',
    'bk_20261121T004311Z_no/tes_production_manual_abc234',
    '../bk_20261121T004311Z_notes_production_manual_abc234',
    'bk_20261121T004311Z_notes_production_manual_abc234\n',
    'latest',
  ])('is not read from %j', (text) => {
    expect(parseBackupId(text)).toBeNull();
  });

  it('is told from a name that somebody has given, also with a number behind it and cut to what engines allow', () => {
    const tags = [formatBackupId(PARTS), `${formatBackupId(PARTS)}-2`, '20261121T004311Z_0123456789'];
    expect(tags.filter((tag) => !isTagOfBackup(tag))).toEqual([]);
    expect(['before-june', 'test', 'bk_1', ''].filter(isTagOfBackup)).toEqual([]);
  });

  it('cannot be made for a name that would leave the folder', () => {
    expect(() => formatBackupId({ ...PARTS, service: '../x' })).toThrow(/no backup id can be made/);
  });

  it('knows its service and environment', () => {
    expect(isBackupOf(formatBackupId(PARTS), 'notes', 'production')).toBe(true);
    expect(isBackupOf(formatBackupId(PARTS), 'notes', 'staging')).toBe(false);
    expect(isBackupOf(formatBackupId({ ...PARTS, service: 'my_notes' }), 'my_notes', 'production')).toBe(true);
  });
});

describe('a manifest', () => {
  it('is read back from its canonical bytes', () => {
    expect(readManifest(manifestBytes(sample()), 'm')).toEqual(sample());
  });

  it('has one digest whatever the order of its keys', () => {
    const reversed = Object.fromEntries(Object.entries(sample()).reverse()) as unknown as Manifest;
    expect(manifestSha256(reversed)).toBe(manifestSha256(sample()));
    expect(manifestSha256({ ...sample(), version: '1.0.1' })).not.toBe(manifestSha256(sample()));
  });

  it.each<[string, (manifest: Manifest) => void]>([
    ['format is missing or wrong', (m) => Object.assign(m, { format: 6 })],
    ['id is missing or wrong', (m) => Object.assign(m, { id: 'latest' })],
    ['its id names another service or environment', (m) => Object.assign(m, { service: 'other' })],
    ['its id names another reason', (m) => Object.assign(m, { reason: 'manual' })],
    ['totals.bytes is missing or wrong', (m) => Object.assign(m.totals, { bytes: -1 })],
    ['its totals do not add up', (m) => Object.assign(m.totals, { bytes: 8 })],
    ['a list of it is not sorted', (m) => m.stores[0]?.parts.reverse()],
    ['its consistency window does not add up', (m) => Object.assign(m, { consistencyWindowMs: 5 })],
    ['extra is not known in this format', (m) => Object.assign(m, { extra: 1 })],
    [
      'stores[0].parts[0].sha256 is missing or wrong',
      (m) => Object.assign(m.stores[0]?.parts[0] ?? {}, { sha256: 'x' }),
    ],
    ['a part is in it twice', (m) => Object.assign(m.stores[0]?.parts[1] ?? {}, { path: 'database/a' })],
    ['a store has no parts', (m) => Object.assign(m.stores[0] ?? {}, { parts: [] })],
    ['stores[0].name is missing or wrong', (m) => Object.assign(m.stores[0] ?? {}, { name: '..' })],
    ['previous is missing or wrong', (m) => Object.assign(m, { previous: 'abc' })],
  ])('is refused because %s', (message, edit) => {
    expect(() => readEdited(edit)).toThrow(`the manifest cannot be trusted: ${message}`);
  });

  it.each([
    '../../etc/passwd',
    '/etc/passwd',
    'database/../../x',
    'database//x',
    'database/./x',
    'other/a',
    'database\\x',
    'database/a\u0000',
  ])('is refused when a part is called %j', (path) => {
    expect(() => readEdited((m) => Object.assign(m.stores[0]?.parts[0] ?? {}, { path }))).toThrow(
      /leaves the folder of its store/,
    );
  });

  it.each([
    ['not JSON', Buffer.from('{"format":1')],
    ['not a JSON object', Buffer.from('[]')],
    ['not in canonical form', Buffer.from(JSON.stringify(sample(), null, 2))],
    ['not JSON', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('is refused when it is %s', (message, bytes) => {
    expect(() => readManifest(bytes, 'm')).toThrow(message);
  });
});

describe('a manifest with objects', () => {
  const stored = { codec: 'brotli' as const, bytes: 5, sha256: A };
  const from = formatBackupId({ ...PARTS, takenAtMs: PARTS.takenAtMs - 1000 });
  const shared = (edit: (object: SealedObject) => void = () => undefined, change: object = {}): Buffer => {
    const [store] = sample().stores;
    if (store === undefined) throw new Error('the sample has a store');
    const object = { path: 'database/objects/x', bytes: 9, stored: { ...stored, from } };
    edit(object);
    const parts = store.parts.map((part) => ({ ...part, stored }));
    const stores = [{ ...store, parts, objects: [object] }];
    const seal = { encryption: null, signer: `ed25519:${A}`, storedBytes: storedBytesOf({ stores }) };
    const context = { commit: null, configuration: null, migration: null, environment: null, parts: [] };
    return manifestBytes({ ...sample(), format: 3, stores, context, totals: totalsOf({ stores }), seal, ...change });
  };

  it('is read in every format that may have them, and in none before or after', () => {
    for (const format of [3, 4, 5]) expect(readManifest(shared(undefined, { format }), 'm').format).toBe(format);
    for (const format of [1, 2, 6]) expect(() => readManifest(shared(undefined, { format }), 'm')).toThrow();
  });

  it('may be packed with zstd from format 5 on', () => {
    const zstd = (format: number): Buffer => shared((object) => (object.stored.codec = 'zstd'), { format });
    expect(readManifest(zstd(5), 'm').format).toBe(5);
    expect(() => readManifest(zstd(4), 'm')).toThrow('packed with zstd, which its format does not know');
  });

  it('is read back, counts them, and knows which were written before it', () => {
    const { stores, totals } = readManifest(shared(), 'm');
    expect(totals).toEqual({ files: 3, bytes: 16 });
    expect(storedBytesOf({ stores })).toBe(15);
    expect(sharedBytesOf(stores)).toBe(5);
    expect(
      sharedBytesOf(
        readManifest(
          shared(({ stored: own }) => delete own.from),
          'm',
        ).stores,
      ),
    ).toBe(0);
  });

  it.each<[string, (object: SealedObject) => void]>([
    ['leaves the folder of its store', (object) => (object.path = 'database/objects/../../x')],
    ['leaves the folder of its store', (object) => (object.path = 'database/objects/a/b')],
    ['leaves the folder of its store', (object) => (object.path = 'other/objects/x')],
    ['an object comes from no backup before it', (object) => (object.stored.from = formatBackupId(PARTS))],
    [
      'an object comes from no backup before it',
      (object) => (object.stored.from = formatBackupId({ ...PARTS, service: 'other' })),
    ],
    ['stores[0].objects[0].bytes is missing or wrong', (object) => (object.bytes = 17 * 1024 * 1024)],
    ['more than an object may have', (object) => (object.stored.bytes = 33 * 1024 * 1024)],
    ['stores[0].objects[0].sha256 is not known', (object) => Object.assign(object, { sha256: A })],
  ])('is refused: %s', (message, edit) => {
    expect(() => readManifest(shared(edit), 'm')).toThrow(message);
  });

  it('is refused in the format that has none', () => {
    expect(() => readManifest(shared(undefined, { format: 2, context: undefined }), 'm')).toThrow(
      'stores[0].objects is not known in this format',
    );
  });
});

describe('the check of a manifest against what is there', () => {
  const found = (): { path: string; bytes: number; sha256: string }[] => [
    { path: 'database/b', bytes: 4, sha256: B },
    { path: 'database/a', bytes: 3, sha256: A },
  ];

  it('is content when every part is there unchanged, in any order', () => {
    expect(checkManifest(sample(), found())).toBeNull();
  });

  it.each<[string, ReturnType<typeof found>]>([
    ['part database/a is missing', found().slice(0, 1)],
    ['part database/a is truncated: 2 of 3 bytes', [found()[0]!, { path: 'database/a', bytes: 2, sha256: A }]],
    ['part database/a has grown: 5 instead of 3 bytes', [found()[0]!, { path: 'database/a', bytes: 5, sha256: A }]],
    [
      'part database/b has changed: SHA-256 aaaaaaaaaaaa… instead of bbbbbbbbbbbb…',
      [{ path: 'database/b', bytes: 4, sha256: A }, found()[1]!],
    ],
    ['file database/c is not part of the backup', [...found(), { path: 'database/c', bytes: 0, sha256: A }]],
  ])('names the first wrong part: %s', (message, parts) => {
    const mismatch = checkManifest(sample(), parts);
    expect(mismatch && describeMismatch(mismatch)).toBe(message);
  });
});

describe('a path from outside', () => {
  it.each(['a', 'a/b.txt', '.hidden', 'a..b/c', '…/ü'])('%j may be joined', (path) =>
    expect(isSafePath(path)).toBe(true),
  );
  it.each(['', '/a', 'a/', '..', 'a/../b', './a', 'a//b', 'a\\b', 'a\u0007'])('%j may not', (path) =>
    expect(isSafePath(path)).toBe(false),
  );
});
