import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { vaultKeys } from '../../../../test/support/vault-keys.ts';
import { sealedFiles } from '../../../core/backup/manifest.ts';
import { openDirectoryPlace } from '../../places/directory/directory-place.ts';
import type { Place } from '../../places/place.ts';
import { storeKinds } from '../../stores/index.ts';
import {
  copyBackup,
  createBackup,
  listCopied,
  newBackupId,
  openVault,
  type CopyResult,
  type Sealed,
  type Vault,
} from '../index.ts';

const OF = { service: 'notes', environment: 'production' };
let second = 0;
let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-copy-'));
  for (const folder of ['data', 'place']) mkdirSync(join(project, folder));
  writeFileSync(join(project, 'data/file'), 'content');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const at = (...names: string[]): string => join(project, ...names);
// Encrypted for nobody: what two backups share is the same file then.
const vaultOf = (): Vault => openVault(at('backups'), vaultKeys(at('.shipway/keys')));
const placeOf = (change: Partial<Place> = {}): Place => ({
  ...openDirectoryPlace(at('place'), createEffect(project)),
  ...change,
});

function take(): Promise<Sealed> {
  const store = storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project });
  return createBackup({
    id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000),
    reason: 'manual',
    ...OF,
    release: null,
    version: '1.0.0',
    tool: 'shipway 0.1.0',
    stores: [{ name: 'uploads', kind: 'files', store }],
    vault: vaultOf(),
    effect: createEffect(project),
  });
}

function copy(sealed: Sealed, change: { place?: Place; vault?: Vault } = {}): Promise<CopyResult> {
  const effect = createEffect(project);
  return copyBackup({ sealed, vault: vaultOf(), place: placeOf(), unencrypted: true, effect, ...change });
}

test('a copy goes on after an interruption without reading back what can be linked again', async () => {
  const [first, again] = [await take(), await take()];
  await copy(first);
  const honest = placeOf();
  const broken = placeOf({
    send: async (path, sending) => {
      if (path.endsWith('manifest.json')) throw new Error('interrupted');
      await honest.send(path, sending);
    },
  });
  await expect(copy(again, { place: broken })).rejects.toThrow('interrupted');
  const readBack: string[] = [];
  const spy = placeOf({
    read: (path, from) => {
      if (!path.includes('/manifest.')) readBack.push(path);
      return honest.read(path, from);
    },
  });
  expect(await copy(again, { place: spy })).toMatchObject({
    sentFiles: 0,
    keptFiles: sealedFiles(again.manifest).length,
  });
  expect(readBack).toEqual([]);
  const there = await listCopied({ place: honest, vault: vaultOf() }, OF);
  expect(there.map(({ state }) => state)).toEqual(['whole', 'whole']);
});

test('of the backups that lie there only those are read that have what is shared, newest first', async () => {
  for (let count = 0; count < 4; count += 1) await copy(await take());
  const newest = await take();
  const honest = placeOf();
  const read = new Set<string>();
  const spy = placeOf({
    read: (path, from) => {
      if (path.endsWith('manifest.json')) read.add(path);
      return honest.read(path, from);
    },
  });
  await copy(newest, { place: spy });
  const others = [...read].filter((path) => !path.startsWith(newest.manifest.id));
  const before = (await listCopied({ place: honest, vault: vaultOf() }, OF)).at(-2);
  expect(others).toEqual([`${before?.id ?? ''}/manifest.json`]);
});

test('a backup is not sent when its manifest is larger than what would be read back', async () => {
  const sealed = await take();
  const bytes = 64 * 1024 * 1024 + 1;
  writeFileSync(at('huge'), '');
  truncateSync(at('huge'), bytes);
  const here = vaultOf();
  const fileOf: Vault['fileOf'] = (id, path) => (path === 'manifest.json' ? at('huge') : here.fileOf(id, path));
  await expect(copy(sealed, { vault: { ...here, fileOf } })).rejects.toMatchObject({
    kind: 'refused',
    message: `the manifest of ${sealed.manifest.id} has ${bytes} bytes, and at most 67108864 are read back from a place`,
  });
  expect(readdirSync(at('place'))).toEqual([]);
});
