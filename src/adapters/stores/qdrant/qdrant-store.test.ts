import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { startFakeQdrant, type FakeQdrant } from '../../../../test/support/fake-qdrant.ts';
import { Refusal, type PointId } from '../../../../test/support/fake-qdrant-data.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { storeKinds } from '../index.ts';
import type { Store } from '../store.ts';
import { STORE_PROGRAM } from '../store-subject.suite.ts';
import { parseExactly } from './client.ts';
import { qdrantSettings } from './settings.ts';

const VECTORS = { vectors: { size: 2, distance: 'Dot' } };
const KEY = 'qdrant-key-0123456789';

let fake: FakeQdrant;
let project: string;
let copy: string;
const settingsOf = (change: object = {}): unknown => qdrantSettings.parse({ url: fake.url, ...change });
const open = (change: object = {}): Store => storeKinds.qdrant.open(settingsOf(change), { projectDirectory: project });
const effect = (): ReturnType<typeof createEffect> => createEffect(project);
const point = (id: unknown, word: string) => ({ id, payload: { word }, vector: [1, word.length] });
const lead = (alias_name: string, collection_name: string): void =>
  fake.data.changeAliases([{ create_alias: { alias_name, collection_name } }]);
const snapshotsOf = (name: string): string[] => fake.data.snapshots(name).map((one) => one.name);
const restoredWord = (name: string, id: PointId = 1n): unknown =>
  (fake.data.collection(name).points.get(id)?.payload as { word?: unknown } | undefined)?.word;

async function begin(apiKey: string | null = null): Promise<void> {
  fake = await startFakeQdrant({ apiKey });
  fake.data.create('docs_v1', VECTORS);
  lead('docs', 'docs_v1');
  fake.data.put('docs', [point(1, 'old'), point(2, 'old')]);
}

beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), 'shipway-qdrant-'));
  copy = join(project, '.copy');
  mkdirSync(copy);
  await begin();
});
afterEach(async () => {
  await fake.close();
  rmSync(project, { recursive: true, force: true });
});

describe('a capture of Qdrant', () => {
  it('leaves neither a snapshot nor a collection on the server, and counts what a server has restored', async () => {
    const before = [...fake.data.collections.keys()];
    const capture = await open().capture(copy, effect());
    expect(capture).toMatchObject({ engine: 'qdrant 1.15.4', counters: { docs_v1: 2 } });
    expect([...fake.data.collections.keys()]).toEqual(before);
    expect(snapshotsOf('docs_v1')).toEqual([]);
    expect(fake.asked).toContain('POST /collections/docs_v1/snapshots');
    expect(readdirSync(copy).sort()).toEqual(['0.snapshot', 'qdrant.json']);
  });

  it.each(['stores.qdrant.snapshot.made', 'stores.qdrant.snapshot.taken'])(
    'that was killed at %s has its snapshot removed by the next act, and no other one',
    async (gap) => {
      fake.data.snapshot('docs');
      const others = snapshotsOf('docs');
      const act = { name: 'capture', folder: copy };
      const request = { kind: 'qdrant', settings: settingsOf(), projectDirectory: project, act };
      const end = await runGapped(STORE_PROGRAM, request, gap);
      expect(end.signal, end.stderr).toBe('SIGKILL');
      expect(snapshotsOf('docs')).toHaveLength(2);
      rmSync(copy, { recursive: true });
      mkdirSync(copy);
      await open().capture(copy, effect());
      expect(snapshotsOf('docs')).toEqual(others);
    },
    60_000,
  );

  it('that cannot tell its own snapshot from those of others removes none, and names them', async () => {
    const act = { name: 'capture', folder: copy };
    const request = { kind: 'qdrant', settings: settingsOf(), projectDirectory: project, act };
    await runGapped(STORE_PROGRAM, request, 'stores.qdrant.snapshot.made');
    fake.data.snapshot('docs');
    const now = effect();
    await open().capture(copy, now);
    expect(now.lines.join()).toContain('may be left by an attempt that was killed');
    expect(snapshotsOf('docs')).toHaveLength(2);
  }, 60_000);

  it.each([
    ['is cut on the way', (file: Buffer) => file.subarray(0, file.length - 10), /bytes, the server says/],
    ['changes on the way', (file: Buffer) => Buffer.from(file.map((byte) => byte ^ 1)), /another checksum/],
  ])('is refused when the snapshot %s', async (_, damage, message) => {
    const whole = fake.data.snapshotFile.bind(fake.data);
    fake.data.snapshotFile = (name, file) => damage(whole(name, file));
    await expect(open().capture(copy, effect())).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringMatching(message) as string,
    });
    fake.data.snapshotFile = whole;
    expect(readdirSync(copy)).toEqual([]);
    expect(snapshotsOf('docs')).toEqual([]);
  });

  it('is refused when no server can restore its snapshot', async () => {
    fake.data.recover = () => {
      throw new Refusal(500, 'Service internal error: WAL cannot be opened');
    };
    await expect(open().capture(copy, effect())).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringContaining('WAL cannot be opened') as string,
    });
    expect(readdirSync(copy)).toEqual([]);
  });

  it('keeps ids of 64 bits apart that are one number in JavaScript', async () => {
    const big = [9_007_199_254_740_993n, 9_007_199_254_740_992n, 18_446_744_073_709_551_615n];
    for (const id of big) fake.data.put('docs', [point(id, 'x')]);
    for (let n = 10; n < 400; n += 1) fake.data.put('docs', [point(n, 'x')]);
    const first = await open().capture(copy, effect());
    expect(first.counters).toEqual({ docs_v1: 395 });
    fake.data.collection('docs').points.delete(9_007_199_254_740_993n);
    fake.data.put('docs', [point(9_007_199_254_740_994n, 'x')]);
    expect((await open().capture(copy, effect())).fingerprint).not.toBe(first.fingerprint);
    expect(
      parseExactly('{"a":"1234567890123456789","b":1234567890123456789,"c":1.5,"d":"x\\"9999999999999999"}'),
    ).toEqual({
      a: '1234567890123456789',
      b: '1234567890123456789',
      c: 1.5,
      d: 'x"9999999999999999',
    });
  });

  it.each<[string, (data: FakeQdrant['data']) => void]>([
    ['a vector', (data) => data.put('docs', [{ id: 1, payload: { word: 'old' }, vector: [9, 9] }])],
    ['the payload', (data) => data.put('docs', [{ id: 1, payload: { word: 'oldest' }, vector: [1, 3] }])],
    ['an alias', () => lead('more', 'docs_v1')],
    ['a parameter', (data) => void Object.assign(data.collection('docs').config.params, { on_disk_payload: true })],
  ])('has another fingerprint when %s is another', async (_, change) => {
    const { fingerprint } = await open().capture(copy, effect());
    change(fake.data);
    expect((await open().capture(copy, effect())).fingerprint).not.toBe(fingerprint);
  });

  it('takes the named collections alone, by name or alias', async () => {
    fake.data.create('other', VECTORS);
    const capture = await open({ collections: ['docs'] }).capture(copy, effect());
    expect(capture.counters).toEqual({ docs_v1: 2 });
    await expect(open({ collections: ['none'] }).probe(effect())).rejects.toThrow('there is no collection none');
  });

  it('restores to the scratch server when there is one, and never to the live one', async () => {
    const scratch = await startFakeQdrant();
    await open({ scratch: { url: scratch.url } }).capture(copy, effect());
    expect(fake.asked.filter((asked) => asked.includes('upload'))).toEqual([]);
    expect(scratch.asked.filter((asked) => asked.includes('upload'))).toHaveLength(1);
    expect([...scratch.data.collections.keys()]).toEqual([]);
    await scratch.close();
  });

  it('is refused with what to do: a collection that is red, one node of several, no right, server down', async () => {
    fake.data.collection('docs').status = 'red';
    await expect(open().probe(effect())).rejects.toThrow('docs_v1 is red');
    fake.data.collection('docs').status = 'green';
    fake.data.cluster = { status: 'enabled', peers: { 1: {}, 2: {} } };
    await expect(open().probe(effect())).rejects.toThrow('one of several nodes');
    fake.data.cluster = { status: 'enabled', peers: { 1: {} } };
    await open().probe(effect());
    fake.before = () => {
      throw new Refusal(403, 'Forbidden');
    };
    await expect(open().probe(effect())).rejects.toMatchObject({ kind: 'not-permitted' });
    await fake.close();
    await expect(open().probe(effect())).rejects.toMatchObject({ kind: 'backup-failed', retry: true });
    await begin();
  });
});

describe('the key of a Qdrant server', () => {
  const withKey = (key: string): ReturnType<typeof createEffect> =>
    createEffect(project, { resolve: (text) => text.replace('$VECTOR_ACCESS', key) });

  it('is taken from its variable, and stands in no message and no file', async () => {
    await fake.close();
    await begin(KEY);
    const settings = { 'api-key': '$VECTOR_ACCESS' };
    await open(settings).capture(copy, withKey(KEY));
    for (const name of ['qdrant.json', '0.snapshot']) expect(readFileSync(join(copy, name), 'utf8')).not.toContain(KEY);
    const refused = open(settings).capture(copy, withKey(`${KEY}-wrong`));
    await expect(refused).rejects.toMatchObject({
      kind: 'not-permitted',
      message: expect.stringContaining('Invalid API key') as string,
    });
    await expect(refused).rejects.not.toThrow(KEY);
    await expect(open().probe(effect())).rejects.toThrow('Must provide an API key');
  });

  it.each(['plain-text-key', 'x$KEY', '$KEY-suffix'])(
    'is refused when it is written into the release file: %s',
    (key) => {
      expect(() => qdrantSettings.parse({ url: fake.url, 'api-key': key })).toThrow('is not the name of a variable');
    },
  );
});

describe('a restore of Qdrant', () => {
  it('switches all aliases of all collections in one request, those made since too, and back', async () => {
    fake.data.create('images_v1', VECTORS);
    lead('images', 'images_v1');
    fake.data.put('images', [point(1, 'old')]);
    const capture = await open().capture(copy, effect());
    fake.data.put('docs', [point(1, 'new')]);
    lead('search', 'docs_v1');
    const staged = await open().stage(copy, capture, 'bk', effect());
    fake.asked.length = 0;
    const record = await open().swap(staged, effect());
    expect(fake.asked.filter((asked) => asked === 'POST /collections/aliases')).toHaveLength(1);
    expect(['docs', 'search', 'images'].map((alias) => restoredWord(alias))).toEqual(['old', 'old', 'old']);
    await open().swapBack(record, effect());
    expect(Object.fromEntries(fake.data.aliases)).toEqual({ docs: 'docs_v1', search: 'docs_v1', images: 'images_v1' });
  });

  it('keeps the collection that was built since until it is discarded', async () => {
    const capture = await open().capture(copy, effect());
    fake.data.create('docs_v2', VECTORS);
    fake.data.put('docs_v2', [point(1, 'new')]);
    fake.data.changeAliases([
      { delete_alias: { alias_name: 'docs' } },
      { create_alias: { alias_name: 'docs', collection_name: 'docs_v2' } },
    ]);
    const record = await open().swap(await open().stage(copy, capture, 'bk', effect()), effect());
    expect(restoredWord('docs')).toBe('old');
    expect(restoredWord('docs_v2')).toBe('new');
    await open().discard(record, effect());
    expect(fake.data.collections.has('docs_v2')).toBe(false);
    expect(restoredWord('docs')).toBe('old');
  });

  it('keeps a replaced collection that somebody has given an alias meanwhile', async () => {
    const capture = await open().capture(copy, effect());
    const record = await open().swap(await open().stage(copy, capture, 'bk', effect()), effect());
    lead('archive', 'docs_v1');
    const now = effect();
    await open().discard(record, now);
    expect(fake.data.collections.has('docs_v1')).toBe(true);
    expect(now.lines).toEqual(['the collection docs_v1 is kept: an alias leads to it']);
  });

  it('is refused before anything is made for a collection that is used by its own name', async () => {
    fake.data.create('plain', VECTORS);
    const capture = await open().capture(copy, effect());
    const before = [...fake.data.collections.keys()];
    await expect(open().stage(copy, capture, 'bk', effect())).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining('plain is used by its own name') as string,
      next: expect.stringContaining('Give it an alias') as string,
    });
    expect([...fake.data.collections.keys()]).toEqual(before);
    fake.data.remove('plain');
    await open().swap(await open().stage(copy, capture, 'bk', effect()), effect());
    expect(fake.data.collection('plain').points.size).toBe(0);
  });

  it('asks the server to compare the checksum, and takes what it refuses for not restored', async () => {
    const capture = await open().capture(copy, effect());
    const recover = fake.data.recover.bind(fake.data);
    const checksums: (string | null)[] = [];
    fake.data.recover = (name, archive, checksum) => {
      checksums.push(checksum);
      recover(name, archive.subarray(1), checksum);
    };
    await expect(open().stage(copy, capture, 'bk', effect())).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining('checksum mismatch') as string,
    });
    await expect(open().prove(copy, capture, join(project, 'scratch'), effect())).rejects.toMatchObject({
      kind: 'backup-invalid',
    });
    expect(checksums.every((one) => /^[0-9a-f]{64}$/.test(one ?? ''))).toBe(true);
    expect([...fake.data.collections.keys()]).toEqual(['docs_v1']);
  });

  it('is not staged when the server restores something else and calls it done', async () => {
    const capture = await open().capture(copy, effect());
    const recover = fake.data.recover.bind(fake.data);
    fake.data.recover = (name, archive, checksum) => {
      recover(name, archive, checksum);
      fake.data.collection(name).points.delete(2n);
    };
    await expect(open().stage(copy, capture, 'bk', effect())).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining('1 points were restored, 2 were captured') as string,
    });
    expect([...fake.data.collections.keys()]).toEqual(['docs_v1']);
  });

  it('says what it would throw away by collection', async () => {
    const capture = await open().capture(copy, effect());
    fake.data.put('docs', [point(7, 'new')]);
    fake.data.create('since', VECTORS);
    expect(await open().changesSince(capture, effect())).toEqual({
      points: { docs_v1: { captured: 2, now: 3 }, since: { captured: null, now: 0 } },
      contentDiffers: null,
    });
  });
});

describe('maintenance of Qdrant', () => {
  it('counts the points, and finds a collection in which an operation failed', async () => {
    const run = (act: 'count' | 'check') => open().maintenance?.run({ act, query: null }, effect());
    expect(await run('count')).toEqual({ findings: [], figures: { rows: { docs_v1: 2 } } });
    expect(await run('check')).toEqual({ findings: [], figures: { rows: { docs_v1: 2 } } });
    fake.data.collection('docs').status = 'red';
    expect((await run('check'))?.findings).toEqual(['docs_v1 is red: an operation of the server failed in it']);
  });
});
