import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { readSqlite } from '../../../test/support/read-sqlite.ts';
import { restoreInPlace } from '../../../test/support/restore-in-place.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { manifestBytes } from '../../core/backup/manifest.ts';
import { storeKinds } from '../stores/index.ts';
import {
  createBackup,
  describeLoss,
  extractBackup,
  newBackupId,
  openVault,
  recordsOf,
  stageRestore,
  swapRestore,
  verifyBackup,
} from './index.ts';
import type { KeyRing, NamedOpenStore, RestoreOrder, Sealed } from './index.ts';

const OF = { service: 'notes', environment: 'production' };
let second = 0;
const newId = (): string =>
  newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000);

describe('a backup', () => {
  let project: string;
  let place: string;
  let stores: NamedOpenStore[];
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-backup-'));
    place = join(project, 'backups');
    write('old');
    const scope = { projectDirectory: project };
    stores = [
      { name: 'database', kind: 'sqlite', store: storeKinds.sqlite.open({ path: 'app.db' }, scope) },
      { name: 'uploads', kind: 'files', store: storeKinds.files.open({ paths: ['uploads'], exclude: [] }, scope) },
    ];
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const write = (word: string): void => {
    const database = new Database(join(project, 'app.db'));
    database.exec(`CREATE TABLE IF NOT EXISTS t(word); DELETE FROM t; INSERT INTO t VALUES ('${word}'), ('${word}')`);
    database.close();
    mkdirSync(join(project, 'uploads'), { recursive: true });
    writeFileSync(join(project, 'uploads/file'), word);
  };
  const read = (): string => {
    const [rows] = readSqlite(join(project, 'app.db'), 'SELECT word FROM t');
    return `${String(rows?.[0]?.[0])} ${readFileSync(join(project, 'uploads/file'), 'utf8')}`;
  };
  const keys = (): KeyRing => vaultKeys(join(project, '.shipway/keys'));
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);
  const create = (id = newId(), change: object = {}): Promise<Sealed> =>
    createBackup({
      id,
      reason: 'pre-release',
      ...OF,
      release: 'r1',
      version: '1.0.0',
      tool: 'shipway 0.1.0',
      stores,
      vault: openVault(place, keys()),
      effect: effect(),
      ...change,
    });
  const order = (id: string, change: Partial<RestoreOrder> = {}): RestoreOrder => ({
    id,
    ...OF,
    stores,
    vault: openVault(place, keys()),
    effect: effect(),
    ...change,
  });
  const refusal = (text: string | RegExp) => ({
    kind: 'backup-invalid',
    message: expect.stringMatching(text) as string,
  });

  it('is sealed, listed, verified and restored, and the restore undone', async () => {
    const { manifest } = await create();
    expect((await openVault(place, keys()).list()).map((entry) => entry.id)).toEqual([manifest.id]);
    await verifyBackup(order(manifest.id));
    write('new');
    const staged = await stageRestore(order(manifest.id));
    expect(read()).toBe('new new');
    await swapRestore(staged, stores, effect());
    expect(read()).toBe('old old');
    for (const { name, record } of recordsOf(staged, stores, effect())) {
      await stores.find((one) => one.name === name)?.store.swapBack(record, effect());
    }
    expect(read()).toBe('new new');
  });

  it('restores one store alone, or into another folder', async () => {
    const { manifest } = await create();
    write('new');
    await restoreInPlace(order(manifest.id, { storeNames: ['uploads'] }));
    expect(read()).toBe('new old');
    const into = join(project, 'copy');
    await extractBackup({ ...order(manifest.id), into });
    expect(readFileSync(join(into, 'uploads/uploads/file'), 'utf8')).toBe('old');
    await expect(extractBackup({ ...order(manifest.id), into })).rejects.toMatchObject({ kind: 'refused' });
  });

  it('takes the copies of the others away when one cannot be made, and says why, also when it is told to stop', async () => {
    const { manifest } = await create();
    const traces = readdirSync(project);
    const stop = new AbortController();
    const staging: NamedOpenStore[] = stores.map((one) => ({
      ...one,
      store: {
        ...one.store,
        async stage(...given) {
          if (one.name !== 'database') return one.store.stage(...given);
          stop.abort();
          throw new Error('the first error');
        },
        // As one does that asks its server.
        async unstage(staged, by) {
          by.signal.throwIfAborted();
          await one.store.unstage(staged, by);
        },
      },
    }));
    const storeNames = ['uploads', 'database'];
    const change = { storeNames, stores: staging, effect: createEffect(project, { signal: stop.signal }) };
    await expect(stageRestore(order(manifest.id, change))).rejects.toThrow('the first error');
    expect(readdirSync(project)).toEqual(traces);
  });

  it('can be read by nobody else', async () => {
    const { manifest } = await create();
    const all = (readdirSync(place, { recursive: true }) as string[]).map((name) => statSync(join(place, name)));
    expect(all.filter((stats) => (stats.mode & 0o077) !== 0)).toEqual([]);
    expect(statSync(join(place, manifest.id, 'manifest.json')).mode & 0o777).toBe(0o600);
  });

  it('is taken once for an id, however often it is asked for', async () => {
    const first = await create();
    write('new');
    expect(await create(first.manifest.id)).toEqual({ ...first, isNew: false });
  });

  it('names the one before it, and two of the same second do not collide', async () => {
    const ids = [newBackupId({ ...OF, reason: 'manual' }, 0), newBackupId({ ...OF, reason: 'manual' }, 0)];
    const first = await create(ids[0], { reason: 'manual' });
    const next = await create(ids[1], { reason: 'manual' });
    expect(next.manifest.previous).toBe(first.manifestSha256);
    expect(await openVault(place, keys()).list()).toHaveLength(2);
  });

  it('of another service or environment is refused', async () => {
    const { manifest } = await create();
    await expect(stageRestore(order(manifest.id, { environment: 'staging' }))).rejects.toMatchObject({
      kind: 'refused',
      message: 'this backup is of notes in production, not of notes in staging',
    });
    await expect(openVault(place, keys()).show('latest', { ...OF, service: 'other' })).rejects.toMatchObject({
      kind: 'not-found',
    });
  });

  it('says what a restore would throw away', async () => {
    const { manifest } = await create();
    const database = new Database(join(project, 'app.db'));
    database.exec('INSERT INTO t VALUES (1)');
    database.close();
    const loss = await describeLoss(order(manifest.id));
    expect(loss.stores['database']).toMatchObject({ tables: { t: { captured: 2, now: 3 } } });
  });

  it('is refused with its own message for every way in which it can be wrong', async () => {
    const good = await create();
    write('new');
    const other = await create();
    const folder = join(place, good.manifest.id);
    const index = join(folder, 'uploads/index.jsonl');
    const [object = ''] = readdirSync(join(folder, 'uploads/objects')).map((name) => join('uploads/objects', name));
    const keep = join(project, 'keep');
    cpSync(folder, keep, { recursive: true });
    const faults: [string | RegExp, () => void][] = [
      [/uploads\/index\.jsonl has changed/, () => flip(index, 20)],
      [/part uploads\/objects\/\S+ has changed/, () => flip(join(folder, object), 1)],
      [/uploads\/index\.jsonl is truncated: 5 of \d+ bytes/, () => truncateSync(index, 5)],
      [/part uploads\/objects\/\S+ is truncated: 1 of \d+ bytes/, () => truncateSync(join(folder, object), 1)],
      [/uploads\/objects\/\S+ has grown/, () => appendFileSync(join(folder, object), 'x')],
      [/uploads\/objects\/\S+ is missing/, () => rmSync(join(folder, object))],
      [
        `uploads/index.jsonl belongs to ${other.manifest.id}`,
        () => cpSync(join(place, other.manifest.id, 'uploads/index.jsonl'), index),
      ],
      [/file more is not part/, () => writeFileSync(join(folder, 'more'), '')],
      [/manifest was changed after/, () => edit(join(folder, 'manifest.json'))],
      [/manifest is missing/, () => rmSync(join(folder, 'manifest.json'))],
      [/leaves the folder of its store/, () => forge(folder, good)],
      [
        /manifest belongs to/,
        () => {
          rmSync(folder, { recursive: true });
          cpSync(join(place, other.manifest.id), folder, { recursive: true });
        },
      ],
    ];
    for (const [message, damage] of faults) {
      damage();
      await expect(stageRestore(order(good.manifest.id)), String(message)).rejects.toMatchObject(refusal(message));
      expect(read()).toBe('new new');
      rmSync(folder, { recursive: true });
      cpSync(keep, folder, { recursive: true });
    }
    await verifyBackup(order(good.manifest.id));
    const recorded = { manifestSha256: 'f'.repeat(64) };
    await expect(verifyBackup(order(good.manifest.id, recorded))).rejects.toMatchObject(
      refusal(/not the one that was recorded/),
    );
  });

  // 150 looks at all of a backup, each of which waits for the disk.
  it('with any random damage to its folder never passes its check', { timeout: 240_000 }, async () => {
    const { manifest } = await create();
    const folder = join(place, manifest.id);
    const files = (readdirSync(folder, { recursive: true }) as string[])
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile());
    await fc.assert(
      fc.asyncProperty(
        fc.nat(files.length - 1),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 0, max: 255 }),
        async (which, where, mask) => {
          const path = files[which] ?? '';
          const bytes = readFileSync(path);
          const at = Math.floor(where * bytes.length);
          if (mask === 0) truncateSync(path, at);
          else flip(path, at, mask);
          await expect(verifyBackup(order(manifest.id))).rejects.toMatchObject({ name: 'Problem' });
          writeFileSync(path, bytes);
        },
      ),
      { numRuns: 150 },
    );
    await verifyBackup(order(manifest.id));
  });

  it('that was killed at any gap is never listed, and is taken when asked for again', async () => {
    const argument = { project, place, id: newId() };
    const { passed } = await runGapped('test/fixtures/processes/backup-act.ts', argument, null);
    expect(passed).toEqual(
      expect.arrayContaining([
        'vaults.begun',
        'stores.sqlite.copied',
        'stores.files.copied',
        'backups.captured',
        'vaults.synced',
        'vaults.sealed',
      ]),
    );
    for (const killAt of new Set(passed)) {
      const id = newId();
      write(id); // data that no backup holds yet: otherwise its objects were taken over, and not all gaps passed
      const end = await runGapped('test/fixtures/processes/backup-act.ts', { ...argument, id }, killAt);
      expect(end.signal, end.stderr).toBe('SIGKILL');
      const listed = (await openVault(place, keys()).list()).find((entry) => entry.id === id);
      expect(listed !== undefined, killAt).toBe(killAt === 'vaults.sealed');
      const vault = openVault(place, keys());
      expect(await vault.removeDead(effect())).toEqual(killAt === 'vaults.sealed' ? [] : [id]);
      await create(id);
      await verifyBackup(order(id));
    }
    expect(readdirSync(place).filter((name) => name.includes('partial'))).toEqual([]);
  }, 600_000);

  it('that a living process writes is neither swept nor begun by another', async () => {
    const id = newId();
    mkdirSync(join(place, `${id}.partial`), { recursive: true });
    const sleeper = spawn('sleep', ['60']);
    try {
      const { identify } = await import('../../platform/process-table.ts');
      const { hostname } = await import('node:os');
      writeFileSync(
        join(place, `${id}.partial.owner`),
        JSON.stringify({ ...identify(sleeper.pid ?? 0), host: hostname() }),
      );
      expect(await openVault(place, keys()).removeDead(effect())).toEqual([]);
      await expect(create(id)).rejects.toMatchObject({ kind: 'refused' });
    } finally {
      sleeper.kill('SIGKILL');
    }
  });

  it('asked for twice at once is taken once', async () => {
    const id = newId();
    const both = await Promise.allSettled([create(id), create(id)]);
    expect(both.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    await verifyBackup(order(id));
  });

  it('that fails leaves nothing behind', async () => {
    writeFileSync(join(project, 'app.db'), 'garbage '.repeat(1000));
    await expect(create()).rejects.toMatchObject({ kind: 'backup-failed' });
    expect(() => readdirSync(place)).toThrow();
  });

  it.runIf(process.getuid?.() === 0)(
    'on a full disk says the bytes needed and free, and leaves nothing there',
    async () => {
      mkdirSync(place);
      writeFileSync(join(project, 'uploads/big'), Buffer.alloc(3 * 1024 * 1024, 1));
      // Six inodes: room in bytes, so the guess beforehand is content, and the write itself meets the full disk.
      for (const [size, inodes] of [
        ['1m', '100'],
        ['16m', '6'],
      ] as const) {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},nr_inodes=${inodes}`, 'tmpfs', place]);
        try {
          await expect(create()).rejects.toMatchObject({
            kind: 'disk-full',
            message: expect.stringMatching(/about \d+ bytes needed, \d+ free/) as string,
          });
          expect(readdirSync(place)).toEqual([]);
        } finally {
          execFileSync('umount', ['-l', place]); // lazy: the library closes a copy's file only when its statements are collected
        }
      }
    },
  );

  it.runIf(process.getuid?.() === 0)('in a folder on a read-only disk is refused with the folder named', async () => {
    mkdirSync(place);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', place]);
    try {
      await expect(create()).rejects.toMatchObject({
        kind: 'not-permitted',
        message: expect.stringContaining(place) as string,
      });
    } finally {
      execFileSync('umount', ['-l', place]); // lazy: the library closes a copy's file only when its statements are collected
    }
  });
});

function flip(path: string, at: number, mask = 1): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8((bytes[at] ?? 0) ^ mask, at);
  writeFileSync(path, bytes);
}

function edit(path: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace('1.0.0', '9.9.9'));
}

/** Somebody who edits the manifest and its digest: the paths in it still lead nowhere. */
function forge(folder: string, { manifest }: Sealed): void {
  const forged = structuredClone(manifest);
  const part = forged.stores[1]?.parts[0];
  if (part) part.path = 'uploads/../../../../etc/passwd';
  const bytes = manifestBytes(forged);
  writeFileSync(join(folder, 'manifest.json'), bytes);
  writeFileSync(
    join(folder, 'manifest.json.sha256'),
    execFileSync('sha256sum', { input: bytes }).subarray(0, 64).toString() + '\n',
  );
}
