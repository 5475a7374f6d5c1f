import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { vaultKeys } from '../../../../test/support/vault-keys.ts';
import { describeTrash } from '../trash.suite.ts';
import { openVault } from './directory-vault.ts';

describeTrash({
  kind: 'directory',
  open: (place) => openVault(place, vaultKeys(join(place, 'keys'))),
  readPart: (vault, sealed) =>
    vault.opened(sealed, 'data', async (folder) => readFileSync(join(folder, 'part'), 'utf8')),
  program: 'test/fixtures/processes/trash-act.ts',
});

const ID = 'bk_20261121T004311Z_notes_production_manual_aaaaaa';

test('a tombstone or a pin that cannot be read never lets a backup go', async () => {
  const place = mkdtempSync(join(tmpdir(), 'shipway-vault-'));
  try {
    mkdirSync(join(place, ID));
    writeFileSync(join(place, `${ID}.pruned`), '{"format":1');
    writeFileSync(join(place, `${ID}.pin`), '');
    const vault = openVault(place, vaultKeys(join(place, 'keys')));
    expect((await vault.list()).map(({ id }) => id)).toEqual([ID]);
    expect(await vault.pruned()).toEqual([]);
    expect(await vault.pins()).toMatchObject([{ id: ID, reason: 'its pin cannot be read' }]);
    await expect(vault.empty(ID)).rejects.toMatchObject({ kind: 'refused' });
  } finally {
    rmSync(place, { recursive: true });
  }
});
