import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEffect } from '../../test/support/create-effect.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { vaultKeys } from '../../test/support/vault-keys.ts';
import { storeKinds } from '../adapters/stores/index.ts';
import { createBackup, newBackupId, openVault, type Sealed } from '../adapters/vaults/index.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import { damagedCopies } from '../state/copy-record.ts';
import { readJournal } from '../state/journal.ts';
import { copyTools } from './copies.ts';

const OF = { service: 'notes', environment: 'production' };
const LIMIT_MS = 240_000; // every file is synced, and the disk may be busy with something else

let memory: TestDatabase;
let project: string;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'shipway-copies-'));
  for (const folder of ['data', 'place']) mkdirSync(join(project, folder));
  writeFileSync(join(project, 'data/file'), 'content');
  memory = await createTestDatabase();
}, LIMIT_MS);
afterAll(async () => {
  await memory.remove();
  rmSync(project, { recursive: true, force: true });
}, LIMIT_MS);

const vault = () => openVault(join(project, 'backups'), vaultKeys(join(project, '.shipway/keys')));

function take(): Promise<Sealed> {
  const store = storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project });
  return createBackup({
    id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21)),
    reason: 'manual',
    ...OF,
    release: null,
    version: '1.0.0',
    tool: 'shipway 0.1.0',
    stores: [{ name: 'uploads', kind: 'files', store }],
    vault: vault(),
    effect: createEffect(project),
  });
}

test(
  'a fetched backup is told as recovered when it was in the trash, as fetched when it was gone, as damaged when its copy is, and not told when it was here',
  async () => {
    const effect = createEffect(project);
    const copies = [
      {
        name: 'disk',
        kind: 'directory',
        settings: join(project, 'place'),
        required: false,
        unencrypted: true,
        limitSeconds: 60,
      },
    ];
    const plan = { ...OF, backupCopies: copies } as unknown as Plan;
    const tools = copyTools({
      open: async () => memory.database,
      vaultOf: vault,
      summaryOf: ({ manifest }) => ({ id: manifest.id }) as BackupSummary,
    });
    const { manifest, manifestSha256 } = await take();
    const { id } = manifest;
    await tools.copy(plan, { id, place: 'disk' }, effect);
    const told = async (): Promise<unknown[]> => {
      const before = await readJournal(memory.database.db, { limit: 100 });
      const which = { place: 'disk', limitSeconds: 60 };
      expect(await tools.at(plan, which, effect, (act) => act.bringBack(id))).toEqual({ id });
      const after = await readJournal(memory.database.db, { limit: 100 });
      expect((await vault().list()).map((entry) => entry.id)).toEqual([id]);
      return after.slice(before.length).map(({ type, data }) => [type, data]);
    };
    expect(await told()).toEqual([]);
    await vault().trash(id, { at: '2026-11-21T00:00:00.000Z', why: 'test' });
    expect(await told()).toEqual([['backup.recovered', { backup: id, rule: 'fetched from disk' }]]);
    await vault().trash(id, { at: '2026-11-21T00:00:00.000Z', why: 'test' });
    await vault().empty(id);
    expect(await told()).toEqual([['backup.fetched', { backup: id, place: 'disk', manifest: manifestSha256 }]]);
    const part = readdirSync(join(project, 'place'), { recursive: true, withFileTypes: true }).find(
      (entry) => entry.isFile() && !entry.name.includes('manifest'),
    );
    const path = join(part?.parentPath ?? '', part?.name ?? '');
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path).fill(7));
    await vault().trash(id, { at: '2026-11-21T00:00:00.000Z', why: 'test' });
    await vault().empty(id);
    await expect(told()).rejects.toMatchObject({ kind: 'backup-invalid' });
    expect([...(await damagedCopies(memory.database.db, OF, 'disk')).keys()]).toEqual([id]);
  },
  LIMIT_MS,
);
