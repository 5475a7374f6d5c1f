import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import {
  countBadCopies,
  killWriterAfterCommit,
  killWriterMidTransaction,
} from '../../../../test/support/hammered-database.ts';
import { readSqlite } from '../../../../test/support/read-sqlite.ts';
import { storeKinds } from '../index.ts';
import type { Store } from '../store.ts';
import { describeStore, IN_PROJECT_FILES, touchFile } from '../store.suite.ts';

const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };
/** Beside a live database in WAL mode: SQLite makes them for whoever reads, and removes them when the last writing handle is closed. */
const OF_SQLITE = ['app.db-shm', 'app.db-wal'];

for (const journalMode of ['wal', 'delete']) {
  describe(`in journal mode ${journalMode}`, () => {
    describeStore({
      kind: 'sqlite',
      place: {
        ...IN_PROJECT_FILES,
        names: async (project) => (await IN_PROJECT_FILES.names(project)).filter((name) => !OF_SQLITE.includes(name)),
      },
      hasGap: false,
      settings: { path: 'app.db' },
      touchStaged: touchFile,
      copyFile: 'database.db',
      write: (project, word) => {
        const database = new Database(join(project, 'app.db'));
        database.exec(
          `PRAGMA journal_mode=${journalMode}; CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, word TEXT)`,
        );
        database.exec('BEGIN; DELETE FROM notes');
        for (let n = 0; n < (ROWS[word] ?? 0); n += 1) database.exec(`INSERT INTO notes (word) VALUES ('${word}')`);
        database.exec('COMMIT');
        database.close();
      },
      read: (project) => {
        if (!existsSync(join(project, 'app.db'))) return null;
        const [checks, rows] = readSqlite(
          join(project, 'app.db'),
          'SELECT * FROM pragma_integrity_check',
          'SELECT word, count(*) FROM notes GROUP BY word',
        );
        const [word, count] = (rows?.[0] ?? []) as [string, number];
        if (checks?.[0]?.[0] !== 'ok' || rows?.length !== 1 || count !== ROWS[word])
          throw new Error(`mixed: ${JSON.stringify({ checks, rows })}`);
        return word;
      },
    });
  });
}

describe('a store of kind sqlite', () => {
  let project: string;
  let copy: string;
  let live: string;
  let store: Store;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-sqlite-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    live = join(project, 'app.db');
    store = storeKinds.sqlite.open({ path: 'app.db' }, { projectDirectory: project });
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));
  const withLive = (sql: string): void => {
    const database = new Database(live);
    database.exec(sql);
    database.close();
  };
  const capture = () => store.capture(copy, createEffect(project));

  it('names the engine and counts the rows of every table', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE a(x); CREATE TABLE "b ""c"(x); INSERT INTO a VALUES (1),(2)');
    const found = await capture();
    expect(found.engine).toMatch(/^sqlite 3\.\d+\.\d+$/);
    expect(found.counters).toEqual({ a: 2, 'b "c': 0 });
  });

  it('keeps the fingerprint over another order of rows and another layout', async () => {
    withLive("CREATE TABLE t(x, y); INSERT INTO t VALUES (1,'a'),(2.5,NULL),(x'00ff','b'),(9223372036854775807,'')");
    const first = await capture();
    withLive(
      "DELETE FROM t; VACUUM; INSERT INTO t VALUES (9223372036854775807,''),(x'00ff','b'),(1,'a'),(2.5,NULL); VACUUM",
    );
    expect((await capture()).fingerprint).toBe(first.fingerprint);
  });

  it.each([
    ["UPDATE t SET x = '1'", 'a number became a text'],
    ['UPDATE t SET x = 1.0', 'an integer became a real'],
    ["UPDATE t SET x = x'31'", 'a text became a blob'],
    ['INSERT INTO t SELECT * FROM t', 'every row is there twice'],
    ['CREATE INDEX i ON t(x)', 'an index was added'],
    ['PRAGMA user_version = 7', 'the schema version of the service changed'],
    ['DELETE FROM t', 'the rows are gone'],
  ])('changes the fingerprint after %s: %s', async (sql) => {
    withLive('CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    const first = await capture();
    withLive(sql);
    expect((await capture()).fingerprint).not.toBe(first.fingerprint);
  });

  it('captures text that is not UTF-8, NUL bytes, huge rows, full-text and WITHOUT ROWID tables', async () => {
    withLive(
      "CREATE TABLE t(x); INSERT INTO t VALUES (CAST(x'ff00fe' AS TEXT)), ('a' || char(0) || 'b'), (zeroblob(5000000)), (randomblob(3000000));" +
        "CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('hello'); CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO w VALUES (1,2);" +
        'CREATE TABLE g(a, b AS (a * 2) STORED, c AS (a * 3)); INSERT INTO g(a) VALUES (4); CREATE VIEW v AS SELECT * FROM t',
    );
    const found = await capture();
    expect(found.counters).toMatchObject({ t: 4, w: 1, g: 1 });
    await store.verify(copy, found, createEffect(project));
  });

  it('captures while a writer holds an open transaction in WAL mode, without what is not committed', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    const writer = new Database(live);
    writer.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2)');
    const found = await capture();
    writer.exec('COMMIT');
    writer.close();
    expect(found.counters).toEqual({ t: 1 });
  });

  it('waits for a lock with a limit, says who to look for, and leaves no copy', async () => {
    withLive('CREATE TABLE t(x)');
    const writer = new Database(live);
    writer.exec('BEGIN EXCLUSIVE');
    let now = 0;
    // Every wait makes five seconds pass: the limit is reached by the clock, not by the test.
    const clock = { speed: 1, nowMs: () => now, sleep: async () => void (now += 5000) };
    await expect(store.capture(copy, createEffect(project, { clock }))).rejects.toThrow('locked for 30 s');
    writer.exec('COMMIT');
    writer.close();
    expect(readdirSync(copy)).toEqual([]);
    expect((await capture()).counters).toEqual({ t: 0 });
  });

  it('reads through the journal that a killed writer left', async () => {
    withLive('CREATE TABLE t(x); INSERT INTO t VALUES (1)');

    await killWriterMidTransaction(live);
    expect(existsSync(`${live}-journal`)).toBe(true);
    expect((await capture()).counters).toEqual({ t: 1 });
  });

  it('restores a WAL database as a WAL database, with the rights of the live file and nothing foreign beside it', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    chmodSync(live, 0o640);
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);
    // A writer that was killed leaves -wal and -shm behind: copied over, they would be replayed into the restored file.

    await killWriterAfterCommit(live);
    expect(statSync(`${live}-wal`).size).toBeGreaterThan(0);
    await store.swap(staged, effect);
    expect(readdirSync(project).filter((name) => name.startsWith('app.db-'))).toEqual([]);
    expect(statSync(live).mode & 0o777).toBe(0o640);
    expect(readFileSync(live).readUInt8(18)).toBe(2); // the file format's word for WAL
    expect(readSqlite(live, 'SELECT count(*) FROM t')).toEqual([[[1]]]);
  });

  it('keeps the rows of the replaced log: swapped back, the killed writer has lost nothing', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);

    await killWriterAfterCommit(live);
    const record = await store.swap(staged, effect);
    await store.swapBack(record, effect);
    expect(readSqlite(live, 'SELECT count(*) FROM t')).toEqual([[[2]]]);
  });

  it('moves a damaged database aside with everything beside it', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);
    writeFileSync(live, 'garbage '.repeat(1000));
    writeFileSync(`${live}-wal`, 'foreign log');
    const record = await store.swap(staged, effect);
    expect(readFileSync(join(record.keptAt ?? '', 'app.db'), 'utf8')).toMatch(/^garbage/);
    expect(readFileSync(join(record.keptAt ?? '', 'app.db-wal'), 'utf8')).toBe('foreign log');
    expect(readdirSync(project).filter((name) => name.startsWith('app.db-'))).toEqual([]);
  });

  it('shows a reader that kept its handle the replaced data: whoever swaps restarts the service', async () => {
    withLive('CREATE TABLE t(x)');
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);
    const service = new Database(live);
    service.exec('INSERT INTO t VALUES (1)');
    await store.swap(staged, effect);
    expect(service.prepare('SELECT count(*) FROM t').raw().get()).toEqual([1]);
    service.close();
    expect(readSqlite(live, 'SELECT count(*) FROM t')).toEqual([[[0]]]);
  });

  it('keeps nothing of a log that has been replaced: the next copy has what was committed since', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    expect((await capture()).counters).toEqual({ t: 1 });
    for (const name of OF_SQLITE) rmSync(join(project, name), { force: true });
    await killWriterAfterCommit(live);
    expect((await capture()).counters).toEqual({ t: 2 });
  });

  it('follows a link to the database and keeps the link', async () => {
    mkdirSync(join(project, 'shared'));
    live = join(project, 'shared/app.db');
    withLive('CREATE TABLE t(x)');
    symlinkSync('shared/app.db', join(project, 'app.db'));
    const effect = createEffect(project);
    const found = await capture();
    withLive('INSERT INTO t VALUES (1)');
    await store.swap(await store.stage(copy, found, 'bk', effect), effect);
    expect(readdirSync(project).sort()).toEqual(['.copy', 'app.db', 'shared']);
    expect((await capture()).counters).toEqual({ t: 0 });
  });

  it('says that a file is no database', async () => {
    writeFileSync(live, 'not a database '.repeat(100));
    await expect(capture()).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringContaining('not a database') as string,
    });
  });

  it('tells updated rows from equal counts in WAL mode', async () => {
    withLive('PRAGMA journal_mode=wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)');
    const found = await capture();
    expect(await store.changesSince(found, createEffect(project))).toEqual({ tables: {}, contentDiffers: false });
    withLive('UPDATE t SET x = 2');
    expect(await store.changesSince(found, createEffect(project))).toEqual({ tables: {}, contentDiffers: true });
    withLive('INSERT INTO t VALUES (3)');
    expect(await store.changesSince(found, createEffect(project))).toMatchObject({
      tables: { t: { captured: 1, now: 2 } },
    });
  });
});

describe('copies of a database that is being written', () => {
  it.each(['wal', 'delete'] as const)(
    'are all good with ours and not with cp, in journal mode %s',
    async (journalMode) => {
      const ours = await countBadCopies({ journalMode, copies: 20, method: 'store' });
      expect(ours).toEqual({ bad: 0, copies: 20, reasons: [] });
      // The negative control: it stops at the first bad copy, so that a quick machine does not make this test flap.
      const plain = await countBadCopies({ journalMode, copies: 200, method: 'cp', stopAtFirstBad: true });
      expect(plain.bad).toBeGreaterThan(0);
    },
    120_000,
  );
});
