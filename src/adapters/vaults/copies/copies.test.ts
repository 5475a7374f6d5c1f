import {
  cpSync,
  existsSync,
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
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { vaultKeys } from '../../../../test/support/vault-keys.ts';
import { sealedFiles } from '../../../core/backup/manifest.ts';
import { openDirectoryPlace } from '../../places/directory/directory-place.ts';
import type { Place } from '../../places/place.ts';
import { storeKinds } from '../../stores/index.ts';
import {
  copyBackup,
  createBackup,
  fetchBackup,
  listCopied,
  markCopied,
  newBackupId,
  newIdentity,
  openVault,
  removeCopied,
  type CopyResult,
  type Sealed,
  type Vault,
} from '../index.ts';

const OF = { service: 'notes', environment: 'production' };
const LIMIT_MS = 240_000; // every file is synced, and the disk may be busy with something else
const PROGRAM = 'test/fixtures/processes/copy-act.ts';
let second = 0;
const newId = (): string => newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000);

describe('a copied backup', { timeout: LIMIT_MS }, () => {
  let ana: { recipient: string; identity: string };
  beforeAll(async () => {
    ana = await newIdentity();
  });
  let project: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-copies-'));
    mkdirSync(join(project, 'data'));
    mkdirSync(join(project, 'place'));
    writeFileSync(join(project, 'data/file'), 'old');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const at = (...names: string[]): string => join(project, ...names);
  const vaultOf = (
    folder = 'backups',
    change: { recipients?: string[]; signers?: string[]; keys?: string } = {},
  ): Vault =>
    openVault(at(folder), vaultKeys(at(change.keys ?? '.shipway/keys'), { recipients: [ana.recipient], ...change }));
  const placeOf = (change: Partial<Place> = {}): Place => ({
    ...openDirectoryPlace(at('place'), createEffect(project)),
    ...change,
  });
  const take = (vault = vaultOf()): Promise<Sealed> =>
    createBackup({
      id: newId(),
      reason: 'manual',
      ...OF,
      release: null,
      version: '1.0.0',
      tool: 'shipway 0.1.0',
      stores: [
        {
          name: 'uploads',
          kind: 'files',
          store: storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project }),
        },
      ],
      vault,
      effect: createEffect(project),
    });
  const copy = (
    sealed: Sealed,
    change: { place?: Place; unencrypted?: boolean; vault?: Vault } = {},
  ): Promise<CopyResult> =>
    copyBackup({
      sealed,
      vault: vaultOf(),
      place: placeOf(),
      unencrypted: false,
      effect: createEffect(project),
      ...change,
    });
  const fetch = (id: string, vault: Vault, recordedSha256: string | null = null): Promise<Sealed> =>
    fetchBackup({ place: placeOf(), vault, id, recordedSha256, effect: createEffect(project) });
  const states = async (): Promise<string[]> =>
    (await listCopied({ place: placeOf(), vault: vaultOf() }, OF)).map(({ state, reason }) => reason ?? state);
  const filesOf = ({ manifest }: Sealed): number => sealedFiles(manifest).length;
  /** Where the data of its files lies. */
  const objectOf = ({ manifest }: Sealed): string => manifest.stores[0]?.objects?.[0]?.path ?? '';
  const flip = (path: string): void => {
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes[7] ?? 0) ^ 1, 7);
    writeFileSync(path, bytes);
  };

  test('is the sealed folder, byte for byte', async () => {
    const sealed = await take();
    expect(await copy(sealed)).toMatchObject({
      sentFiles: filesOf(sealed),
      keptFiles: 0,
      sentBytes: expect.any(Number),
    });
    const { id } = sealed.manifest;
    const names = (folder: string): string[] => (readdirSync(at(folder, id), { recursive: true }) as string[]).sort();
    expect(names('place')).toEqual(names('backups'));
    for (const name of names('place')) {
      if (statSync(at('place', id, name)).isDirectory()) continue;
      expect(readFileSync(at('place', id, name)).equals(readFileSync(at('backups', id, name)))).toBe(true);
    }
    expect(await states()).toEqual(['whole']);
  });

  test('is not sent again, and mended where a file of it is gone', async () => {
    const sealed = await take();
    const { sentBytes } = await copy(sealed);
    expect(await copy(sealed)).toEqual({
      sentFiles: 0,
      sentBytes: 0,
      keptFiles: filesOf(sealed),
      keptBytes: sentBytes,
    });
    rmSync(at('place', sealed.manifest.id, objectOf(sealed)));
    expect(await copy(sealed)).toMatchObject({ sentFiles: 1, keptFiles: filesOf(sealed) - 1 });
  });

  test('never sends twice what lies in the place under another backup, and lives on without that one', async () => {
    const open = vaultOf('backups', { recipients: [] });
    const [first, again] = [await take(open), await take(open)];
    const options = { vault: open, unencrypted: true };
    await copy(first, options);
    const sent: string[] = [];
    const place = placeOf();
    const spy = placeOf({
      send: async (path, sending) => {
        sent.push(path.split('/').slice(1).join('/'));
        return place.send(path, sending);
      },
    });
    const stored = (sealed: Sealed) => sealed.manifest.stores[0]?.parts.map((part) => part.stored?.sha256);
    expect(stored(again)).toEqual(stored(first));
    expect(await copy(again, { ...options, place: spy })).toMatchObject({ sentFiles: 0, keptFiles: filesOf(again) });
    expect(sent).toEqual(['manifest.json.sha256', 'manifest.sig', 'manifest.json']);
    const node = (one: Sealed): number => statSync(at('place', one.manifest.id, objectOf(one))).ino;
    expect(node(again)).toBe(node(first));
    await markCopied({ place, vault: open }, tombstoneOf(first));
    await removeCopied({ place, vault: open }, first.manifest.id);
    expect(existsSync(at('place', first.manifest.id))).toBe(false);
    await expect(fetch(again.manifest.id, vaultOf('empty'))).resolves.toMatchObject({
      manifest: { id: again.manifest.id },
    });
  });

  test('is sent whole where the place gives no second names', async () => {
    const open = vaultOf('backups', { recipients: [] });
    const options = { vault: open, unencrypted: true, place: placeOf({ link: async () => false }) };
    await copy(await take(open), options);
    const again = await take(open);
    expect(await copy(again, options)).toMatchObject({ sentFiles: filesOf(again), keptFiles: 0 });
  });

  test('does not leave the machine when nobody encrypted it, unless the place says that it may', async () => {
    const open = vaultOf('backups', { recipients: [] });
    const sealed = await take(open);
    await expect(copy(sealed, { vault: open })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('is not encrypted'),
    });
    expect(readdirSync(at('place'))).toEqual([]);
    await copy(sealed, { vault: open, unencrypted: true });
    expect(await states()).toEqual(['whole']);
  });

  test('whose part comes back as another one is sent again, and given up after three times, unlisted', async () => {
    const sealed = await take();
    let bad = 2;
    const honest = placeOf();
    const place = placeOf({
      send: async (path, sending) => {
        await honest.send(path, sending);
        if (path.includes('/objects/') && bad-- > 0) flip(at('place', path));
      },
    });
    await copy(sealed, { place });
    expect(await states()).toEqual(['whole']);
    writeFileSync(at('data/later'), 'what no backup holds yet');
    const next = await take();
    bad = 99;
    await expect(copy(next, { place })).rejects.toMatchObject({ kind: 'backup-failed' });
    expect(await states()).toEqual(['whole', 'half']);
  });

  test('is not begun when the one here is damaged, and never sent as something else', async () => {
    const sealed = await take();
    truncateSync(at('backups', sealed.manifest.id, objectOf(sealed)), 3);
    await expect(copy(sealed)).rejects.toMatchObject({ kind: 'backup-invalid' });
    expect(readdirSync(at('place'))).toEqual([]);
    const other = await take();
    flip(at('backups', other.manifest.id, objectOf(other)));
    await expect(copy(other)).rejects.toMatchObject({ kind: 'backup-invalid' });
    expect(await states()).toEqual(['half']);
  });

  test('does not replace another backup that lies there under its id', async () => {
    const sealed = await take();
    await copy(sealed);
    const { id } = sealed.manifest;
    for (const name of readdirSync(at('backups', id))) if (name.startsWith('manifest')) flipText(at('place', id, name));
    await expect(copy(sealed)).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  test.each([
    'copies.sent',
    'copies.file',
    'copies.before-manifest.json.sha256',
    'copies.before-manifest.sig',
    'copies.before-manifest.json',
  ])(
    'that was killed at %s is not listed, and finished by the next try without sending anything twice',
    async (gap) => {
      const sealed = await take();
      const ended = await runGapped(PROGRAM, { project, id: sealed.manifest.id, recipients: [ana.recipient] }, gap);
      expect(ended.signal).toBe('SIGKILL');
      expect(await states()).toEqual(['half']);
      await expect(fetch(sealed.manifest.id, vaultOf('empty'))).rejects.toMatchObject({ kind: 'not-found' });
      const { sentFiles, keptFiles } = await copy(sealed);
      const all = filesOf(sealed);
      expect([sentFiles + keptFiles, keptFiles]).toEqual([all, gap.startsWith('copies.before') ? all : 1]);
      expect(await states()).toEqual(['whole']);
    },
  );

  test('is finished without the leftovers of a killed run', async () => {
    const sealed = await take();
    mkdirSync(at('place', sealed.manifest.id, 'uploads'), { recursive: true });
    writeFileSync(at('place', sealed.manifest.id, 'uploads/.abcdefghij.new'), 'half');
    await copy(sealed);
    await fetch(sealed.manifest.id, vaultOf('empty'));
    const names = (folder: string): string[] => readdirSync(at(folder, sealed.manifest.id, 'uploads')).sort();
    expect(names('place')).toEqual(names('backups'));
  });

  test('comes back into an empty vault, and into one that pruned it', async () => {
    const sealed = await take();
    const { id } = sealed.manifest;
    await copy(sealed);
    const empty = vaultOf('empty');
    const { manifest, manifestSha256 } = sealed;
    expect(await fetch(id, empty)).toEqual({ manifest, manifestSha256 });
    await empty.verifyParts(sealed);
    expect((await empty.list()).map((entry) => entry.id)).toEqual([id]);
    await empty.trash(id, { at: '2026-11-21T00:00:00.000Z', why: 'test' });
    await empty.empty(id);
    expect(await empty.list()).toEqual([]);
    await fetch(id, empty);
    expect((await empty.list()).map((entry) => entry.id)).toEqual([id]);
    await fetch(id, empty);
    expect(readdirSync(at('empty'))).toEqual([id]);
  });

  test('signed by somebody who is not trusted is refused until the release file names the signer', async () => {
    const sealed = await take();
    await copy(sealed);
    const { id } = sealed.manifest;
    const stranger = vaultOf('empty', { keys: 'other-keys' });
    await expect(fetch(id, stranger)).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: expect.stringContaining('a key that this project does not know'),
    });
    expect(existsSync(at('empty'))).toBe(false);
    const signers = [sealed.manifest.seal?.signer ?? ''];
    await fetch(id, vaultOf('empty', { keys: 'other-keys', signers }));
  });

  test.each([
    'uploads/objects',
    'uploads/objects.jsonl',
    'uploads/index.jsonl',
    'keys.age',
    'manifest.json',
    'manifest.sig',
    'manifest.json.sha256',
  ])('whose %s was changed, cut short or taken away there never enters the vault', async (what) => {
    const sealed = await take();
    const name = what === 'uploads/objects' ? objectOf(sealed) : what;
    const { id } = sealed.manifest;
    await copy(sealed);
    const damages: ((path: string) => void)[] = [
      flip,
      (path) => truncateSync(path, 8),
      (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')])),
      (path) => rmSync(path),
    ];
    for (const damage of damages) {
      damage(at('place', id, name));
      await expect(fetch(id, vaultOf('empty'))).rejects.toThrow();
      expect(existsSync(at('empty')) ? readdirSync(at('empty')) : []).toEqual([]);
      cpSync(at('backups', id, name), at('place', id, name));
    }
    await fetch(id, vaultOf('empty'));
  });

  test('that is not the one that the journal knows is refused', async () => {
    const sealed = await take();
    await copy(sealed);
    await expect(fetch(sealed.manifest.id, vaultOf('empty'), '0'.repeat(64))).rejects.toMatchObject({
      message: expect.stringContaining('not the one that was recorded'),
    });
  });

  test('that was fetched half is cleared by the next try', async () => {
    const sealed = await take();
    await copy(sealed);
    const argument = { project, id: sealed.manifest.id, recipients: [ana.recipient], into: 'empty' };
    for (const gap of ['copies.fetched', 'vaults.filled']) {
      expect((await runGapped(PROGRAM, argument, gap)).signal).toBe('SIGKILL');
      expect(await vaultOf('empty').list()).toEqual([]);
    }
    expect((await runGapped(PROGRAM, argument, 'vaults.admitted')).signal).toBe('SIGKILL');
    await fetch(sealed.manifest.id, vaultOf('empty'));
    await vaultOf('empty').removeDead(createEffect(project));
    expect(readdirSync(at('empty'))).toEqual([sealed.manifest.id]);
  });

  test('is deleted only when it was marked; killed in the middle it is half, and deleted by the next try', async () => {
    const sealed = await take();
    const { id } = sealed.manifest;
    await copy(sealed);
    const second_ = { place: placeOf(), vault: vaultOf() };
    await expect(removeCopied(second_, id)).rejects.toMatchObject({ kind: 'refused' });
    await markCopied(second_, tombstoneOf(sealed));
    expect(await states()).toEqual(['pruned']);
    const argument = { project, id, recipients: [ana.recipient], remove: true };
    expect((await runGapped(PROGRAM, argument, 'copies.removing')).signal).toBe('SIGKILL');
    expect(await states()).toEqual(['half']);
    await removeCopied(second_, id);
    await removeCopied(second_, id);
    expect(readdirSync(at('place'))).toEqual([`${id}.pruned`]);
  });

  test('that is copied again is no longer one to be deleted', async () => {
    const sealed = await take();
    await copy(sealed);
    await markCopied({ place: placeOf(), vault: vaultOf() }, tombstoneOf(sealed));
    expect(await copy(sealed)).toMatchObject({ sentFiles: 0 });
    expect(await states()).toEqual(['whole']);
  });
});

function tombstoneOf({ manifest, manifestSha256 }: Sealed) {
  const { id, service, environment, previous } = manifest;
  const [createdAt, prunedAt] = [manifest.createdAt.end, '2026-11-21T00:00:00.000Z'];
  return {
    format: 1 as const,
    id,
    service,
    environment,
    createdAt,
    manifest: manifestSha256,
    previous,
    prunedAt,
    why: 'x',
  };
}

function flipText(path: string): void {
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/[0-9]/, (digit) => String((Number(digit) + 1) % 10)),
  );
}
