import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { acceptLoss } from '../support/accept-loss.ts';
import { readSqlite } from '../support/read-sqlite.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const LIMIT_MS = 120_000; // a handful of commands one after the other, on a machine that does other things too
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let project: ServiceProject;
let id = '';
const backup = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['backup', ...args]));
const path = (...names: string[]): string => join(project.directory, ...names);

function write(word: string): void {
  project.write('data/word.txt', word);
  const database = new Database(path('app.db'));
  database.exec(`CREATE TABLE IF NOT EXISTS t(word); DELETE FROM t; INSERT INTO t VALUES ('${word}')`);
  database.close();
}
const words = (from = project.directory, database = 'app.db', files = 'data/word.txt'): string[] => [
  String(readSqlite(join(from, database), 'SELECT word FROM t')[0]?.[0]?.[0]),
  readFileSync(join(from, files), 'utf8'),
];

beforeAll(async () => {
  project = await createServiceProject({
    top: 'stores: { uploads: { files: { paths: [data] } }, database: { sqlite: { path: app.db } } }',
    watch: '',
  });
  write('old');
  const { backup: made } = JSON.parse(await backup(0, 'create', '--json')) as { backup: { id: string } };
  id = made.id;
  write('new');
});
afterAll(() => project.remove());

test('a backup is written into a new folder, a folder a store, and the live data is not touched', async () => {
  const printed = await backup(0, 'restore', id, '--into', 'look');
  expect(printed).toContain('the live data is not touched');
  expect(printed.includes('_context')).toBe(existsSync(path('look/_context')));
  expect(words(path('look'), 'database/app.db', 'uploads/data/word.txt')).toEqual(['old', 'old']);
  expect(words()).toEqual(['new', 'new']);
  const rows = await project.rows<{ data: { backup: string; stores: string[] } }>(
    `select (entry::jsonb) -> 'data' as data from shipway.journal where type = 'backup.extracted'`,
  );
  expect(rows.map(({ data }) => [data.backup, data.stores])).toEqual([[id, ['uploads', 'database']]]);
});

test('one store alone, and --dry-run writes nothing', async () => {
  expect(await backup(0, 'restore', id, '--store', 'database', '--into', 'one', '--dry-run')).toContain('would write');
  expect(existsSync(path('one'))).toBe(false);
  await backup(0, 'restore', id, '--store', 'database', '--into', 'one');
  expect([existsSync(path('one/database/app.db')), existsSync(path('one/uploads'))]).toEqual([true, false]);
});

test('a folder in which there is something, and a store that is not there, are refused', async () => {
  mkdirSync(path('full'));
  writeFileSync(path('full/mine'), 'kept');
  expect(await backup(30, 'restore', id, '--into', 'full')).toContain('the folder to restore into is not empty');
  expect(readFileSync(path('full/mine'), 'utf8')).toBe('kept');
  expect(await backup(1, 'restore', id, '--store', 'databse', '--into', 'x')).toMatch(
    /no store "databse"[\s\S]*It holds: uploads, database/,
  );
});

test('in place, only the named store goes back; what is lost is told of it alone', async () => {
  const { asked, ended } = await acceptLoss(project, ['backup', 'restore', id, '--store', 'database']);
  const printed = asked + said(0, ended);
  expect(printed).toContain('database is replaced by backup');
  expect(printed).not.toContain('uploads');
  expect(words()).toEqual(['old', 'new']);
});
