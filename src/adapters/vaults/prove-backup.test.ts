import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { vaultKeys } from '../../../test/support/vault-keys.ts';
import { createEffect } from '../../../test/support/create-effect.ts';
import type { VerificationLevel } from '../../core/backup/verification-level.ts';
import { storeKinds } from '../stores/index.ts';
import {
  createBackup,
  newBackupId,
  openVault,
  proveBackup,
  stageRestore,
  type NamedOpenStore,
  type ProofOrder,
} from './index.ts';

const OF = { service: 'notes', environment: 'production' };
const LEVELS: VerificationLevel[] = [0, 1, 2, 3];

describe('a look at a backup', () => {
  let project: string;
  let id: string;
  let digest: string;
  const files = (path: string): NamedOpenStore['store'] =>
    storeKinds.files.open({ paths: [path], exclude: [] }, { projectDirectory: project });
  const stores = (): NamedOpenStore[] => [
    { name: 'one', kind: 'files', store: files('one') },
    { name: 'two', kind: 'files', store: files('two') },
  ];

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-look-'));
    for (const name of ['one', 'two']) {
      mkdirSync(join(project, name));
      writeFileSync(join(project, name, 'word'), name);
    }
    id = newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21));
    const vault = openVault(join(project, 'backups'), vaultKeys(join(project, 'keys')));
    const order = { id, reason: 'manual' as const, ...OF, release: null, version: null, tool: 'shipway 1' };
    const sealed = await createBackup({ ...order, stores: stores(), vault, effect: createEffect(project) });
    digest = sealed.manifestSha256;
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  const look = (level: VerificationLevel, change: Partial<ProofOrder> = {}) =>
    proveBackup({
      id,
      ...OF,
      stores: stores(),
      vault: openVault(join(project, 'backups'), vaultKeys(join(project, 'keys'))),
      effect: createEffect(project),
      manifestSha256: digest,
      level,
      scratch: join(project, 'scratch'),
      ...change,
    });
  const outcomes = async (level: VerificationLevel, change?: Partial<ProofOrder>): Promise<string[]> =>
    (await look(level, change)).proofs.map(({ store, outcome }) => `${store} ${outcome}`);
  /** Changes the archive of the first store without a change of its size. */
  const flip = (): void => {
    const part = join(project, 'backups', id, 'one/index.jsonl');
    const bytes = readFileSync(part);
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
    writeFileSync(part, bytes);
  };

  it('passes at every level, for every store, and says whether it was all of it', async () => {
    for (const level of LEVELS) {
      expect(await outcomes(level)).toEqual(['one pass', 'two pass']);
      expect(await look(level, { storeNames: ['two'] })).toMatchObject({
        proofs: [{ store: 'two' }],
        isComplete: false,
      });
      expect((await look(level)).isComplete).toBe(true);
    }
  });

  it('sees a changed byte from level 1 on, and at level 0 says that it has not looked', async () => {
    flip();
    const [first] = (await look(0)).proofs;
    expect(first).toMatchObject({ outcome: 'pass' });
    expect(first?.notChecked).toContain('the content of the parts was not read (V1)');
    for (const level of [1, 2, 3] as const) {
      expect(await outcomes(level)).toEqual(['one fail', 'two pass']);
      expect((await look(level)).proofs[0]?.fault).toContain('part one/index.jsonl has changed');
    }
  });

  it('sees a part that is cut or missing at every level', async () => {
    const part = join(project, 'backups', id, 'one/index.jsonl');
    writeFileSync(part, 'cut');
    for (const level of LEVELS) expect(await outcomes(level)).toEqual(['one fail', 'two pass']);
    rmSync(part);
    for (const level of LEVELS) expect(await outcomes(level)).toEqual(['one fail', 'two pass']);
  });

  it('what is damaged in one store does not keep the others from being restored', async () => {
    flip();
    const order = {
      id,
      ...OF,
      stores: stores(),
      vault: openVault(join(project, 'backups'), vaultKeys(join(project, 'keys'))),
      effect: createEffect(project),
    };
    await expect(stageRestore(order)).rejects.toThrow('part one/index.jsonl has changed');
    expect(await stageRestore({ ...order, storeNames: ['two'] })).toMatchObject([{ name: 'two' }]);
  });

  it('a file that belongs to no store is the fault of all of it', async () => {
    writeFileSync(join(project, 'backups', id, 'more'), '');
    expect(await outcomes(1)).toEqual(['one pass', 'two pass', 'null fail']);
  });

  it('trusts no other manifest than the one that was recorded, and says when it knows of none', async () => {
    for (const level of LEVELS) {
      expect(await outcomes(level, { manifestSha256: '0'.repeat(64) })).toEqual(['one fail', 'two fail']);
    }
    const { manifestSha256: _, ...unknown } = { manifestSha256: digest };
    const order = {
      id,
      ...OF,
      stores: stores(),
      vault: openVault(join(project, 'backups'), vaultKeys(join(project, 'keys'))),
      ...unknown,
    };
    const effect = createEffect(project);
    const { proofs } = await proveBackup({ ...order, effect, level: 1, scratch: join(project, 'scratch') });
    expect(proofs[0]?.outcome).toBe('pass');
    expect(proofs[0]?.notChecked[0]).toContain('this memory does not know the backup');
  });

  it('fails as a whole when the manifest is damaged', async () => {
    writeFileSync(join(project, 'backups', id, 'manifest.json'), '{}');
    const { proofs, isComplete } = await look(2);
    expect(proofs).toMatchObject([{ store: null, outcome: 'fail' }]);
    expect(proofs[0]?.fault).toContain('changed after the backup was sealed');
    expect(isComplete).toBe(true);
  });

  it('could not look, which is no fault of the backup, when there is no place to restore to', async () => {
    writeFileSync(join(project, 'scratch'), 'no folder');
    expect(await outcomes(3)).toEqual(['one could-not-measure', 'two could-not-measure']);
    expect(await outcomes(2)).toEqual(['one pass', 'two pass']);
  });

  it('looks at what was sealed also when the release file has the store no more, and says that it could not open it', async () => {
    const [first] = stores();
    const change = { stores: first === undefined ? [] : [first] };
    expect(await outcomes(1, change)).toEqual(['one pass', 'two pass']);
    const { proofs } = await look(3, change);
    expect(proofs.map(({ outcome }) => outcome)).toEqual(['pass', 'could-not-measure']);
    expect(proofs[1]?.fault).toContain('is now not in the release file');
  });

  it('refuses to restore into what is backed up', async () => {
    const { proofs } = await look(3, { scratch: join(project, 'one/scratch') });
    expect(proofs.map(({ outcome }) => outcome)).toEqual(['could-not-measure', 'pass']);
    expect(proofs[0]?.fault).toContain('inside one, which is backed up');
  });

  it('throws for a store or a backup that is not there', async () => {
    await expect(look(2, { storeNames: ['three'] })).rejects.toMatchObject({ kind: 'not-found' });
    await expect(look(2, { id: 'bk_nothing' })).rejects.toMatchObject({ kind: 'not-found' });
  });
});
