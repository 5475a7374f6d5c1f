import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { vaultKeys } from '../../../../test/support/vault-keys.ts';
import { forgetGone, forgetMemory, readMemory, writeMemory, type ObjectScope } from './object-memory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-memory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const of = (store: string): ObjectScope => ({ vault: '/backups', service: 'notes', environment: 'production', store });
const memory = (backup: string) => ({ backup, fullAtMs: 0, turn: 1, keys: { a: 'key' }, note: 'note\nof two lines' });
const kept = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.objects'));

test('the keys of shared objects are kept only while the backup that has them is there', async () => {
  const keys = vaultKeys(folder);
  await writeMemory(keys, of('uploads'), memory('bk_here'));
  await writeMemory(keys, of('old'), memory('bk_gone'));
  await keys.remember('damaged', 'nothing that can be read');
  await forgetGone(keys, async (backup) => backup === 'bk_here');
  expect(kept()).toHaveLength(1);
  expect(await readMemory(keys, of('uploads'))).toEqual(memory('bk_here'));
  expect(await readMemory(keys, of('old'))).toBeNull();
});

test('what is forgotten leaves no file', async () => {
  const keys = vaultKeys(folder);
  await writeMemory(keys, of('uploads'), memory('bk_here'));
  await forgetMemory(keys, of('uploads'));
  await forgetMemory(keys, of('uploads'));
  expect(kept()).toEqual([]);
  expect(await readMemory(keys, of('uploads'))).toBeNull();
});
