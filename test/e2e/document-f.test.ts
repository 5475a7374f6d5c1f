// Document F: a backend with SQLite and an environment file. Its process manager (pm2) is a later part; the process target stands in.
// What the document does to the frontend is no data. The project is examples/fikiri, run as it is.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';
import { readSqlite } from '../support/read-sqlite.ts';
import { announcedLoss, compareRows, fewerRows, sqliteChecksums, type RowChecksums } from '../support/row-checksums.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // several releases one after the other, on a machine that does other things too
const NOTHING = { lost: {}, gained: {} };
const OF_BOTH_SCHEMAS = { leads: ['id', 'email', 'note'] };

let project: ExampleProject;
const live = (): string => project.path('data/fikiri.db');
const rows = (columns: Record<string, string[]> = {}): RowChecksums => sqliteChecksums(live(), columns);
const revision = (): unknown => readSqlite(live(), 'SELECT user_version FROM pragma_user_version')[0]?.[0]?.[0];
const addLead = (email: string): Promise<object> =>
  project.ask('POST', '/leads', { email, note: 'from the form', user: 7 });

function seed(path: string): void {
  const database = new Database(path);
  database.exec(project.read('seed.sql'));
  database.close();
}

/** 1.2.0: another migration, and a server that asks for a column which nobody made. */
function writeNextVersion(): void {
  const older = project.read('releases/1.1.0/migrate.mjs');
  const next = `const score = { name: '002_score', up: 'ALTER TABLE leads ADD COLUMN score INTEGER; CREATE TABLE scores (id INTEGER)',
    down: 'DROP TABLE scores; ALTER TABLE leads DROP COLUMN score' };\n`;
  project.write('releases/1.2.0/migrate.mjs', next + older.replace('[addUserIdToLeads]', '[addUserIdToLeads, score]'));
  const server = project
    .read('releases/1.1.0/server.mjs')
    .replace('note, user_id FROM leads', 'note, owner FROM leads');
  project.write('releases/1.2.0/server.mjs', server);
}

beforeAll(async () => {
  project = await createExampleProject('fikiri');
  mkdirSync(project.path('data'));
  seed(live());
  project.write('.env', project.read('.env.example'), 0o600);
  await project.shipway(0, 'release', '1.0.0');
});
afterAll(() => project.remove());

describe('Deployment Process', () => {
  test('Pre-Deploy Checklist: the database backup is made, verified, and older than anything the new version does', async () => {
    const before = rows();
    expect(await project.shipway(0, 'plan', '1.1.0')).toMatch(
      /back up database, environment and verify the copy[\s\S]*migrate up[\s\S]*start the new version/,
    );
    await project.shipway(0, 'release', '1.1.0');
    await addLead('first-of-1.1.0@example.com');
    await project.shipway(0, 'backup', 'restore', 'before:r-0002', '--into', 'look');
    expect(compareRows(before, sqliteChecksums(project.path('look/database/fikiri.db')))).toEqual(NOTHING);
    expect(project.read('look/environment/.env')).toBe(project.read('.env'));
    expect(await project.shipway(0, 'backup', 'verify', 'before:r-0002', '--level', '3')).toContain('1 of 1');
  });

  test('Deploy Backend: the migration went up, and no row that was there before is another one', async () => {
    await project.shipway(0, 'backup', 'restore', 'before:r-0002', '--store', 'database', '--into', 'before');
    expect(revision()).toBe(1);
    expect(compareRows(sqliteChecksums(project.path('before/database/fikiri.db')), rows(OF_BOTH_SCHEMAS))).toEqual({
      lost: {},
      gained: { leads: 1, onboarding_jobs: 1 },
    });
  });
});

describe('Rollback Procedures', () => {
  test('Quick Rollback (< 5 minutes): the version before serves, and every row stays', async () => {
    const before = rows();
    const begunAt = performance.now();
    await project.shipway(0, 'rollback', '--yes', '--reason', 'the onboarding fails');
    expect(performance.now() - begunAt).toBeLessThan(5 * 60_000);
    expect(await project.version()).toBe('1.0.0');
    expect(compareRows(before, rows())).toEqual(NOTHING);
  });

  test('Full Rollback (< 15 minutes), Database Rollback: restored from the backup, it loses exactly what it announced', async () => {
    await project.shipway(0, 'unlock', 'fikiri', '--version', '1.1.0', '--reason', 'tried again', '--yes');
    const good = rows();
    await project.shipway(0, 'release', '1.1.0');
    const environment = project.read('.env');
    project.write('.env', environment.replace('INFO', 'DEBUG'), 0o600);
    for (const name of ['a', 'b', 'c']) await addLead(`${name}@example.com`);
    await project.ask('POST', '/automation/run');
    const spoilt = rows();

    const { asked, goOn } = await project.askToRestore('the automation answered everybody');
    expect(rows()).toEqual(spoilt);
    const begunAt = performance.now();
    expect(await goOn()).toMatch(/\[ok\] +verify +verification: Health, Leads/);
    expect(performance.now() - begunAt).toBeLessThan(15 * 60_000);

    const measured = compareRows(spoilt, rows());
    expect(compareRows(good, rows())).toEqual(NOTHING);
    const fewer = fewerRows(measured);
    expect(announcedLoss(asked, 'database')).toEqual(fewer);
    expect(fewer).toEqual({ leads: 3, onboarding_jobs: 3 });
    expect(measured.gained).toEqual({ leads: 100 });
    expect(asked).toContain('environment: 1 file was written since the backup');
    expect(asked).toContain('database: what is in both may have been changed since');
  });

  test('Environment Rollback: the environment file is back, and the version before runs with it', async () => {
    expect(project.read('.env')).toContain('LOG_LEVEL=INFO');
    expect(statSync(project.path('.env')).mode & 0o777).toBe(0o600);
    expect(await project.ask('GET', '/health')).toMatchObject({ version: '1.0.0', logLevel: 'INFO' });
  });
});

describe('Database Management', () => {
  test('Backup Strategy: each backup has an id of its own, and is found by it', async () => {
    const made = await Promise.all([1, 2].map(() => project.shipway(0, 'backup', 'create', '--json')));
    const ids = made.map((text) => (JSON.parse(text) as { backup: { id: string } }).backup.id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(await project.shipway(0, 'backup', 'show', id)).toContain(id);
  });

  test('Migration Management: status and dry-run change nothing', async () => {
    const before = rows();
    writeNextVersion();
    expect(await project.shipway(0, 'migrate', 'status', '1.2.0')).toMatch(
      /applied 001_add_user_id_to_leads\n *waiting 002_score/,
    );
    const checked = await project.shipway(0, 'migrate', 'check', '--env', 'production', '--version', '1.2.0');
    expect(checked).toContain('2 statements');
    expect([compareRows(before, rows()), revision()]).toEqual([NOTHING, 1]);
  });

  test('Migration Management, down: a version that fails takes its migration back, and every row is as it was', async () => {
    const before = rows();
    const printed = await project.shipway(20, 'release', '1.2.0');
    expect(printed).toContain('ROLLED BACK to 1.0.0');
    expect(printed).toContain('undone: migrate up');
    expect([compareRows(before, rows()), revision()]).toEqual([NOTHING, 1]);
    expect(await project.version()).toBe('1.0.0');
  });

  test('Database Maintenance: vacuum, integrity check, analyze, and the plan of the query of the document', async () => {
    const before = rows();
    for (const act of ['vacuum', 'check', 'analyze'])
      expect(await project.shipway(0, 'store', act, 'database')).toContain('ok    database (sqlite)');
    const query = "SELECT * FROM leads WHERE email = 'lead-1@example.com'";
    expect(await project.shipway(0, 'store', 'explain', 'database', '--query', query)).toContain('SCAN leads');
    expect(compareRows(before, rows())).toEqual(NOTHING);
  });
});

describe('Emergency Procedures', () => {
  test('Data Corruption: it is found, a rollback that cannot keep what is there stops with 22, and without that backup it brings the data back', async () => {
    const good = rows();
    await project.shipway(0, 'unlock', 'fikiri', '--version', '1.1.0', '--reason', 'tried again', '--yes');
    await project.shipway(0, 'release', '1.1.0');
    const file = openSync(live(), 'r+');
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, 2 * 4096);
    closeSync(file);
    expect(await project.shipway(1, 'store', 'check', 'database')).toContain('malformed');
    const words = ['rollback', '--data', 'restore', '--reason', 'the database is damaged'];
    const since = /--yes-lose-data-since (\S+)/.exec(await project.shipway(3, ...words))?.[1] ?? '';
    const stopped = await project.shipway(22, ...words, '--yes-lose-data-since', since);
    expect(stopped).toContain('Nothing was changed. production still runs 1.1.0.');
    expect(stopped).toContain('--no-safety-backup');
    const printed = await project.shipway(0, ...words, '--no-safety-backup', '--yes-lose-data-since', since);
    expect(printed).toContain('the replaced data is NOT backed up first, only kept aside');
    expect(await project.version()).toBe('1.0.0');
    expect(compareRows(good, rows())).toEqual(NOTHING);
  });
});

describe('the way of the document (controls)', () => {
  const path = (name: string): string => project.path('controls', name);
  const open = (name: string): InstanceType<typeof Database> => new Database(path(name));
  beforeAll(() => {
    mkdirSync(project.path('controls'));
  });

  test('cp of the live file while a checkpoint falls into it mixes two states, and opens without a word', () => {
    seed(path('live.db'));
    const database = open('live.db');
    database.exec("UPDATE leads SET note = 'one'; PRAGMA wal_checkpoint(TRUNCATE)");
    copyInTwoHalves(path('live.db'), path('copy.db'), () =>
      database.exec("UPDATE leads SET note = 'two'; PRAGMA wal_checkpoint(TRUNCATE)"),
    );
    database.close();
    const [check, notes] = readSqlite(
      path('copy.db'),
      'SELECT * FROM pragma_integrity_check',
      'SELECT DISTINCT note FROM leads ORDER BY 1',
    );
    expect(check).toEqual([['ok']]);
    expect(notes).toEqual([['one'], ['two']]);
  });

  test('cp of the live file lacks what is still in the log', () => {
    seed(path('logged.db'));
    const database = open('logged.db');
    database.exec("PRAGMA wal_autocheckpoint = 0; INSERT INTO leads (email) VALUES ('acknowledged@example.com')");
    copyFileSync(path('logged.db'), path('logged-copy.db'));
    const count = (name: string): unknown => readSqlite(path(name), 'SELECT count(*) FROM leads')[0]?.[0]?.[0];
    expect([count('logged.db'), count('logged-copy.db')]).toEqual([401, 400]);
    database.close();
  });

  test('cp of a backup over a database whose writer was killed leaves its log there, and the database is malformed', async () => {
    seed(path('killed.db'));
    const database = open('killed.db');
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    copyFileSync(path('killed.db'), path('killed-backup.db'));
    const MORE = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)';
    database.exec(
      `${MORE} INSERT INTO leads (email) SELECT hex(randomblob(20)) FROM n; PRAGMA wal_checkpoint(TRUNCATE)`,
    );
    database.close();
    const script = `import Database from 'libsql';
      const database = new Database(${JSON.stringify(path('killed.db'))});
      database.exec("PRAGMA wal_autocheckpoint = 0; ${MORE.replace('5000', '500')} INSERT INTO leads (email) SELECT hex(randomblob(20)) FROM n");
      process.kill(process.pid, 'SIGKILL');`;
    await once(spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: project.directory }), 'exit');
    expect(existsSync(path('killed.db-wal'))).toBe(true);
    copyFileSync(path('killed-backup.db'), path('killed.db'));
    const look = (): unknown => readSqlite(path('killed.db'), 'SELECT * FROM pragma_integrity_check')[0]?.[0]?.[0];
    expect(verdictOf(look)).toContain('malformed');
  });

  test('the restore of the document can never find what its backup wrote', () => {
    const folder = project.path('controls/paths');
    mkdirSync(join(folder, 'data'), { recursive: true });
    mkdirSync(join(folder, 'backups'));
    seed(join(folder, 'data/fikiri.db'));
    execFileSync('sh', ['-c', 'DATE=$(date +%Y%m%d_%H%M%S); cp data/fikiri.db "backups/fikiri_backup_$DATE.db"'], {
      cwd: folder,
    });
    const restore = spawnSync('sh', ['-c', 'cp data/fikiri_backup_$(date +%Y%m%d).db data/fikiri.db'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(restore.status).not.toBe(0);
    expect(restore.stderr).toContain('No such file');
  });
});

function verdictOf(look: () => unknown): unknown {
  try {
    return look();
  } catch (error) {
    return (error as Error).message;
  }
}

/** As `cp` on a slow disk would: one descriptor, read from the beginning to the end, and something happens in the middle. */
function copyInTwoHalves(source: string, target: string, inTheMiddle: () => void): void {
  const bytes = statSync(source).size;
  const half = Math.floor(bytes / 8192) * 4096;
  const [from, to] = [openSync(source, 'r'), openSync(target, 'w')];
  const buffer = Buffer.alloc(bytes);
  writeSync(to, buffer, 0, readSync(from, buffer, 0, half, 0));
  inTheMiddle();
  writeSync(to, buffer, 0, readSync(from, buffer, 0, bytes - half, half));
  closeSync(from);
  closeSync(to);
}
