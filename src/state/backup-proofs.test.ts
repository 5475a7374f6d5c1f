import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProofRun } from '../core/backup/proof-run.ts';
import { drillRecord, keepProof, proofRuns } from './backup-proofs.ts';
import { backupRecords } from './backup-record.ts';
import { expectedBackups } from './expected-backups.ts';
import { removeServer } from './embedded-postgres.ts';
import { readJournal } from './journal.ts';
import { openDatabase, type Database } from './open-database.ts';
import { journalBackup } from './sealed-backups.ts';

const PLACE = { service: 'shop', environment: 'production' };
let directory: string;
let database: Database;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-proofs-'));
  chmodSync(directory, 0o755);
  database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
}, 120_000);

afterAll(async () => {
  await database.close();
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

const proof = { store: 'data', outcome: 'pass' as const, fault: null, seconds: 1.5, checked: ['a'], notChecked: ['b'] };
const run: Omit<ProofRun, 'at'> = {
  backup: 'bk_1',
  level: 3,
  by: 'ana',
  release: null,
  tool: 'shipway 1',
  isComplete: true,
  stores: [proof, { ...proof, store: 'orders', outcome: 'fail', fault: 'torn' }],
};

test('a look is kept and journalled store by store, also one that failed, with who made it', async () => {
  await keepProof(database.db, PLACE, run);
  await keepProof(database.db, PLACE, { ...run, by: null, release: 'r-1', stores: [proof], isComplete: false });
  const [first, second] = await proofRuns(database.db, PLACE);
  expect(first).toEqual({ ...run, at: first?.at });
  expect(Date.parse(first?.at ?? '')).toBeGreaterThan(0);
  expect(second).toMatchObject({ by: null, release: 'r-1', isComplete: false });
  expect(await proofRuns(database.db, { ...PLACE, environment: 'staging' })).toEqual([]);
  const entries = await readJournal(database.db, { limit: 10 });
  const proven = entries.filter((entry) => entry.type === 'backup.proven');
  expect(proven.map(({ actor, data }) => [actor.id, data['store'], data['outcome']])).toEqual([
    ['ana', 'data', 'pass'],
    ['ana', 'orders', 'fail'],
    ['backups', 'data', 'pass'],
  ]);
});

test('what the journal refuses is not kept either', async () => {
  const before = await proofRuns(database.db, PLACE);
  const wrong = { ...run, level: 'three' as unknown as number };
  await expect(keepProof(database.db, PLACE, wrong)).rejects.toThrow();
  await expect(keepProof(database.db, PLACE, { ...run, level: 9 })).rejects.toThrow();
  expect(await proofRuns(database.db, PLACE)).toEqual(before);
});

test('a pass clears a fault only when it looked as thoroughly; a fault always counts', async () => {
  const tell = async (type: 'backup.sealed' | 'backup.verified', data: object): Promise<unknown> => {
    const actor = { kind: 'system' as const, id: 'backups' };
    await journalBackup(database.db, { type, release: null, ...PLACE, actor, data: { backup: 'bk_2', ...data } });
    const { level, outcome } = (await backupRecords(database.db, PLACE)).get('bk_2')?.proof ?? {};
    return `V${level} ${outcome}`;
  };
  expect((await drillRecord(database.db, PLACE)).firstBackupAt).toBeNull();
  expect(await tell('backup.sealed', { level: 2 })).toBe('V2 pass');
  expect((await drillRecord(database.db, PLACE)).firstBackupAt).not.toBeNull();
  expect(await tell('backup.verified', { level: 0, outcome: 'pass' })).toBe('V2 pass');
  expect(await tell('backup.verified', { level: 3, outcome: 'fail' })).toBe('V3 fail');
  expect(await tell('backup.verified', { level: 2, outcome: 'pass' })).toBe('V3 fail');
  expect(await tell('backup.verified', { level: 3, outcome: 'could-not-measure' })).toBe('V3 fail');
  expect(await tell('backup.verified', { level: 3, outcome: 'pass' })).toBe('V3 pass');
  expect(await tell('backup.verified', { level: 0, outcome: 'fail' })).toBe('V0 fail');
});

test('a backup is expected where it was sealed, until it was pruned and when it came out of the trash again', async () => {
  const place = { service: 'expected', environment: 'production' };
  const frame = { release: null, ...place, actor: { kind: 'system' as const, id: 'backups' } };
  for (const [backup, project] of [
    ['bk_1', 'here'],
    ['bk_2', 'here'],
    ['bk_3', 'here'],
    ['bk_4', 'elsewhere'],
  ] as const)
    await journalBackup(database.db, { ...frame, type: 'backup.sealed', data: { backup, project } });
  for (const backup of ['bk_2', 'bk_3'])
    await journalBackup(database.db, {
      ...frame,
      type: 'backup.pruned',
      data: { backup, manifest: null, rule: 'old' },
    });
  await journalBackup(database.db, { ...frame, type: 'backup.recovered', data: { backup: 'bk_3', rule: 'pin' } });
  expect(await expectedBackups(database.db, place, 'here')).toEqual(['bk_1', 'bk_3']);
});
