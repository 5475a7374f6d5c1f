import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storeKinds } from '../../src/adapters/stores/index.ts';
import {
  createBackup,
  newBackupId,
  newIdentity,
  openVault,
  type ContextOrder,
} from '../../src/adapters/vaults/index.ts';
import { ENVIRONMENT_NOW, NOTHING_KNOWN } from '../../src/core/backup/backup-context.ts';
import { snapshotBytes } from '../../src/core/backup/environment-snapshot.ts';
import { sharedBytesOf } from '../../src/core/backup/manifest.ts';
import { createEffect } from '../support/create-effect.ts';
import { readSqlite } from '../support/read-sqlite.ts';
import { vaultKeys } from '../support/vault-keys.ts';

const PROGRAM = join(dirname(), '../fixtures/backups/restore-backup.mjs');
const LIMIT_MS = 120_000;
const OF = { service: 'notes', environment: 'production' };

function dirname(): string {
  return fileURLToPath(new URL('.', import.meta.url));
}

let project: string;
let second: number;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-second-'));
  const database = new Database(join(project, 'app.db'));
  database.exec(`CREATE TABLE notes(word); INSERT INTO notes VALUES ('one'), ('two')`);
  database.close();
  mkdirSync(join(project, 'uploads'));
  writeFileSync(join(project, 'uploads/letter.txt'), 'dear writer');
  writeFileSync(join(project, 'uploads/old.txt'), 'goes');
  writeFileSync(join(project, 'uploads/film'), randomBytes(5_000_000));
  second = 0;
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

async function take(
  recipients: string[],
  context?: ContextOrder,
): Promise<{ folder: string; signer: string; shared: number }> {
  const scope = { projectDirectory: project };
  const place = join(project, 'backups');
  const { manifest } = await createBackup({
    id: newBackupId({ ...OF, reason: 'manual' }, Date.UTC(2026, 10, 21) + (second += 1) * 1000),
    reason: 'manual',
    ...OF,
    release: null,
    version: '1.0.0',
    tool: 'shipway 0.1.0',
    stores: [
      { name: 'database', kind: 'sqlite', store: storeKinds.sqlite.open({ path: 'app.db' }, scope) },
      { name: 'uploads', kind: 'files', store: storeKinds.files.open({ paths: ['uploads'], exclude: [] }, scope) },
    ],
    vault: openVault(place, vaultKeys(join(project, '.shipway/keys'), { recipients })),
    effect: createEffect(project),
    ...(context === undefined ? {} : { context }),
  });
  const shared = sharedBytesOf(manifest.stores);
  return { folder: join(place, manifest.id), signer: manifest.seal?.signer ?? '', shared };
}

/** The way down and the env file, as a release hands them over. */
function contextOf(): ContextOrder {
  const down = join(project, '2.down.sql');
  writeFileSync(down, 'DROP TABLE b;');
  const file = { path: 'config/.env', mode: 0o640, content: Buffer.from('API_KEY=secret\n').toString('base64') };
  const snapshot = snapshotBytes({ format: 1, salt: 'ab'.repeat(16), file, variables: { API_KEY: 'secret' } });
  return {
    facts: {
      ...NOTHING_KNOWN,
      migration: { kind: 'command', version: '1.1.0', revision: '1', goesTo: null, notStored: null },
      environment: { file: 'config/.env', names: ['API_KEY'], startedBy: null, notStored: null },
    },
    down: [{ path: 'migrations/2.down.sql', from: down }],
    secrets: [{ path: ENVIRONMENT_NOW, bytes: snapshot }],
  };
}

function readIt(taken: { folder: string; signer: string }, identity: string) {
  const into = join(project, 'into');
  const argv = [PROGRAM, taken.folder, into, taken.signer];
  return { into, ...spawnSync(process.execPath, argv, { input: identity, encoding: 'utf8' }) };
}

test.each(['encrypted', 'not encrypted'])(
  'a backup that is %s is restored by a program that was written from its description alone',
  async (how) => {
    const { recipient, identity } = await newIdentity();
    const other = await newIdentity();
    const recipients = how === 'encrypted' ? [other.recipient, recipient] : [];
    const before = await take(recipients);
    writeFileSync(join(project, 'uploads/letter.txt'), 'dear reader');
    appendFileSync(join(project, 'uploads/film'), 'the end');
    rmSync(join(project, 'uploads/old.txt'));
    const taken = await take(recipients);
    rmSync(before.folder, { recursive: true }); // what it shares with the one before is its own as well
    expect(taken.shared).toBeGreaterThan(0);
    const read = readIt(taken, how === 'encrypted' ? identity : '');
    expect(read.stderr).toBe('');
    expect(readSqlite(join(read.into, 'database/database.db'), 'SELECT word FROM notes')).toEqual([[['one'], ['two']]]);
    const file = (...names: string[]): Buffer => readFileSync(join(...names));
    expect(readdirSync(join(read.into, 'uploads/files/uploads'))).toEqual(['film', 'letter.txt']);
    expect(file(read.into, 'uploads/files/uploads/letter.txt').toString()).toBe('dear reader');
    expect(file(read.into, 'uploads/files/uploads/film').equals(file(project, 'uploads/film'))).toBe(true);
  },
  LIMIT_MS,
);

test(
  'that program reads the files of the way down and the env file of an encrypted backup, with the mode it had',
  async () => {
    const { recipient, identity } = await newIdentity();
    const read = readIt(await take([recipient], contextOf()), identity);
    expect(read.stderr).toBe('');
    expect(readFileSync(join(read.into, '_context/down/migrations/2.down.sql'), 'utf8')).toBe('DROP TABLE b;');
    const file = join(read.into, '_context/environment/now.env');
    expect(readFileSync(file, 'utf8')).toBe('API_KEY=secret\n');
    expect(statSync(file).mode & 0o777).toBe(0o640);
  },
  LIMIT_MS,
);

test(
  'that program refuses another identity, another signer and a changed part',
  async () => {
    const { recipient, identity } = await newIdentity();
    const taken = await take([recipient]);
    expect(readIt(taken, (await newIdentity()).identity).stderr).toContain('not wrapped for this identity');
    expect(readIt({ ...taken, signer: `ed25519:${'0'.repeat(64)}` }, identity).stderr).toContain('signer');
    const part = join(taken.folder, 'database/database.db');
    const bytes = readFileSync(part);
    bytes.writeUInt8((bytes[5] ?? 0) ^ 1, 5);
    writeFileSync(part, bytes);
    expect(readIt(taken, identity).stderr).toContain('stored database/database.db');
  },
  LIMIT_MS,
);
