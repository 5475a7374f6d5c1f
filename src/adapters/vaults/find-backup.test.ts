import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { storeKinds } from '../stores/index.ts';
import { createBackup, newBackupId, openVault, type KeyRing, type Sealed } from './index.ts';

const OF = { service: 'notes', environment: 'production' };
let second = 0;

describe('a backup in a vault', () => {
  let project: string;
  let place: string;
  let keys: KeyRing;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-found-'));
    place = join(project, 'backups');
    keys = vaultKeys(join(project, '.shipway/keys'));
    mkdirSync(join(project, 'uploads'));
    writeFileSync(join(project, 'uploads/file'), 'one');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const create = (release: string): Promise<Sealed> =>
    createBackup({
      id: newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000),
      reason: 'pre-release',
      ...OF,
      release,
      version: '1.0.0',
      tool: 'shipway 0.1.0',
      stores: [
        {
          name: 'uploads',
          kind: 'files',
          store: storeKinds.files.open({ paths: ['uploads'], exclude: [] }, { projectDirectory: project }),
        },
      ],
      vault: openVault(place, keys),
      effect: createEffect(project),
    });

  it('is found by id, prefix, latest and before:<release>, and by nothing ambiguous', async () => {
    const first = await create('r1');
    const second = await create('r2');
    const vault = openVault(place, keys);
    const found = async (reference: string): Promise<string> => (await vault.show(reference, OF)).manifest.id;
    expect(await found(first.manifest.id.slice(0, -1))).toBe(first.manifest.id);
    expect(await found('latest')).toBe(second.manifest.id);
    expect(await found('before:r1')).toBe(first.manifest.id);
    await expect(found('bk_2026')).rejects.toMatchObject({ kind: 'usage' });
    for (const nothing of ['before:r3', 'bk_1999', '', '../x'])
      await expect(found(nothing)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('is found by before:<release> past a newer one that is damaged, and not the failed one of two', async () => {
    const [first, second] = [await create('r1'), await create('r1')];
    const damaged = await create('r2');
    writeFileSync(join(place, damaged.manifest.id, 'manifest.json'), '{}');
    const vault = openVault(place, keys);
    const found = async (reference: string, avoid: string[] = []): Promise<string> =>
      (await vault.show(reference, { ...OF, avoid: new Set(avoid) })).manifest.id;
    expect(await vault.ids()).toEqual([first.manifest.id, second.manifest.id, damaged.manifest.id]);
    expect(await found('before:r1')).toBe(second.manifest.id);
    expect(await found('before:r1', [second.manifest.id])).toBe(first.manifest.id);
    expect(await found('before:r1', [first.manifest.id, second.manifest.id])).toBe(second.manifest.id);
    await expect(found('before:r2')).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: expect.stringContaining(
        `there is no backup "before:r2" that can be read; ${damaged.manifest.id} cannot`,
      ),
    });
  });
});
