import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { ENVIRONMENT_NOW } from '../../core/backup/backup-context.ts';
import { snapshotBytes, type EnvironmentSnapshot } from '../../core/backup/environment-snapshot.ts';
import {
  manifestBytes,
  objectsOf,
  partsOf,
  storedBytesOf,
  totalsOf,
  type Manifest,
} from '../../core/backup/manifest.ts';
import { readManifest } from '../../core/backup/read-manifest.ts';
import { storeKinds } from '../stores/index.ts';
import {
  createBackup,
  extractBackup,
  newBackupId,
  newIdentity,
  openVault,
  readDown,
  verifyBackup,
  type ContextOrder,
  type NamedOpenStore,
  type Sealed,
} from './index.ts';

const OF = { service: 'notes', environment: 'production' };
const SECRET = 'Sent1nel-9f8e7d6c';
const LIMIT_MS = 60_000;
const SNAPSHOT: EnvironmentSnapshot = {
  format: 1,
  salt: 'ab'.repeat(16),
  file: { path: 'config/.env', mode: 0o640, content: Buffer.from(`API_KEY=${SECRET}\n`).toString('base64') },
  variables: { API_KEY: SECRET },
};

let project: string;
let stores: NamedOpenStore[];
let people: { recipient: string; identity: string };
let second = 0;

beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), 'shipway-context-'));
  mkdirSync(join(project, 'data'));
  mkdirSync(join(project, 'migrations'));
  writeFileSync(join(project, 'data/file'), 'old');
  writeFileSync(join(project, 'migrations/2.down.sql'), 'DROP TABLE b;');
  stores = [
    {
      name: 'data',
      kind: 'files',
      store: storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project }),
    },
  ];
  people = await newIdentity();
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const vault = (recipients = [people.recipient]) =>
  openVault(join(project, 'backups'), vaultKeys(join(project, 'keys'), { recipients, identity: people.identity }));

function contextWith(change: Partial<ContextOrder> = {}): ContextOrder {
  return {
    facts: {
      commit: { hash: 'c0ffee', tag: 'v1.0.0', changed: false },
      configuration: 'sha256:1',
      migration: { kind: 'command', version: '1.1.0', revision: '1', goesTo: null, notStored: null },
      environment: { file: 'config/.env', names: ['API_KEY'], startedBy: null, notStored: null },
    },
    down: [{ path: 'migrations/2.down.sql', from: join(project, 'migrations/2.down.sql') }],
    secrets: [{ path: ENVIRONMENT_NOW, bytes: snapshotBytes(SNAPSHOT) }],
    ...change,
  };
}

function create(context: ContextOrder, recipients?: string[]): Promise<Sealed> {
  return createBackup({
    id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + 1000 * second++),
    reason: 'manual',
    ...OF,
    release: null,
    version: '1.0.0',
    tool: 'shipway 0.1.0',
    stores,
    vault: vault(recipients),
    effect: createEffect(project),
    context,
  });
}

function filesBelow(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile());
}

describe('what a backup knows besides the data', () => {
  it(
    'is in the manifest, and its files are read again as they were, also without the project',
    async () => {
      const sealed = await create(contextWith());
      rmSync(join(project, 'migrations'), { recursive: true });
      const { context } = sealed.manifest;
      expect(context).toMatchObject({ commit: { hash: 'c0ffee', tag: 'v1.0.0' }, migration: { revision: '1' } });
      expect(context?.parts.map((part) => part.path)).toEqual(['_context/down/migrations/2.down.sql', ENVIRONMENT_NOW]);
      const [down] = await readDown(vault(), sealed);
      expect(down).toEqual({ path: 'migrations/2.down.sql', bytes: Buffer.from('DROP TABLE b;') });
      const objects = sealed.manifest.stores.flatMap(objectsOf);
      expect(sealed.manifest.totals.files).toBe(partsOf(sealed.manifest).length + objects.length);
    },
    LIMIT_MS,
  );

  it(
    'is written beside the folders of the stores, the env file with the mode it had',
    async () => {
      const sealed = await create(contextWith());
      const into = join(project, 'into');
      const order = { id: sealed.manifest.id, ...OF, stores, vault: vault(), effect: createEffect(project) };
      await extractBackup({ ...order, into, withContext: true });
      expect(readFileSync(join(into, '_context/down/migrations/2.down.sql'), 'utf8')).toBe('DROP TABLE b;');
      const file = join(into, '_context/environment/now/.env');
      expect(readFileSync(file, 'utf8')).toBe(`API_KEY=${SECRET}\n`);
      expect(statSync(file).mode & 0o777).toBe(0o640);
      expect(readFileSync(join(into, 'data/data/file'), 'utf8')).toBe('old');
    },
    LIMIT_MS,
  );

  it(
    'holds no value in the manifest or anywhere in the folder, and its digest cannot be tried out',
    async () => {
      const [one, other] = [await create(contextWith()), await create(contextWith())];
      const resalted = { ...SNAPSHOT, salt: 'cd'.repeat(16) };
      const third = await create(contextWith({ secrets: [{ path: ENVIRONMENT_NOW, bytes: snapshotBytes(resalted) }] }));
      const digest = ({ manifest }: Sealed) => manifest.context?.parts.at(-1)?.sha256;
      expect(digest(one)).toBe(digest(other));
      expect(digest(third)).not.toBe(digest(one));
      const found = filesBelow(join(project, 'backups')).filter((path) => {
        const text = readFileSync(path, 'latin1');
        return text.includes(SECRET) || text.includes(Buffer.from(SECRET).toString('base64').slice(0, 16));
      });
      expect(found).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'is never sealed with an environment where there is nobody to encrypt for, and nothing is left of the try',
    async () => {
      await expect(create(contextWith(), [])).rejects.toMatchObject({
        message: `${ENVIRONMENT_NOW} holds secrets, and there is nobody to encrypt it for`,
      });
      expect(await vault([]).list()).toEqual([]);
      expect(filesBelow(join(project, 'backups'))).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'is checked with every look that opens the copies',
    async () => {
      const sealed = await create(contextWith());
      const order = { id: sealed.manifest.id, ...OF, stores, vault: vault(), effect: createEffect(project) };
      await verifyBackup(order);
      const part = join(project, 'backups', sealed.manifest.id, '_context/down/migrations/2.down.sql');
      writeFileSync(part, 'x');
      await expect(verifyBackup(order)).rejects.toMatchObject({
        kind: 'backup-invalid',
        message: expect.stringContaining('part _context/down/migrations/2.down.sql is truncated'),
      });
    },
    LIMIT_MS,
  );
});

describe('a manifest whose context does not hold what it says', () => {
  const edits: [string, (manifest: Sealed['manifest']) => void, string][] = [
    [
      'no files of the way down',
      (manifest) => void (manifest.context!.migration!.notStored = 'no files are declared'),
      'it has other files for the way down than it says',
    ],
    [
      'no environment',
      (manifest) => void (manifest.context!.environment!.notStored = 'nobody to encrypt for'),
      'it has another environment than it says',
    ],
    ['no encryption', (manifest) => void (manifest.seal!.encryption = null), 'its environment is not encrypted'],
    [
      'a part of another sort',
      (manifest) => void (manifest.context!.parts[0]!.path = '_context/another'),
      'it has other files for the way down than it says',
    ],
    [
      'a path that climbs out',
      (manifest) => void (manifest.context!.parts[0]!.path = '_context/../x'),
      'leaves the folder of its store',
    ],
    [
      'an unknown key',
      (manifest) => void Object.assign(manifest.context!, { host: 'web1' }),
      'context.host is not known',
    ],
  ];
  it.each(edits)('is refused: %s', async (_, edit, message) => {
    const { manifest } = await create(contextWith());
    edit(manifest);
    expect(() => readManifest(manifestBytes(manifest), 'manifest.json')).toThrow(message);
  });

  it('of format 2 is read as ever, and may have none', async () => {
    const { manifest } = await create({ ...contextWith(), down: [], secrets: [], facts: emptyFacts() });
    const { context: _, ...rest } = withoutObjects(manifest);
    for (const { stored } of rest.stores.flatMap(({ parts }) => parts))
      Object.assign(stored ?? {}, { codec: 'brotli' });
    expect(readManifest(manifestBytes({ ...rest, format: 2 }), 'manifest.json').context).toBeUndefined();
    expect(() => readManifest(manifestBytes({ ...withoutObjects(manifest), format: 2 }), 'manifest.json')).toThrow(
      'context is not known in this format',
    );
  });
});

/** As if its files had been written before there were objects. */
function withoutObjects(manifest: Manifest): Manifest {
  const stores = manifest.stores.map(({ name, kind, engine, capture, parts }) => ({
    name,
    kind,
    engine,
    capture,
    parts,
  }));
  const sealed = { ...manifest, stores };
  const seal = manifest.seal === undefined ? {} : { seal: { ...manifest.seal, storedBytes: storedBytesOf(sealed) } };
  return { ...sealed, ...seal, totals: totalsOf(sealed) };
}

function emptyFacts(): ContextOrder['facts'] {
  return { commit: null, configuration: null, migration: null, environment: null };
}
