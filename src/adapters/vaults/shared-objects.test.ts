import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { objectsOf, sharedBytesOf, storedBytesOf, type Manifest } from '../../core/backup/manifest.ts';
import { realClock } from '../../platform/clock.ts';
import { storeKinds } from '../stores/index.ts';
import {
  createBackup,
  extractBackup,
  newBackupId,
  newIdentity,
  openVault,
  proveBackup,
  verifyBackup,
  type RestoreOrder,
  type Sealed,
  type Vault,
} from './index.ts';

const OF = { service: 'notes', environment: 'production' };
const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const LIMIT_MS = 240_000; // every file is synced, and the disk may be busy with something else
let second = 0;

describe('backups of files that share objects', { timeout: LIMIT_MS }, () => {
  let ana: { recipient: string; identity: string };
  beforeAll(async () => void (ana = await newIdentity()));
  let project: string;
  /** How far the clock is ahead of the real one: files that were just written are old enough to be trusted. */
  let aheadMs: number;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-objects-'));
    aheadMs = 60_000;
    mkdirSync(join(project, 'data/sub'), { recursive: true });
    for (let number = 0; number < 20; number += 1) write(`sub/${number}.txt`, `small ${number} `.repeat(500));
    write('film', randomBytes(9 * MIB));
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const live = (name: string): string => join(project, 'data', name);
  const write = (name: string, content: string | Buffer): void => writeFileSync(live(name), content);
  const place = (...names: string[]): string => join(project, 'backups', ...names);
  /** As another process sees it: nothing is in memory. */
  const vault = (change: { recipients?: string[]; folder?: string; fullSeconds?: number } = {}): Vault => {
    const { folder = join(project, '.shipway/keys'), recipients = [ana.recipient], fullSeconds } = change;
    const keys = vaultKeys(folder, { recipients, identity: ana.identity });
    return openVault(place(), keys, fullSeconds === undefined ? {} : { fullSeconds });
  };
  const stores = () => {
    const store = storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project });
    return [{ name: 'uploads', kind: 'files', store }];
  };
  const effect = (): ReturnType<typeof createEffect> =>
    createEffect(project, { clock: { ...realClock, nowMs: () => Date.now() + aheadMs } });
  const create = async (change: { vault?: Vault } = {}): Promise<Sealed & { lines: string[] }> => {
    const noted = effect();
    const sealed = await createBackup({
      id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000),
      reason: 'manual',
      ...OF,
      release: null,
      version: null,
      tool: 'shipway 0.1.0',
      stores: stores(),
      vault: vault(),
      effect: noted,
      ...change,
    });
    return { ...sealed, lines: noted.lines };
  };
  const order = (id: string): RestoreOrder => ({ id, ...OF, stores: stores(), vault: vault(), effect: effect() });
  const restored = async (id: string): Promise<string> => {
    const into = mkdtempSync(join(project, 'into-'));
    await extractBackup({ ...order(id), into });
    return digestOf(join(into, 'uploads/data'));
  };
  const originsOf = ({ manifest }: Sealed): (string | undefined)[] =>
    manifest.stores.flatMap(objectsOf).map(({ stored }) => stored.from);

  it('write what has changed, and each is restored as it was', async () => {
    const first = await create();
    const before = digestOf(live(''));
    expect(new Set(originsOf(first))).toEqual(new Set([undefined]));
    write('sub/3.txt', 'another text');
    const next = await create();
    expect(sharedBytesOf(next.manifest.stores)).toBeGreaterThan(9 * MIB);
    expect(ownBytes(next.manifest)).toBeLessThan(20_000);
    expect(next.manifest.format).toBe(5);
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
    expect(await restored(first.manifest.id)).toBe(before);
    for (const one of [first, next]) await verifyBackup(order(one.manifest.id));
  });

  it('name the backup that wrote an object, however many have held it since', async () => {
    const first = await create();
    await create();
    expect(new Set(originsOf(await create()))).toEqual(new Set([first.manifest.id]));
  });

  it('share the blocks of a large file that has grown, and those of one that was moved', async () => {
    await create();
    appendFileSync(live('film'), 'the end');
    expect(ownBytes((await create()).manifest)).toBeLessThan(20_000);
    renameSync(live('film'), live('sub/film'));
    const moved = await create();
    expect(ownBytes(moved.manifest)).toBeLessThan(20_000);
    expect(await restored(moved.manifest.id)).toBe(digestOf(live('')));
  });

  it('notice a change that keeps size and time of a file', async () => {
    const { atime, mtime } = statSync(live('film'));
    await create();
    const content = readFileSync(live('film'));
    content.writeUInt8((content[5 * MIB] ?? 0) ^ 1, 5 * MIB);
    write('film', content);
    utimesSync(live('film'), atime, mtime);
    const next = await create();
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
  });

  it('name a file that changes during every read as torn, leave nothing of it, and take it once it rests', async () => {
    write('film', Buffer.alloc(64 * MIB));
    const timer = setInterval(() => appendFileSync(live('film'), 'y'.repeat(1000)), 0);
    try {
      await expect(create()).rejects.toThrow('data/film is torn: it changed during each of 4 reads');
    } finally {
      clearInterval(timer);
    }
    expect(readdirSync(place())).toEqual([]);
    const { manifest } = await create();
    expect(await restored(manifest.id)).toBe(digestOf(live('')));
  });

  it('do not trust a file that was changed as shortly before the backup as a clock may tick', async () => {
    aheadMs = 0;
    write('sub/1.txt', 'one of two');
    await create();
    // As if the change that follows had happened within the same tick: what was remembered is made to fit it.
    write('sub/1.txt', 'two of two');
    forgeRemembered(join(project, '.shipway/keys'), live('sub/1.txt'), 'data/sub/1.txt');
    const next = await create();
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
  });

  it('stay whole when the one that wrote their objects is deleted', async () => {
    const first = await create();
    const next = await create();
    await vault().trash(first.manifest.id, { at: '2026-11-21T12:00:00.000Z', why: 'test' });
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
    await vault().empty(first.manifest.id);
    expect(readdirSync(place()).filter((name) => !name.endsWith('.pruned'))).toEqual([next.manifest.id]);
    await verifyBackup(order(next.manifest.id));
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
    const third = await create();
    expect(new Set(originsOf(third))).toEqual(new Set([first.manifest.id]));
  });

  it('can be opened with the kept key of the backup alone, as a release that goes back has to', async () => {
    await create();
    const next = await create();
    const keys = vaultKeys(join(project, '.shipway/keys'), { recipients: [ana.recipient] });
    const blind = openVault(place(), keys);
    await expect(verifyBackup({ ...order(next.manifest.id), vault: blind })).rejects.toMatchObject({
      kind: 'not-permitted',
    });
    const id = newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 22));
    const facts = { id, ...OF, reason: 'pre-release' as const, release: 'r1', version: null, tool: 't' };
    const own = await createBackup({ ...facts, stores: stores(), vault: blind, effect: effect() });
    expect(sharedBytesOf(own.manifest.stores)).toBeGreaterThan(9 * MIB);
    const other = vaultKeys(join(project, '.shipway/keys'), { recipients: [ana.recipient] });
    await verifyBackup({ ...order(id), vault: openVault(place(), other) });
  });

  it('keep the keys of no object that the newest backup has not', async () => {
    await create();
    write('film', randomBytes(2 * MIB));
    const next = await create();
    const names = next.manifest.stores.flatMap(objectsOf).map(({ path }) => path.split('/').at(-1));
    const [file = ''] = readdirSync(join(project, '.shipway/keys')).filter((name) => name.endsWith('.objects'));
    const path = join(project, '.shipway/keys', file);
    const { keys } = JSON.parse(readFileSync(path, 'utf8').split('\n')[0] ?? '') as { keys: Record<string, string> };
    expect(new Set(Object.keys(keys))).toEqual(new Set(names));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['the recipients are others', async () => ({ recipients: [ana.recipient, (await newIdentity()).recipient] })],
    ['nothing is encrypted any more', async () => ({ recipients: [] })],
    ['the last full backup is too long ago', async () => ({ fullSeconds: 1 })],
  ])('write everything anew when %s', async (_when, change) => {
    await create();
    aheadMs += 5000;
    const next = await create({ vault: vault(await change()) });
    expect(sharedBytesOf(next.manifest.stores)).toBe(0);
  });

  it('write everything anew every seven days, and when the clock was set back or the note is lost', async () => {
    await create();
    aheadMs += 6.9 * DAY_MS;
    expect(sharedBytesOf((await create()).manifest.stores)).toBeGreaterThan(0);
    aheadMs += 0.2 * DAY_MS;
    expect(sharedBytesOf((await create()).manifest.stores)).toBe(0);
    aheadMs -= DAY_MS;
    expect(sharedBytesOf((await create()).manifest.stores)).toBe(0);
    for (const name of readdirSync(join(project, '.shipway/keys')))
      if (name.endsWith('.objects')) truncateSync(join(project, '.shipway/keys', name), 100);
    expect(sharedBytesOf((await create()).manifest.stores)).toBe(0);
  });

  it('write a missing or cut object anew, and say whose it was', async () => {
    const first = await create();
    const [cut = '', gone = ''] = pathsOf(first);
    truncateSync(place(first.manifest.id, cut), 7);
    rmSync(place(first.manifest.id, gone));
    const next = await create();
    const said = `object ${cut} is damaged in ${first.manifest.id}: its data is written anew; verify these backups`;
    expect(next.lines).toContain(said);
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
  });

  it('look at every object within seven backups, and write a damaged one anew', async () => {
    const first = await create();
    const [path = ''] = pathsOf(first);
    flip(place(first.manifest.id, path));
    const said: string[] = [];
    for (let count = 0; count < 7; count += 1)
      said.push(...(await create()).lines.filter((line) => line.startsWith('object')));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      new RegExp(`^object ${path} is damaged in ${first.manifest.id}.*: its data is written anew`),
    );
    const last = await create();
    await verifyBackup(order(last.manifest.id));
  });

  it('name all that share a damaged object', async () => {
    const [first, next] = [await create(), await create()];
    const [path = ''] = pathsOf(first);
    flip(place(first.manifest.id, path));
    await expect(verifyBackup(order(next.manifest.id))).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: expect.stringMatching(
        new RegExp(`^part ${path} has changed.*; it is shared with ${first.manifest.id}$`),
      ) as string,
    });
  });

  it('refuse an object of another backup in the place of one', async () => {
    const first = await create();
    write('film', randomBytes(9 * MIB));
    const next = await create();
    const [mine = ''] = pathsOf(next).filter((path) => !pathsOf(first).includes(path));
    rmSync(place(next.manifest.id, mine));
    cpSync(place(first.manifest.id, pathsOf(first)[0] ?? ''), place(next.manifest.id, mine));
    await expect(verifyBackup(order(next.manifest.id))).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  it('take over nothing of a pack of which less than half is in use', async () => {
    const first = await create();
    const small = readdirSync(live('sub')).reduce((bytes, name) => bytes + statSync(live(`sub/${name}`)).size, 0);
    for (let number = 0; number < 12; number += 1) rmSync(live(`sub/${number}.txt`));
    const next = await create();
    const packs = first.manifest.stores.flatMap(objectsOf).filter(({ bytes }) => bytes === small);
    expect(packs).toHaveLength(1);
    for (const { path } of packs) expect(pathsOf(next)).not.toContain(path);
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
  });

  it('copy an object once more where the disk cannot link it', async (context) => {
    const first = await create();
    const [path = ''] = pathsOf(first);
    const original = place(first.manifest.id, path);
    if (!hasAllNames(original, project))
      return context.skip('this file system gives a file more names than this test makes');
    const next = await create();
    expect(next.lines.join('\n')).toContain('backups cannot share objects here (EMLINK): they are written anew');
    expect(originsOf(next)).toContain(undefined);
    expect(await restored(next.manifest.id)).toBe(digestOf(live('')));
  });

  it('keep rights, links, empty files and empty folders, and are proven by a restore', async () => {
    write('nothing', '');
    mkdirSync(live('empty'));
    chmodSync(live('empty'), 0o500);
    chmodSync(live('sub/1.txt'), 0o640);
    symlinkSync('film', live('link'));
    utimesSync(live('sub/2.txt'), 1_000_000_000.123, 1_000_000_000.123);
    await create();
    const { manifest } = await create();
    expect(await restored(manifest.id)).toBe(digestOf(live('')));
    const into = mkdtempSync(join(project, 'into-'));
    await extractBackup({ ...order(manifest.id), into });
    expect(statSync(join(into, 'uploads/data/sub/2.txt')).mtimeMs).toBeCloseTo(1_000_000_000_123, -1);
    const proven = await proveBackup({ ...order(manifest.id), level: 3, scratch: join(project, 'scratch') });
    expect(proven.proofs.map(({ outcome, fault }) => ({ outcome, fault }))).toEqual([{ outcome: 'pass', fault: null }]);
  });

  it('killed at any gap are never listed half, and neither they nor those before them are damaged', async () => {
    const argument = { project, place: place(), recipients: [ana.recipient] };
    const id = (): string =>
      newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 23) + (second += 1) * 1000);
    const program = 'test/fixtures/processes/files-act.ts';
    const first = id();
    await runGapped(program, { ...argument, id: first }, null);
    const { passed } = await runGapped(program, { ...argument, id: id() }, null);
    expect(passed).toEqual(expect.arrayContaining(['vaults.object-linked', 'stores.files.copied', 'vaults.sealed']));
    for (const killAt of ['vaults.object-written', ...new Set(passed)]) {
      write('sub/0.txt', `before ${killAt}`);
      const killed = id();
      const end = await runGapped(program, { ...argument, id: killed }, killAt);
      expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
      const listed = (await vault().list()).map((entry) => entry.id);
      expect(listed.includes(killed), killAt).toBe(killAt === 'vaults.sealed');
      const next = await create();
      expect(readdirSync(place()).filter((name) => name.includes('.partial'))).toEqual([]);
      expect(sharedBytesOf(next.manifest.stores), killAt).toBeGreaterThan(9 * MIB);
      for (const one of [first, next.manifest.id]) await verifyBackup(order(one));
    }
  });
});

/** Whether the file has as many names as the file system allows now: ext4 allows 65,000. */
function hasAllNames(path: string, folder: string): boolean {
  for (let count = 1; count <= 66_000; count += 1) {
    try {
      linkSync(path, join(folder, `link-${count}`));
    } catch (error) {
      expect(error).toMatchObject({ code: 'EMLINK' });
      return true;
    }
  }
  return false;
}

function ownBytes(manifest: Manifest): number {
  return storedBytesOf(manifest) - sharedBytesOf(manifest.stores);
}

function pathsOf({ manifest }: Sealed): string[] {
  return manifest.stores.flatMap(objectsOf).map(({ path }) => path);
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8((bytes[9] ?? 0) ^ 1, 9);
  writeFileSync(path, bytes);
}

/** Names, rights and content of everything in a folder. */
function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const path = join(folder, name);
    const stats = statSync(path);
    const content = stats.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
    hash.update(`${name} ${stats.mode} ${content}\n`);
  }
  return hash.digest('hex');
}

/** Writes what the file is now into the note of the newest backup, but for what it holds. */
function forgeRemembered(folder: string, path: string, name: string): void {
  const [file = ''] = readdirSync(folder).filter((one) => one.endsWith('.objects'));
  const { mtimeNs, ctimeNs, dev, ino } = statSync(path, { bigint: true });
  const now = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs), identity: `${dev}:${ino}` };
  const lines = readFileSync(join(folder, file), 'utf8').split('\n');
  const forged = lines.map((line) =>
    line.startsWith(`{"path":"${name}"`) ? JSON.stringify({ ...JSON.parse(line), ...now }) : line,
  );
  expect(forged).not.toEqual(lines);
  writeFileSync(join(folder, file), forged.join('\n'));
}
