import { describe, expect, test } from 'vitest';
import type { Deed } from '../../../core/migration/statement.ts';
import { describeDialect } from '../dialect.suite.ts';
import { milliseconds } from './deeds-of-node.ts';
import { openPostgresqlDialect } from './postgresql-dialect.ts';

describeDialect({ kind: 'postgresql', beyondRules: "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'a'; END $$" });

describe('the dialect of PostgreSQL', () => {
  const dialect = openPostgresqlDialect();
  const deeds = async (sql: string): Promise<Deed[]> =>
    (await dialect.read(sql)).flatMap((statement) => statement.deeds);

  test('each part of an ALTER TABLE is a deed of its own', async () => {
    const sql =
      'ALTER TABLE shop.users ADD COLUMN a varchar(20)[] NOT NULL, DROP COLUMN IF EXISTS b, ALTER c TYPE numeric(8,2), OWNER TO x';
    expect(await deeds(sql)).toMatchObject([
      { kind: 'add-column', table: 'shop.users', column: 'a', type: 'varchar(20)[]', notNull: true, default: 'none' },
      { kind: 'drop-column', table: 'shop.users', column: 'b', repeatable: true },
      { kind: 'change-type', table: 'shop.users', column: 'c', type: 'numeric(8, 2)', converts: false },
      { kind: 'harmless' },
    ]);
  });

  test.each([
    ['0', 'constant'],
    ['now()', 'constant'],
    ["'{}'::jsonb", 'constant'],
    ['NULL', 'none'],
    ['NULL::text', 'none'],
    ['CURRENT_TIMESTAMP', 'constant'],
    ['random()', 'volatile'],
    ["nextval('s')", 'volatile'],
    ['upper(md5(random()::text))', 'volatile'],
    ['shop.next_number()', 'maybe volatile'],
  ])('DEFAULT %s is %s', async (text, kind) => {
    expect(await deeds(`ALTER TABLE a ADD COLUMN b text DEFAULT ${text}`)).toMatchObject([{ default: kind }]);
  });

  test.each([
    ['UPDATE a SET b = 1 WHERE id = 7', true],
    ['UPDATE a SET b = 1 WHERE owner_id IN (1, 2)', true],
    ['UPDATE a SET b = 1 WHERE id BETWEEN 1 AND 100 AND c', true],
    ['UPDATE a SET b = 1 WHERE id >= 1 AND id < 100', true],
    ['UPDATE a SET b = 1 WHERE ctid = ANY (ARRAY(SELECT ctid FROM a LIMIT 10))', true],
    ['WITH part AS (SELECT id FROM a LIMIT 10) UPDATE a SET b = 1 FROM part WHERE part.id = a.id', true],
    ['UPDATE a SET b = 1', false],
    ['UPDATE a SET b = 1 WHERE id > 1', false],
    ["UPDATE a SET b = 1 WHERE c = 'new'", false],
    ['UPDATE a SET b = 1 WHERE id = 7 OR c', false],
    ['UPDATE a SET b = 1 WHERE id <> 7', false],
    ['DELETE FROM a USING b WHERE a.id = b.id', false],
    ['INSERT INTO a VALUES (1), (2)', true],
    ['INSERT INTO a SELECT * FROM b', false],
  ])('%s is bounded: %s', async (sql, bounded) => {
    expect((await deeds(sql)).at(-1)).toMatchObject({ kind: 'write', bounded });
  });

  test('a block is read through: conditions, loops, and a command given as one text', async () => {
    const sql = "DO $$ BEGIN IF true THEN ALTER TABLE a DROP COLUMN b; END IF; EXECUTE 'DROP TABLE c'; END $$";
    expect(await deeds(sql)).toMatchObject([{ kind: 'drop-column' }, { kind: 'drop-table', table: 'c' }]);
  });

  test.each([
    ['a block of another language', 'DO LANGUAGE plpython3u $$ pass $$', 'the block is written in plpython3u'],
    ['a block that is not well formed', 'DO $$ BEGIN nonsense here; END $$', 'syntax error'],
    ['a part of ALTER TABLE without a rule', 'ALTER TABLE a INHERIT b', 'Add Inherit'],
    ['a command of psql', '\\copy a from b', 'syntax error'],
  ])('%s is opaque', async (_, sql, why) => {
    expect(await deeds(sql)).toEqual([{ kind: 'opaque', why: expect.stringContaining(why) }]);
  });

  test.each([
    ['ALTER TABLE a DETACH PARTITION b CONCURRENTLY', { kind: 'detach-partition', partition: 'b', concurrently: true }],
    ['ALTER SEQUENCE a RESTART', { kind: 'move-sequence', sequence: 'a', restarts: true }],
    ['ALTER SEQUENCE a INCREMENT 5', { kind: 'harmless' }],
    ["SELECT setval('a', 7)", { kind: 'move-sequence', sequence: 'a', restarts: false }],
    ['ALTER TABLE a ALTER b TYPE numeric(9, 2) USING b::numeric(9,2)', { kind: 'change-type', converts: false }],
    ['ALTER TABLE a ALTER b TYPE int USING b::numeric', { kind: 'change-type', converts: true }],
    ["INSERT INTO a (b, c) VALUES (1, now()), ('2', NULL)", { puts: { b: ['1', '2'] } }],
    [
      "UPDATE a SET b = 1 WHERE c IN ('x', 'y') AND d IS NULL",
      { puts: { b: ['1'] }, pins: { c: ['x', 'y'], d: [null] } },
    ],
    ["DELETE FROM a WHERE c = 'x' OR d = 'y'", { pins: {} }],
  ])('%s is read with its values', async (sql, deed) => {
    expect(await deeds(sql)).toMatchObject([deed]);
  });

  test.each([
    ['NEW.b := coalesce(NEW.b, lower(NEW.c)); RETURN NEW;', true],
    ["IF NEW.b IS NULL THEN RAISE EXCEPTION 'b'; END IF; RETURN NEW;", false],
    ['RETURN NULL;', false],
    ['INSERT INTO log VALUES (1); RETURN NEW;', false],
    ['NEW.b := ours(NEW.c); RETURN NEW;', false],
    ['NEW.b := (SELECT max(b) FROM a); RETURN NEW;', false],
  ])('a trigger function of %s only computes: %s', async (body, computes) => {
    const sql = `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$`;
    expect(await deeds(sql)).toMatchObject([{ kind: 'create-object', name: 'f', computes }]);
  });

  test('few rows in each round of a loop are many when nothing is committed between', async () => {
    const loop = (inside: string): string =>
      `DO $$ BEGIN LOOP UPDATE a SET b = 1 WHERE id = 7; ${inside} EXIT; END LOOP; END $$`;
    expect(await deeds(loop(''))).toMatchObject([{ kind: 'write', bounded: false }]);
    expect(await deeds(loop('COMMIT;'))).toMatchObject([{ kind: 'write', bounded: true }]);
  });

  test('what stands behind a NUL is not passed over: the parser would stop there', async () => {
    expect(await deeds('SELECT 1;\0 DROP TABLE a;')).toEqual([{ kind: 'opaque', why: expect.stringContaining('NUL') }]);
  });

  test('one statement that cannot be read hides neither those before nor those after it, nor their lines', async () => {
    const found = await dialect.read('DROP TABLE a;\n\nDROP TABEL b;\n-- c\nDROP TABLE c;');
    expect(found.map(({ line, deeds: done }) => [line, done[0]?.kind])).toEqual([
      [1, 'drop-table'],
      [3, 'opaque'],
      [5, 'drop-table'],
    ]);
  });

  test.each([
    ["'200ms'", 200],
    ["'2s'", 2000],
    ['1500', 1500],
    ["'1min'", 60_000],
    ['0', 0],
    ['DEFAULT', 0],
  ])('SET lock_timeout = %s is %d ms', async (text, expected) => {
    expect(await deeds(`SET lock_timeout = ${text}`)).toEqual([
      { kind: 'set-lock-timeout', milliseconds: expected, local: false },
    ]);
  });

  test('a lock_timeout that cannot be read counts as not set', () => {
    expect(milliseconds('soon')).toBe(0);
    expect(milliseconds('3 fortnights')).toBe(0);
  });
});
