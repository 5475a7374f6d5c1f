import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const TOP =
  'stores: { uploads: { files: { paths: [data] } }, database: { sqlite: { path: app.db } }, other: { sqlite: { path: other.db } } }';

const LIMIT_MS = 120_000; // a handful of commands one after the other, on a machine that does other things too

let project: ServiceProject;
const store = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['store', ...args]));
interface Kept {
  data: { store: string; act: string; passed: boolean };
}
const entries = (): Promise<Kept[]> =>
  project.rows<Kept>(
    `select (entry::jsonb) -> 'data' as data from shipway.journal where type = 'store.maintained' order by index`,
  );

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

beforeAll(async () => {
  project = await createServiceProject({ top: TOP, watch: '' });
  project.write('data/word.txt', 'kept');
  for (const name of ['app.db', 'other.db']) {
    const database = new Database(join(project.directory, name));
    database.exec(`CREATE TABLE notes (id INTEGER PRIMARY KEY, word TEXT);
      INSERT INTO notes WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000) SELECT x, 'word' FROM n`);
    database.close();
  }
});
afterAll(() => project.remove());

test('every store that can is counted, checked, analyzed and vacuumed with one command', async () => {
  expect(await store(0, 'count')).toMatch(/ok {4}database \(sqlite\).*\n +20000 {2}notes\nok {4}other \(sqlite\)/);
  expect(await store(0, 'check')).toContain('ok    database (sqlite)');
  expect(await store(0, 'analyze', 'database')).toContain('ok    database (sqlite)');
  expect(await store(0, 'vacuum', 'database')).toMatch(/before: .*\n +after: /);
});

test('--dry-run names the stores and does nothing', async () => {
  const before = readFileSync(join(project.directory, 'app.db'));
  expect(await store(0, 'vacuum', '--dry-run')).toBe('would vacuum database (sqlite)\nwould vacuum other (sqlite)\n');
  expect(readFileSync(join(project.directory, 'app.db')).equals(before)).toBe(true);
});

test('a query that reads a large table whole ends with 1 and says which', async () => {
  const query = (sql: string, code: number): Promise<string> => store(code, 'explain', 'database', '--query', sql);
  expect(await query('SELECT * FROM notes WHERE id = 1', 0)).toContain('SEARCH notes USING INTEGER PRIMARY KEY');
  expect(await query("SELECT * FROM notes WHERE word = 'x'", 1)).toContain(
    'reads all 20000 rows of notes; an index would help',
  );
});

test('a damaged database ends with 1, and the other stores are looked at all the same', async () => {
  const path = join(project.directory, 'app.db');
  const bytes = readFileSync(path);
  const whole = Buffer.from(bytes);
  bytes.fill(0x5a, 3 * 4096 + 100, 4 * 4096);
  writeFileSync(path, bytes);
  const report = JSON.parse(await store(1, 'check', '--json')) as { stores: { store: string; findings: string[] }[] };
  writeFileSync(path, whole);
  expect(report.stores.map(({ store: name, findings }) => [name, findings.length > 0])).toEqual([
    ['uploads', false],
    ['database', true],
    ['other', false],
  ]);
});

test('what cannot be done is refused with what can', async () => {
  const refused = async (...args: string[]): Promise<string> => (await project.shipway(['store', ...args])).stderr;
  expect(await refused('vacuum', 'uploads')).toMatch(
    /vacuum cannot be done by uploads \(files\)[\s\S]*database, other/,
  );
  expect(await refused('vacuum', 'databse')).toMatch(/there is no store databse[\s\S]*uploads, database, other/);
  expect(await refused('explain', 'database')).toContain('--query');
});

test('the result of each act stays in the journal', async () => {
  const found = await entries();
  expect(found.map(({ data }) => `${data.act} ${data.store} ${data.passed}`)).toEqual([
    'count uploads true',
    'count database true',
    'count other true',
    'check uploads true',
    'check database true',
    'check other true',
    'analyze database true',
    'vacuum database true',
    'explain database true',
    'explain database false',
    'check uploads true',
    'check database false',
    'check other true',
  ]);
});
