import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
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
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { queryDuckdb, runOwnerAct } from '../../../../test/support/duckdb-owner.ts';
import { storeKinds } from '../index.ts';
import type { Store } from '../store.ts';
import { describeStore, IN_PROJECT_FILES, touchFile } from '../store.suite.ts';
import { duckdbSettings } from './settings.ts';

vi.setConfig({ testTimeout: 120_000 }); // under load, loading the engine into each killed process takes a second

const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };

const ENDINGS = {
  'a service that ended well': { before: [], hasGap: false },
  'a service whose log was left behind': { before: ['PRAGMA disable_checkpoint_on_shutdown'], hasGap: true },
};

for (const [who, { before, hasGap }] of Object.entries(ENDINGS)) {
  describe(`with the data of ${who}`, () => {
    describeStore({
      kind: 'duckdb',
      place: IN_PROJECT_FILES,
      hasGap,
      settings: duckdbSettings.parse({ path: 'app.duckdb' }),
      touchStaged: touchFile,
      copyFile: 'database.duckdb',
      write: async (project, word) => {
        await queryDuckdb(
          join(project, 'app.duckdb'),
          ...before,
          `CREATE TABLE IF NOT EXISTS notes (word VARCHAR); BEGIN; DELETE FROM notes;
           INSERT INTO notes SELECT '${word}' FROM range(${ROWS[word] ?? 0}); COMMIT`,
        );
      },
      read: async (project) => {
        const live = join(project, 'app.duckdb');
        if (!existsSync(live)) return null;
        const [word, words, rows] = await queryDuckdb(
          live,
          ...before,
          'SELECT min(word), count(DISTINCT word), count(*) FROM notes',
        );
        if (words !== 1n || Number(rows) !== ROWS[String(word)])
          throw new Error(`mixed: ${String(word)} ${String(rows)}`);
        return String(word);
      },
    });
  });
}

describe('a store of kind duckdb', () => {
  let project: string;
  let copy: string;
  let live: string;
  let store: Store;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-duckdb-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    live = join(project, 'app.duckdb');
    store = storeKinds.duckdb.open(duckdbSettings.parse({ path: 'app.duckdb' }), { projectDirectory: project });
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));
  const withLive = (sql: string): Promise<unknown[]> => queryDuckdb(live, sql);
  const capture = () => store.capture(copy, createEffect(project));
  const verify = (found: Awaited<ReturnType<typeof capture>>) => store.verify(copy, found, createEffect(project));

  it('names the engine and counts the rows of every table', async () => {
    await withLive('CREATE TABLE a(x INT); CREATE TABLE "b ""c"(x INT); INSERT INTO a VALUES (1),(2)');
    await withLive('CREATE SCHEMA s; CREATE TABLE s.a AS SELECT 1; CREATE VIEW v AS SELECT * FROM a');
    const found = await capture();
    expect(found.engine).toMatch(/^duckdb v\d+\.\d+\.\d+$/);
    expect(found.counters).toEqual({ a: 2, 'b "c': 0, 's.a': 1 });
    expect(found.liveBytes).toBe(statSync(live).size);
  });

  it('has the fingerprint that is written down, so that no version of the engine changes it unnoticed', async () => {
    await withLive(
      `CREATE TABLE t (i INTEGER, d DOUBLE, s VARCHAR, b BLOB, z TIMESTAMPTZ, v FLOAT[2], l VARCHAR[], r STRUCT(x INT));
       INSERT INTO t VALUES (1, 0.1, 'é', '\\xFF'::BLOB, '2026-01-02 03:04:05+01', [1.5, -2], ['a, b', NULL], {x: 7}),
         (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
       CREATE SEQUENCE q START 5`,
    );
    const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex');
    const cells = ['1:1', '3:0.1', md5('é'), md5(Buffer.from([0xff])), '22:2026-01-02 02:04:05+00', '11:[1.5, -2.0]'];
    const rows = [[...cells, "14:['a, b', NULL]", "8:{'x': 7}"].join(''), 'n'.repeat(8)].map((row) =>
      Buffer.from(md5(row), 'hex'),
    );
    const lower = rows.reduce((sum, digest) => sum + digest.readBigUInt64LE(8), 0n);
    const upper = rows.reduce((sum, digest) => sum + digest.readBigUInt64LE(0), 0n);
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    const columns = {
      i: 'INTEGER',
      d: 'DOUBLE',
      s: 'VARCHAR',
      b: 'BLOB',
      z: 'TIMESTAMP WITH TIME ZONE',
      v: 'FLOAT[2]',
    };
    const lines = [
      `table ${hex('main')} ${hex('t')} 2 ${lower} ${upper}`,
      ...Object.entries({ ...columns, l: 'VARCHAR[]', r: 'STRUCT(x INTEGER)' }).map(
        ([name, type]) => `column ${hex(name)} ${hex(type)}`,
      ),
      `sequence ${['main', 'q', '5', '1', '9223372036854775807', '1', 'false'].map(hex).join(' ')} -`,
    ];
    const content = createHash('sha256')
      .update(`${lines.join('\n')}\n`)
      .digest('hex');
    expect((await capture()).fingerprint).toMatch(new RegExp(`^duckdb-1:${content}:[0-9a-f]{64}$`));
  });

  it('keeps the fingerprint over another order of rows and another layout', async () => {
    await withLive("CREATE TABLE t(x INT, y VARCHAR); INSERT INTO t VALUES (1,'a'),(2,NULL),(3,'')");
    const first = await capture();
    await withLive(
      "DELETE FROM t; CHECKPOINT; INSERT INTO t VALUES (3,''); CHECKPOINT; INSERT INTO t VALUES (1,'a'),(2,NULL)",
    );
    expect((await capture()).fingerprint).toBe(first.fingerprint);
  });

  it.each([
    ["UPDATE t SET y = 'b'", 'a value changed'],
    ['UPDATE t SET y = NULL', 'a text became null'],
    ["UPDATE t SET y = 'n'", 'a text became the mark of null'],
    ['UPDATE t SET x = 11, z = 1', 'a digit moved to the next column'],
    ['INSERT INTO t SELECT * FROM t', 'every row is there twice'],
    ['DELETE FROM t', 'the rows are gone'],
    ['ALTER TABLE t ALTER x TYPE BIGINT', 'a column has another type'],
    ['ALTER TABLE t RENAME y TO w', 'a column has another name'],
    ['ALTER TABLE t ALTER x SET DEFAULT 4', 'a column has another default'],
    ['CREATE INDEX i ON t(x)', 'an index was added'],
    ['CREATE VIEW v AS SELECT 1', 'a view was added'],
    ['CREATE MACRO m(a) AS a + 1', 'a macro was added'],
    ["CREATE TYPE mood AS ENUM ('good')", 'a type was added'],
    ["SELECT nextval('q')", 'a sequence went on'],
  ])('changes the fingerprint after %s: %s', async (sql) => {
    await withLive("CREATE SEQUENCE q; CREATE TABLE t(x INT, z INT, y VARCHAR); INSERT INTO t VALUES (1, 11, 'a')");
    const first = await capture();
    await withLive(sql);
    expect((await capture()).fingerprint).not.toBe(first.fingerprint);
  });

  it('captures nested, large and odd values, foreign keys, generated columns and names', async () => {
    await withLive(
      `CREATE TABLE p(id INTEGER PRIMARY KEY, g AS (id * 2)); INSERT INTO p(id) SELECT range FROM range(3000);
       CREATE TABLE f(p INTEGER REFERENCES p(id)); INSERT INTO f VALUES (7);
       CREATE TABLE "select ""x"" é"(" " UNION(n INT, s VARCHAR), h HUGEINT, i INTERVAL, m MAP(VARCHAR, INT), j JSON, u UUID, d DATE, b BIT);
       INSERT INTO "select ""x"" é" VALUES (1, 170141183460469231731687303715884105727, '1 month', MAP {'a': 1}, '{"a":1}', uuid(), 'infinity', '101');
       CREATE TABLE big AS SELECT repeat('x', 5000000) AS s, 'NaN'::DOUBLE AS n, '\\x00'::BLOB AS b, chr(0) AS z`,
    );
    const found = await capture();
    expect(found.counters).toEqual({ p: 3000, f: 1, 'select "x" é': 1, big: 1 });
    await verify(found);
  });

  it('reads what a killed service left in its log, and leaves its files as they are', async () => {
    await withLive('CREATE TABLE t(x INT); INSERT INTO t VALUES (1)');
    await runOwnerAct('commit-and-die', live);
    const left = [readFileSync(live), readFileSync(`${live}.wal`)];
    expect((await capture()).counters).toEqual({ t: 2 });
    expect([readFileSync(live), readFileSync(`${live}.wal`)]).toEqual(left);
    expect(readdirSync(copy).sort()).toEqual(['database.duckdb', 'database.json']);
  });

  it('never leaves a foreign log beside restored data, and brings the log back with the data it belongs to', async () => {
    await withLive('CREATE TABLE t(x INT); INSERT INTO t VALUES (1)');
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);
    await runOwnerAct('commit-and-die', live);
    const record = await store.swap(staged, effect);
    expect(existsSync(`${live}.wal`)).toBe(false);
    expect(await withLive('SELECT count(*) FROM t')).toEqual([1n]);
    await store.swapBack(record, effect);
    expect(await withLive('SELECT count(*) FROM t')).toEqual([2n]);
  });

  it('would be right to fear a foreign log: the engine does not open restored data beside it', async () => {
    await withLive('CREATE TABLE t(x INT); INSERT INTO t VALUES (1)');
    copyFileSync(live, join(project, 'restored.duckdb'));
    await withLive('CREATE TABLE u(y VARCHAR, z VARCHAR)');
    await runOwnerAct('commit-and-die', live);
    await queryDuckdb(join(project, 'restored.duckdb'), 'DROP TABLE t; CREATE TABLE t(a VARCHAR)');
    copyFileSync(`${live}.wal`, join(project, 'restored.duckdb.wal'));
    await expect(queryDuckdb(join(project, 'restored.duckdb'), 'SELECT count(*) FROM t')).rejects.toThrow();
  });

  it('moves a damaged database aside with everything beside it', async () => {
    await withLive('CREATE TABLE t(x INT)');
    const effect = createEffect(project);
    const staged = await store.stage(copy, await capture(), 'bk', effect);
    writeFileSync(live, 'garbage '.repeat(1000));
    writeFileSync(`${live}.wal`, 'foreign log');
    const record = await store.swap(staged, effect);
    expect(readFileSync(join(record.keptAt ?? '', 'app.duckdb'), 'utf8')).toMatch(/^garbage/);
    expect(readFileSync(join(record.keptAt ?? '', 'app.duckdb.wal'), 'utf8')).toBe('foreign log');
    expect(existsSync(`${live}.wal`)).toBe(false);
  });

  it('keeps the rights of the live file, and restores it readable for nobody else when it is gone', async () => {
    await withLive('CREATE TABLE t(x INT)');
    chmodSync(live, 0o640);
    const effect = createEffect(project);
    const found = await capture();
    expect(statSync(join(copy, 'database.duckdb')).mode & 0o777).toBe(0o600);
    rmSync(live);
    await store.swap(await store.stage(copy, found, 'bk', effect), effect);
    expect(statSync(live).mode & 0o777).toBe(0o640);
  });

  it('follows a link to the database and keeps the link', async () => {
    mkdirSync(join(project, 'shared'));
    live = join(project, 'shared/app.duckdb');
    await withLive('CREATE TABLE t(x INT)');
    symlinkSync('shared/app.duckdb', join(project, 'app.duckdb'));
    const effect = createEffect(project);
    const found = await capture();
    await withLive('INSERT INTO t VALUES (1)');
    await store.swap(await store.stage(copy, found, 'bk', effect), effect);
    expect(readdirSync(project).sort()).toEqual(['.copy', 'app.duckdb', 'shared']);
    expect((await capture()).counters).toEqual({ t: 0 });
  });

  it.each([
    ['other content', 'not a database '.repeat(100)],
    ['nothing', ''],
  ])('says that a file with %s is no database, and makes none of it', async (_, content) => {
    writeFileSync(live, content);
    await expect(capture()).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringContaining('not a DuckDB database') as string,
    });
    expect(readFileSync(live, 'utf8')).toBe(content);
    expect(readdirSync(copy)).toEqual([]);
  });

  it('finds a flipped bit in every block that holds data', async () => {
    await withLive('CREATE TABLE t AS SELECT range AS id, md5(range::VARCHAR) AS text FROM range(60000)');
    const found = await capture();
    const file = join(copy, 'database.duckdb');
    const good = readFileSync(file);
    const missed: number[] = [];
    const STEP = 64 * 1024; // four in each block
    for (let at = 12_288 + 4000; at < good.length; at += STEP) {
      const bad = Buffer.from(good);
      bad.writeUInt8((bad[at] ?? 0) ^ 0x10, at);
      writeFileSync(file, bad);
      await verify(found).catch(() => missed.push(-1));
      if (missed.pop() !== -1) missed.push(at);
    }
    expect(missed).toEqual([]);
  });

  it('refuses a copy whose engine is newer than the one in use, and takes an older one', async () => {
    await withLive('CREATE TABLE t(x INT); CREATE VIEW v AS SELECT 1');
    const found = await capture();
    const newer = { ...found, engine: 'duckdb v1.100.0' };
    for (const refused of [verify(newer), store.stage(copy, newer, 'bk', createEffect(project))]) {
      await expect(refused).rejects.toMatchObject({
        kind: 'restore-failed',
        message: expect.stringMatching(/made with duckdb v1\.100\.0, newer than the duckdb v\d/) as string,
      });
    }
    const [kind, content] = found.fingerprint.split(':');
    const older = { ...found, engine: 'duckdb v1.4.0', fingerprint: `${kind}:${content}:worded-otherwise` };
    await verify(older);
    await expect(verify({ ...older, engine: found.engine })).rejects.toMatchObject({ kind: 'backup-invalid' });
    await expect(verify({ ...older, fingerprint: `${kind}:other:x` })).rejects.toMatchObject({
      kind: 'backup-invalid',
    });
  });

  it('tells updated rows from equal counts', async () => {
    await withLive('CREATE TABLE t(x INT); INSERT INTO t VALUES (1)');
    const found = await capture();
    const changes = () => store.changesSince(found, createEffect(project));
    expect(await changes()).toEqual({ tables: {}, contentDiffers: false });
    await withLive('UPDATE t SET x = 2');
    expect(await changes()).toEqual({ tables: {}, contentDiffers: true });
    await withLive('INSERT INTO t VALUES (3); CREATE TABLE u AS SELECT 1');
    expect(await changes()).toEqual({
      tables: { t: { captured: 1, now: 2 }, u: { captured: null, now: 1 } },
      contentDiffers: true,
    });
    rmSync(live);
    expect(await changes()).toEqual({ tables: {}, contentDiffers: null, missing: true });
  });
});

describe('the settings of a DuckDB store', () => {
  const complaints = (settings: unknown) =>
    duckdbSettings
      .safeParse(settings)
      .error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message.split('\n')[0]}`);

  it('say what is missing and what contradicts', () => {
    expect(complaints({})).toHaveLength(1);
    expect(complaints({ path: 'a', stop: ['x'] })).toEqual(['start: is missing']);
    expect(complaints({ path: 'a', start: ['x'] })).toEqual(['stop: is missing']);
    expect(complaints({ path: 'a', pause: 'none', 'copy-with': ['x'] })).toEqual([
      'path: is copied in more than one way',
    ]);
    expect(complaints({ path: 'a', 'copy-with': 'x' })).toHaveLength(1);
    expect(complaints({ path: 'a', 'copy-with': { post: 'localhost:8080' } })).toHaveLength(1);
  });

  it('have defaults', () => {
    expect(duckdbSettings.parse({ path: 'a', 'copy-with': { post: 'http://localhost/copy' } })).toEqual({
      path: 'a',
      copyWith: { post: 'http://localhost/copy', headers: {} },
      pause: null,
      directory: '.',
      env: {},
      timeoutSeconds: 600,
    });
  });
});
