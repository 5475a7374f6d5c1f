import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import type { Prestaging } from '../stores/store.ts';
import { storeKinds } from '../stores/index.ts';
import { createBackup, newBackupId, openVault } from './index.ts';
import { discardPrestaged, prestageRestore, stageOrReuse, swapRestore, type NamedOpenStore } from './index.ts';

const OF = { service: 'notes', environment: 'production' };

describe('copies that wait', () => {
  let project: string;
  let id: string;
  const store = (path: string, change: Partial<Prestaging> | null = {}): NamedOpenStore => {
    const opened = storeKinds.files.open({ paths: [path], exclude: [] }, { projectDirectory: project });
    const { prestaging, ...without } = opened;
    if (change === null || prestaging === undefined) return { name: path, kind: 'files', store: without };
    return { name: path, kind: 'files', store: { ...opened, prestaging: { ...prestaging, ...change } } };
  };
  const both = (): NamedOpenStore[] => [store('one'), store('two')];
  const order = (stores = both()) => ({
    id,
    ...OF,
    stores,
    storeNames: ['one', 'two'],
    vault: openVault(join(project, 'backups'), vaultKeys(join(project, 'keys'))),
    effect: createEffect(project),
  });
  const read = (path: string): string => readFileSync(join(project, path, 'word'), 'utf8');
  const beside = (): string[] => readdirSync(project).filter((name) => /restore-|swap-/.test(name));

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-wait-'));
    for (const name of ['one', 'two']) {
      mkdirSync(join(project, name));
      writeFileSync(join(project, name, 'word'), 'old');
    }
    id = newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 21));
    const { vault, effect, stores } = order();
    const frame = { id, reason: 'pre-release' as const, ...OF, release: null, version: null, tool: 'shipway 1' };
    await createBackup({ ...frame, stores, vault, effect });
    for (const name of ['one', 'two']) writeFileSync(join(project, name, 'word'), 'new');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  it('is used while it is untouched, and only for its own backup', async () => {
    const { waiting, later } = await prestageRestore(order());
    expect(later).toEqual([]);
    expect([read('one'), read('two')]).toEqual(['new', 'new']);
    const found = await stageOrReuse(order(), waiting);
    expect(found).toMatchObject({ used: ['one', 'two'], refused: [] });
    const { stores, effect } = order();
    await swapRestore(found.staged, stores, effect);
    expect([read('one'), read('two')]).toEqual(['old', 'old']);
    await expect(stageOrReuse({ ...order(), id: 'bk_nothing' }, [])).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('is restored anew where one was touched or taken away, and the others are used', async () => {
    const { waiting } = await prestageRestore(order());
    const [first] = waiting;
    writeFileSync(join(first?.staged.place ?? '', 'word'), 'OLD');
    const touched = await stageOrReuse(order(), waiting);
    expect(touched).toMatchObject({
      used: ['two'],
      refused: [{ name: 'one', why: 'somebody has changed it since it was verified' }],
    });
    rmSync(waiting[1]?.staged.place ?? '', { recursive: true });
    const gone = await stageOrReuse(order(), waiting);
    expect(gone.refused).toContainEqual({ name: 'two', why: 'it is not there any more, or not whole' });
    const { stores, effect } = order();
    await swapRestore(gone.staged, stores, effect);
    expect([read('one'), read('two')]).toEqual(['old', 'old']);
  });

  it('does not wait where the live data could not grow as well', async () => {
    const stores = [store('one'), store('two', { room: async () => 11 })]; // 12 bytes: twice what both hold
    await expect(prestageRestore(order(stores))).rejects.toMatchObject({
      kind: 'disk-full',
      message:
        'no copy of two waits beside the live data: 12 bytes have to be free for it and for the live data to grow, 11 are',
    });
    expect(beside()).toEqual([]);
    const enough = [store('one'), store('two', { room: async () => 12 })];
    expect((await prestageRestore(order(enough))).waiting).toHaveLength(2);
  });

  it('says where nobody could look for room', async () => {
    const said: string[] = [];
    const stores = [store('one', { room: async () => null }), store('two')];
    const effect = createEffect(project, { report: (line) => void said.push(line) });
    await prestageRestore({ ...order(stores), effect });
    expect(said).toEqual(['one: the disk of its server cannot be seen from here; nobody looked at its room']);
  });

  it('leaves to later what cannot wait', async () => {
    const stores = [store('one'), store('two', null)];
    const { waiting, later } = await prestageRestore(order(stores));
    expect([waiting.map(({ name }) => name), later]).toEqual([['one'], ['two']]);
    expect(await stageOrReuse(order(stores), waiting)).toMatchObject({ used: ['one'], refused: [] });
  });

  it('takes all away when one fails, and when it is discarded', async () => {
    const mark = async (): Promise<null> => null;
    await expect(prestageRestore(order([store('one'), store('two', { mark })]))).rejects.toMatchObject({
      kind: 'restore-failed',
    });
    expect(beside()).toEqual([]);
    const { stores, effect } = order();
    await prestageRestore(order());
    expect(beside()).not.toEqual([]);
    await discardPrestaged(stores, id, effect);
    expect(beside()).toEqual([]);
  });
});
