import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { openSqliteStore } from './sqlite-store.ts';

let directory: string;
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-describe-')));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const describeTables = (names: string[]) =>
  openSqliteStore({ path: 'app.db' }, { projectDirectory: directory }).describeTables?.(names, testEffect(directory));

test('rows are counted, bytes include the indexes, and what is not there is left out', async () => {
  const database = new Database(join(directory, 'app.db'));
  database.exec(`CREATE TABLE "my orders" (id INTEGER PRIMARY KEY, note TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO "my orders" (note) SELECT printf('%0100d', i) FROM n;
    CREATE INDEX by_note ON "my orders" (note); CREATE TABLE empty (x INTEGER);`);
  database.close();
  const found = await describeTables(['my orders', 'empty', 'nowhere']);
  expect(Object.keys(found?.tables ?? {})).toEqual(['my orders', 'empty']);
  expect(found?.tables['my orders']).toMatchObject({ rows: 1000, columns: { id: 'INTEGER', note: 'TEXT' } });
  expect(found?.tables['my orders']?.bytes).toBeGreaterThan(200_000); // 100 kB of text, in the table and in the index
  expect(found?.tables['empty']).toEqual({ rows: 0, bytes: 4096, columns: { x: 'INTEGER' } });
});

test('before there is a database nothing is known, and none is made', async () => {
  expect(await describeTables(['orders'])).toEqual({ engineVersion: null, tables: {} });
  expect(await describeTables(['orders'])).toEqual({ engineVersion: null, tables: {} });
});
