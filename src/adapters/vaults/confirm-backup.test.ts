import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { sealedFiles } from '../../core/backup/manifest.ts';
import { storeKinds } from '../stores/index.ts';
import type { Store } from '../stores/store.ts';
import { confirmBackup, createBackup, newBackupId, newIdentity, openVault, verifyBackup } from './index.ts';
import type { NamedOpenStore, RestoreOrder, Sealed, Vault } from './index.ts';

const OF = { service: 'notes', environment: 'production' };
const LIMIT_MS = 240_000; // every file is synced, and the disk may be busy with something else
let second = 0;

describe('a backup that was sealed a moment ago', { timeout: LIMIT_MS }, () => {
  let ana: { recipient: string; identity: string };
  beforeAll(async () => void (ana = await newIdentity()));
  let project: string;
  /** How often the store of the database has opened a copy. */
  let opened: number;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-confirm-'));
    mkdirSync(join(project, 'data'));
    writeFileSync(join(project, 'data/film'), randomBytes(50_000));
    const database = new Database(join(project, 'app.db'));
    database.exec('CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)');
    database.exec("INSERT INTO notes VALUES (1, 'one'), (2, 'two')");
    database.close();
    opened = 0;
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const vault = (): Vault =>
    openVault(
      join(project, 'backups'),
      vaultKeys(join(project, '.shipway/keys'), { recipients: [ana.recipient], identity: ana.identity }),
    );
  const stores = (): NamedOpenStore[] => {
    const scope = { projectDirectory: project };
    const store = storeKinds.sqlite.open({ path: 'app.db' }, scope);
    const counting = {
      ...store,
      verify: (...how: Parameters<Store['verify']>) => ((opened += 1), store.verify(...how)),
    };
    const files = storeKinds.files.open({ paths: ['data'], exclude: [] }, scope);
    return [
      { name: 'app', kind: 'sqlite', store: counting },
      { name: 'uploads', kind: 'files', store: files },
    ];
  };
  const create = (change: { id?: string } = {}): ReturnType<typeof createBackup> =>
    createBackup({
      id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000),
      reason: 'manual',
      ...OF,
      release: null,
      version: null,
      tool: 'shipway 0.1.0',
      stores: stores(),
      vault: vault(),
      effect: createEffect(project),
      ...change,
    });
  const order = ({ manifest }: Sealed): RestoreOrder => ({
    id: manifest.id,
    ...OF,
    stores: stores(),
    vault: vault(),
    effect: createEffect(project),
  });
  const pathOf = ({ manifest }: Sealed, path: string): string => join(project, 'backups', manifest.id, path);

  it('is read back without opening a copy a second time, and nothing of it is written', async () => {
    const sealed = await create();
    expect(opened).toBe(1);
    const reading = vault();
    reading.opened = (_sealed, store) => Promise.reject(new Error(`${store} was opened on the disk`));
    const [app = ''] = sealed.manifest.stores.map(({ name }) => name);
    await confirmBackup({ ...order(sealed), storeNames: [app], vault: reading }, sealed);
    await confirmBackup(order(sealed), sealed);
    expect(opened).toBe(1);
    await verifyBackup(order(sealed));
    expect(opened).toBe(2);
  });

  it('says whether it was taken by this call', async () => {
    const { isNew, manifest } = await create();
    expect(isNew).toBe(true);
    expect(await create({ id: manifest.id })).toMatchObject({ isNew: false, manifest: { id: manifest.id } });
  });

  it('is refused for one wrong bit in any of its files, in the words of every later look', async () => {
    const sealed = await create();
    for (const { path } of sealedFiles(sealed.manifest)) {
      const place = pathOf(sealed, path);
      const before = readFileSync(place);
      const wrong = Buffer.from(before);
      wrong.writeUInt8((before[before.length >> 1] ?? 0) ^ 1, before.length >> 1);
      writeFileSync(place, wrong);
      const said = await verifyBackup(order(sealed)).catch((error: unknown) => error);
      expect(said, path).toMatchObject({ kind: 'backup-invalid' });
      const { message } = said as Error;
      await expect(confirmBackup(order(sealed), sealed), path).rejects.toMatchObject({
        kind: 'backup-invalid',
        message,
      });
      writeFileSync(place, before);
    }
    await confirmBackup(order(sealed), sealed);
  });

  it.each([
    ['a file is missing', (path: string) => rmSync(path), 'is missing'],
    ['a file is cut off', (path: string) => truncateSync(path, 5), 'is truncated: 5 of'],
    [
      'a file is there that is not part of it',
      (path: string) => writeFileSync(`${path}.more`, 'x'),
      'is not part of the backup',
    ],
  ])('is refused when %s', async (_what, damage, said) => {
    const sealed = await create();
    damage(pathOf(sealed, sealed.manifest.stores[0]?.parts[0]?.path ?? ''));
    await expect(confirmBackup(order(sealed), sealed)).rejects.toThrow(said);
  });

  it('is refused when its manifest is another one by now', async () => {
    const sealed = await create();
    const [first, next] = [sealed, await create()];
    for (const name of readdirSync(pathOf(first, '')).filter((one) => one.startsWith('manifest')))
      writeFileSync(pathOf(first, name), readFileSync(pathOf(next, name)));
    await expect(confirmBackup(order(sealed), sealed)).rejects.toThrow(`the manifest belongs to ${next.manifest.id}`);
  });
});
