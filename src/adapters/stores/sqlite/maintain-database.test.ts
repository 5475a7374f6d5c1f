import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { readSqlite } from '../../../../test/support/read-sqlite.ts';
import { storeKinds } from '../index.ts';
import type { MaintenanceAct, MaintenanceReport } from '../maintenance.ts';

const MANY = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)';

describe('maintenance of a SQLite database', () => {
  let project: string;
  let live: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-maintain-'));
    live = join(project, 'app.db');
    write(`PRAGMA journal_mode=wal; CREATE TABLE notes (id INTEGER PRIMARY KEY, word TEXT); CREATE TABLE few (x);
      INSERT INTO few VALUES (1); INSERT INTO notes ${MANY} SELECT x, 'word ' || x FROM n`);
  });
  afterEach(() => rmSync(project, { recursive: true }));

  function write(sql: string): void {
    const database = new Database(live);
    database.exec(sql);
    database.close();
  }
  const run = async (act: MaintenanceAct, query: string | null = null): Promise<MaintenanceReport | undefined> =>
    storeKinds.sqlite
      .open({ path: 'app.db' }, { projectDirectory: project })
      .maintenance?.run({ act, query }, createEffect(project));

  it('counts the rows of every table', async () => {
    expect(await run('count')).toEqual({ findings: [], figures: { rows: { few: 1, notes: 20000 } } });
  });

  it('finds nothing wrong with a whole database', async () => {
    expect((await run('check'))?.findings).toEqual([]);
  });

  it('finds a page that was written over', async () => {
    const bytes = readFileSync(live);
    bytes.fill(0x5a, 5 * 4096, 7 * 4096);
    writeFileSync(live, bytes);
    const found = await run('check').then((report) => report?.findings.join(' ') ?? '', String);
    expect(found).toMatch(/malformed|btree|Tree|page/i);
  });

  it('finds a row that refers to nothing', async () => {
    write(
      'PRAGMA foreign_keys = off; CREATE TABLE child (note REFERENCES notes(id)); INSERT INTO child VALUES (99999)',
    );
    expect((await run('check'))?.findings).toEqual(['row 1 of child refers to a row of notes that is not there']);
  });

  it('gives back the room of deleted rows and keeps the others', async () => {
    write('DELETE FROM notes WHERE id > 100');
    const before = statSync(live).size;
    const report = await run('vacuum');
    expect(report?.figures).toEqual({ bytesBefore: before, bytesAfter: statSync(live).size });
    expect(statSync(live).size).toBeLessThan(before / 4);
    expect(readSqlite(live, 'SELECT count(*) FROM notes')).toEqual([[[100]]]);
  });

  it('gives the planner statistics', async () => {
    write('CREATE INDEX by_word ON notes (word)');
    await run('analyze');
    expect(readSqlite(live, "SELECT stat FROM sqlite_stat1 WHERE idx = 'by_word'")).toEqual([[['20000 1']]]);
  });

  it('tells a query that reads a large table whole from one that does not, and runs neither', async () => {
    expect((await run('explain', 'SELECT * FROM notes WHERE id = 7'))?.findings).toEqual([]);
    expect((await run('explain', 'SELECT * FROM few'))?.findings).toEqual([]);
    const report = await run('explain', "SELECT * FROM notes WHERE word = 'x'; DELETE FROM notes");
    expect(report?.findings).toEqual(['reads all 20000 rows of notes; an index would help']);
    await run('explain', 'DELETE FROM notes');
    expect((await run('count'))?.figures).toEqual({ rows: { few: 1, notes: 20000 } });
  });

  it('says what is wrong with a query', async () => {
    await expect(run('explain', 'SELECT * FROM nots')).rejects.toMatchObject({
      kind: 'check-failed',
      message: expect.stringContaining('no such table: nots') as string,
      next: expect.stringContaining('Correct --query') as string,
    });
  });
});
