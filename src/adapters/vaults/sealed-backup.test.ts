import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Database from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { runGapped } from '../../../test/support/run-gapped.ts';
import { restoreInPlace } from '../../../test/support/restore-in-place.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { manifestBytes, type Manifest } from '../../core/backup/manifest.ts';
import { storeKinds } from '../stores/index.ts';
import { corruption, missedCorruption, sealSample } from './corruption.suite.ts';
import { createBackup, newBackupId, newIdentity, openVault, stageRestore, verifyBackup } from './index.ts';
import type { NamedOpenStore, RestoreOrder, Sealed, Vault } from './index.ts';

const OF = { service: 'notes', environment: 'production' };
const LIMIT_MS = 240_000; // every file is synced, and the disk may be busy with something else
let second = 0;
const newId = (): string =>
  newBackupId({ ...OF, reason: 'pre-release' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000);

describe('an encrypted backup', { timeout: LIMIT_MS }, () => {
  let ana: { recipient: string; identity: string };
  let eve: { recipient: string; identity: string };
  beforeAll(async () => {
    ana = await newIdentity();
    eve = await newIdentity();
  });
  let project: string;
  let stores: NamedOpenStore[];
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-sealed-'));
    mkdirSync(join(project, 'data'));
    write('old');
    const store = storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project });
    stores = [{ name: 'uploads', kind: 'files', store }];
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const write = (word: string): void => writeFileSync(join(project, 'data/file'), word);
  const read = (): string => readFileSync(join(project, 'data/file'), 'utf8');
  const place = (...names: string[]): string => join(project, 'backups', ...names);
  const keyFolder = (): string => join(project, '.shipway/keys');
  /** A vault as another process sees it: nothing is in memory. */
  const vault = (
    identity: string | null = null,
    change: { folder?: string; recipients?: string[]; signers?: string[] } = {},
  ): Vault =>
    openVault(place(), vaultKeys(change.folder ?? keyFolder(), { recipients: [ana.recipient], identity, ...change }));
  /** As copies of files were written before there were objects. */
  const inArchive = (): NamedOpenStore[] =>
    stores.map((named) => {
      const { shared: _, ...store } = named.store;
      return { ...named, store };
    });
  const create = (
    change: { release?: string | null; vault?: Vault; stores?: NamedOpenStore[] } = {},
  ): Promise<Sealed> =>
    createBackup({
      id: newId(),
      reason: 'pre-release',
      ...OF,
      release: null,
      version: '1.0.0',
      tool: 'shipway 0.1.0',
      stores,
      vault: vault(),
      effect: createEffect(project),
      ...change,
    });
  const order = (id: string, opened: Vault): RestoreOrder => ({
    id,
    ...OF,
    stores,
    vault: opened,
    effect: createEffect(project),
  });
  const restore = (id: string, opened: Vault) => restoreInPlace(order(id, opened));

  it('is restored with the identity, and with nothing else; the live data stays as it is meanwhile', async () => {
    const { manifest } = await create();
    write('new');
    await expect(restore(manifest.id, vault())).rejects.toMatchObject({
      kind: 'not-permitted',
      message: `the backup is encrypted for ${ana.recipient}, and there is no identity here to read it`,
    });
    await expect(restore(manifest.id, vault(eve.identity))).rejects.toMatchObject({
      kind: 'not-permitted',
      message: 'the backup is encrypted for others: this identity opens none of its keys',
    });
    expect(read()).toBe('new');
    await restore(manifest.id, vault(ana.identity));
    expect(read()).toBe('old');
    expect(manifest).toMatchObject({ format: 5, seal: { encryption: { recipients: [ana.recipient] } } });
  });

  it('of a release is restored without the identity until the key that was kept for it is forgotten', async () => {
    const { manifest } = await create({ release: 'r-0001' });
    write('new');
    const keys = vault().keys;
    expect(await keys.keptForReleases()).toEqual([{ backup: manifest.id, release: 'r-0001' }]);
    for (const name of readdirSync(keyFolder())) expect(statSync(join(keyFolder(), name)).mode & 0o777).toBe(0o600);
    expect(statSync(keyFolder()).mode & 0o777).toBe(0o700);
    await restore(manifest.id, vault());
    expect(read()).toBe('old');
    await keys.forget(manifest.id);
    await expect(restore(manifest.id, vault())).rejects.toMatchObject({ kind: 'not-permitted' });
    expect(readdirSync(keyFolder()).filter((name) => name.endsWith('.data-key'))).toEqual([]);
  });

  it('by hand leaves no key behind, and can be checked without one', async () => {
    const sealed = await create();
    expect(await vault().keys.keptForReleases()).toEqual([]);
    await vault().verifyParts(sealed);
    expect(await vault().canOpen(sealed)).toBe(false);
    expect(await vault(ana.identity).canOpen(sealed)).toBe(true);
  });

  it('holds no run of the data, and nothing decrypted is left after it was read', async () => {
    const line = 'the address of a customer, ';
    write(line.repeat(2000));
    const { manifest } = await create();
    await verifyBackup(order(manifest.id, vault(ana.identity)));
    const files = (readdirSync(place(), { recursive: true }) as string[]).filter((name) =>
      statSync(place(name)).isFile(),
    );
    for (const name of files) {
      const bytes = readFileSync(place(name));
      for (let at = 0; at + 8 <= line.length; at += 1) expect(bytes.includes(line.slice(at, at + 8)), name).toBe(false);
    }
    expect(readdirSync(place())).toEqual([manifest.id]);
    const open = await create({ vault: vault(null, { recipients: [] }) });
    expect(open.manifest.seal?.encryption).toBeNull();
  });

  it('that a dead process had opened is cleaned away by the next act', async () => {
    const { manifest } = await create();
    const dead = place(`${manifest.id}.opened-abcdef`);
    mkdirSync(dead);
    writeFileSync(join(dead, 'plain'), 'data');
    await create();
    expect(existsSync(dead)).toBe(false);
    mkdirSync(dead);
    await restore(manifest.id, vault(ana.identity));
    expect(existsSync(dead)).toBe(false);
  });

  it('killed while it is sealed leaves plain data only until the next act', async () => {
    const argument = { project, place: place(), id: newId(), recipients: [ana.recipient] };
    mkdirSync(join(project, 'uploads'));
    const database = new Database(join(project, 'app.db'));
    database.exec('CREATE TABLE t(word)');
    database.close();
    const end = await runGapped('test/fixtures/processes/backup-act.ts', argument, 'vaults.part-sealed');
    expect(end.signal, end.stderr).toBe('SIGKILL');
    expect(readdirSync(place()).some((name) => name.endsWith('.partial'))).toBe(true);
    const { manifest } = await create();
    expect(readdirSync(place())).toEqual([manifest.id]);
  });

  it('signed by somebody else, or not signed, is refused with its own message until the signer is named', async () => {
    const { manifest } = await create();
    const elsewhere = join(project, 'other-keys');
    const signer = manifest.seal?.signer ?? '';
    await expect(restore(manifest.id, vault(ana.identity, { folder: elsewhere }))).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: `it is signed by ${signer}, a key that this project does not know`,
    });
    await restore(manifest.id, vault(ana.identity, { folder: elsewhere, signers: [signer] }));
    const signature = readFileSync(place(manifest.id, 'manifest.sig'));
    const next = await create();
    cpSync(place(next.manifest.id, 'manifest.sig'), place(manifest.id, 'manifest.sig'));
    await expect(restore(manifest.id, vault(ana.identity))).rejects.toMatchObject({
      message: 'its signature is not one of this manifest',
    });
    rmSync(place(manifest.id, 'manifest.sig'));
    await expect(restore(manifest.id, vault(ana.identity))).rejects.toMatchObject({
      message: 'its signature is missing',
    });
    writeFileSync(place(manifest.id, 'manifest.sig'), signature);
    await restore(manifest.id, vault(ana.identity));
  });

  it('whose keys are those of another one is refused', async () => {
    const [first, next] = [await create(), await create()];
    cpSync(place(next.manifest.id, 'keys.age'), place(first.manifest.id, 'keys.age'));
    await expect(stageRestore(order(first.manifest.id, vault(ana.identity)))).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: `part keys.age belongs to ${next.manifest.id}`,
    });
  });

  it('taken out of the chain is missed by the one after it; a pruned one is not', async () => {
    const all = [await create(), await create(), await create()];
    const [first = '', middle = '', last = ''] = all.map(({ manifest }) => manifest.id);
    expect(await vault().brokenLinks(OF)).toEqual([]);
    await vault().trash(first, { at: '2026-11-21T12:00:00.000Z', why: 'test' });
    await vault().empty(first);
    expect(await vault().brokenLinks(OF)).toEqual([]);
    renameSync(place(middle), join(project, 'taken'));
    expect(await vault().brokenLinks(OF)).toEqual([last]);
    expect(await vault().brokenLinks({ ...OF, environment: 'staging' })).toEqual([]);
  });

  it('rewritten as one of the format that nobody signs is refused after signed ones', async () => {
    await create();
    const { manifest } = await create({ vault: vault(null, { recipients: [] }), stores: inArchive() });
    downgrade(place(manifest.id), manifest, 'data of somebody else');
    const found = (await vault().list()).find(({ id }) => id === manifest.id);
    expect(found?.sealed?.manifest.format).toBe(1);
    await expect(restore(manifest.id, vault())).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: expect.stringMatching(/^it is not signed, and bk_\S+ before it is$/) as string,
    });
  });

  it('of the format before, plain and not signed, is verified and restored as ever', async () => {
    const sealed = await create({ vault: vault(null, { recipients: [] }), stores: inArchive() });
    const { id } = sealed.manifest;
    // As the version before wrote it: the parts as the store wrote them, and a manifest without a seal.
    const plain = join(project, 'plain');
    await vault().opened(sealed, 'uploads', async (folder) => cpSync(folder, plain, { recursive: true }));
    cpSync(plain, place(id, 'uploads'), { recursive: true });
    downgrade(place(id), sealed.manifest, null);
    write('new');
    await verifyBackup(order(id, vault()));
    await restore(id, vault());
    expect(read()).toBe('old');
  });
});

/** Rewrites the folder in format 1, as whoever knows the format could; `content` goes into the first part. */
function downgrade(folder: string, manifest: Manifest, content: string | null): void {
  const { seal: _, context: __, ...rest } = manifest;
  const stores = rest.stores.map((store) => ({
    ...store,
    parts: store.parts.map((part, index) => {
      const path = join(folder, part.path);
      if (content !== null && index === 0) writeFileSync(path, content);
      const bytes = readFileSync(path);
      return { path: part.path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    }),
  }));
  const parts = stores.flatMap((store) => store.parts);
  const totals = { files: parts.length, bytes: parts.reduce((sum, part) => sum + part.bytes, 0) };
  const bytes = manifestBytes({ ...rest, format: 1, stores, totals });
  writeFileSync(join(folder, 'manifest.json'), bytes);
  writeFileSync(join(folder, 'manifest.json.sha256'), `${createHash('sha256').update(bytes).digest('hex')}\n`);
  rmSync(join(folder, 'manifest.sig'));
}

describe('random damage to an encrypted backup', () => {
  let directory: string;
  beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), 'shipway-damage-'))));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it(
    'is always caught, also when the hashes were forged to match',
    async () => {
      const { recipient, identity } = await newIdentity();
      const vault = openVault(directory, vaultKeys(join(directory, 'keys'), { recipients: [recipient], identity }));
      const samples = { other: await sealSample(vault, 1), victim: await sealSample(vault, 2) };
      for (const { manifest } of [samples.other, samples.victim]) await vault.keys.forget(manifest.id);
      await fc.assert(
        fc.asyncProperty(corruption, async (damage) => {
          expect(await missedCorruption(vault, samples, damage)).toBeNull();
        }),
        { numRuns: 100 },
      );
      await vault.verifyParts(samples.victim);
    },
    LIMIT_MS,
  );
});
