import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { changedTables } from '../../../core/rehearsal/compare-states.ts';
import type { DataState, TableState } from '../../../core/rehearsal/data-state.ts';
import { parseAddress } from './address.ts';
import { readLiveState, readState, type StateMemory } from './read-state.ts';
import { AS_MANY_WORKERS_AS_SET, withSession, type Session } from './session.ts';

const found = findPostgres();
const reason = 'reason' in found ? found.reason : '';

describe.skipIf(reason !== '')(`the state of a database ${reason}`, { timeout: 120_000 }, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres('bin' in found ? found.bin : '');
    await server.query('postgres', 'CREATE DATABASE shop');
  }, 180_000);
  afterAll(() => server?.stop());

  const inShop = async <Result>(use: (session: Session) => Promise<Result>): Promise<Result> => {
    const address = parseAddress(server.url('shop'));
    const failure = { kind: 'restore-failed', what: 'not read' } as const;
    return withSession({ address, effect: testEffect('/'), failure }, use);
  };

  /** The table `t`, made by these statements alone. */
  async function stateAfter(sql: string): Promise<TableState | undefined> {
    await server.query('shop', `DROP TABLE IF EXISTS t; ${sql}`);
    const { tables } = await inShop((session) => readState(session));
    return tables.find(({ name }) => name === 'public.t');
  }

  /** The state, and the statements that have read values for it. */
  async function remembered(memory: StateMemory): Promise<{ state: DataState; reading: string[] }> {
    const reading: string[] = [];
    const state = await inShop((session) => {
      const query: Session['query'] = (text, values) => {
        if (text.includes(' AS h0')) reading.push(text);
        return session.query(text, values);
      };
      return readState({ ...session, query }, memory);
    });
    return { state, reading };
  }

  const made = `CREATE TABLE t (id int, r text, blob bytea); INSERT INTO t VALUES (1, 'a', '\\x00ff'), (2, 'b', NULL)`;

  test('is the same for the same rows, in whatever order they lie and their columns stand', async () => {
    const state = await stateAfter(made);
    const again = `CREATE TABLE t (blob bytea, id int, r text); INSERT INTO t VALUES (NULL, 2, 'b'), ('\\x00ff', 1, 'a')`;
    const turned = await stateAfter(again);
    expect(turned).toMatchObject({ rows: 2, sum: state?.sum });
    expect(turned?.columns.find(({ name }) => name === 'r')).toEqual(state?.columns.find(({ name }) => name === 'r'));
  });

  test('differs when two rows have exchanged a value, though every column holds the same values', async () => {
    const state = await stateAfter(made);
    const exchanged = await stateAfter(`${made}; UPDATE t SET r = CASE id WHEN 1 THEN 'b' ELSE 'a' END`);
    expect(exchanged?.columns).toEqual(state?.columns);
    expect(exchanged?.sum).not.toBe(state?.sum);
  });

  test('differs when one byte does, and names the column by its values and their sum', async () => {
    const state = await stateAfter(made);
    const changed = await stateAfter(`${made}; UPDATE t SET blob = '\\x01ff' WHERE id = 1`);
    expect(changed?.sum).not.toBe(state?.sum);
    const different = changed?.columns.filter(({ sum }, at) => sum !== state?.columns[at]?.sum);
    expect(different).toMatchObject([{ name: 'blob', values: 1 }]);
  });

  test('is read of a table without columns, and of one with more than a query can tell apart', async () => {
    expect(await stateAfter('CREATE TABLE t (); INSERT INTO t DEFAULT VALUES')).toMatchObject({ rows: 1, columns: [] });
    const many = Array.from({ length: 801 }, (_, at) => `c${at} int DEFAULT ${at}`).join(', ');
    const wide = await stateAfter(`CREATE TABLE t (${many}); INSERT INTO t DEFAULT VALUES`);
    const other = await stateAfter(`CREATE TABLE t (${many}); INSERT INTO t (c800) VALUES (1)`);
    expect(wide).toMatchObject({ rows: 1, columns: [] });
    expect(other?.sum).not.toBe(wide?.sum);
    const most = await stateAfter(
      `CREATE TABLE t (${many.replace(', c800 int DEFAULT 800', '')}); INSERT INTO t DEFAULT VALUES`,
    );
    expect(most?.columns).toHaveLength(800);
  });

  const rich = `DROP TABLE IF EXISTS t, other, parts; DROP TYPE IF EXISTS mood, pair; CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE t (id int, r text, size varchar(5), mood mood, moods mood[]);
    INSERT INTO t SELECT n, 'a' || n, n, 'good', '{good,bad}' FROM generate_series(1, 9) n`;

  test.each([
    [`UPDATE t SET r = 'b' WHERE id = 1`, 'a value changed'],
    [`UPDATE t SET r = CASE id WHEN 1 THEN 'a2' ELSE 'a1' END WHERE id < 3`, 'two rows exchanged a value'],
    [`UPDATE t SET r = NULL WHERE id = 1`, 'a value went'],
    [`DELETE FROM t WHERE id = 1`, 'a row went'],
    [`DELETE FROM t WHERE id = 1; INSERT INTO t (id) VALUES (1)`, 'a row came for another one'],
    [`INSERT INTO t SELECT * FROM t WHERE id = 1`, 'a row came twice'],
    [`TRUNCATE t`, 'all rows went'],
    [`ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`, 'a label changed, and no row was written'],
    [`ALTER TABLE t ADD more int DEFAULT 7`, 'a column came, and no row was written'],
    [`ALTER TABLE t DROP r`, 'a column went'],
    [`ALTER TABLE t DROP r, ADD r text`, 'a column came back empty'],
    [`ALTER TABLE t RENAME r TO word`, 'a column has another name'],
    [`ALTER TABLE t ALTER id TYPE text USING id || 'x'`, 'a type was written anew'],
    [`ALTER TABLE t RENAME TO other`, 'the table has another name'],
    [`DROP TABLE t; CREATE TABLE t (id int)`, 'another table has the name'],
  ])('read with what was read before is what is there, after %s: %s', async (sql) => {
    await server.query('shop', rich);
    const memory: StateMemory = new Map();
    const { state: before } = await remembered(memory);
    await server.query('shop', sql);
    const { state } = await remembered(memory);
    expect(state).toEqual((await remembered(new Map())).state);
    expect(state.tables).not.toEqual(before.tables);
  });

  test('reads no value again of a table that nobody has written, also one that was vacuumed or has another name', async () => {
    await server.query('shop', `${rich}; CREATE TABLE other (id int); INSERT INTO other VALUES (1)`);
    const memory: StateMemory = new Map();
    const first = await remembered(memory);
    expect(first.reading).toHaveLength(2);
    await server.query('shop', `ALTER TABLE t ADD more int`);
    const { reading } = await remembered(memory);
    expect(reading).toMatchObject([expect.stringContaining('FROM ONLY public.t ')]);
    await server.query('shop', `ALTER TABLE t DROP more; ALTER TABLE other RENAME TO parts`);
    await server.query('shop', 'VACUUM (FREEZE, ANALYZE) t');
    const last = await remembered(memory);
    expect(last.reading).toEqual([]);
    expect(last.state.tables).toEqual(
      first.state.tables
        .map((table) => (table.name === 'public.other' ? { ...table, name: 'public.parts' } : table))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
  });

  test('reads the values again where their text is looked up elsewhere', async () => {
    await server.query(
      'shop',
      `${rich}; CREATE TABLE parts (place regclass); INSERT INTO parts VALUES ('t'::regclass)`,
    );
    const memory: StateMemory = new Map();
    const { state: before } = await remembered(memory);
    await server.query('shop', 'ALTER TABLE t RENAME TO other');
    const { state } = await remembered(memory);
    const sumIn = ({ tables }: DataState) => tables.find(({ name }) => name === 'public.parts')?.sum;
    expect(sumIn(state)).not.toBe(sumIn(before));
  });

  test('is read by several processes where a table is large', async () => {
    await server.query(
      'shop',
      `DROP TABLE IF EXISTS t, other, parts; CREATE TABLE t AS SELECT n AS id, repeat('x', 50) AS r FROM generate_series(1, 20000) n; ANALYZE t`,
    );
    const [text = ''] = (await remembered(new Map())).reading;
    const plan = await inShop(async (session) => {
      await session.query(AS_MANY_WORKERS_AS_SET);
      return session.query<Record<string, string>>(`EXPLAIN ${text}`);
    });
    expect(JSON.stringify(plan)).toContain('Parallel Seq Scan');
  });

  test.each([
    [`UPDATE t SET r = 'b' WHERE id = 1`, true],
    [`UPDATE t SET r = r WHERE id = 1`, true],
    [`DELETE FROM t WHERE id = 1; INSERT INTO t (id, r) VALUES (1, 'a1')`, true],
    [`DELETE FROM t WHERE id = 1`, true],
    [`BEGIN; SELECT FROM t FOR UPDATE; UPDATE t SET r = 'b'; ROLLBACK`, false],
    [`ANALYZE t`, false],
  ])('of live data shows whether somebody has written: %s: %s', async (sql, isWritten) => {
    await server.query('shop', rich);
    const look = () => inShop((session) => readLiveState(session, []));
    const before = await look();
    await server.query('shop', sql);
    expect(changedTables(before, await look())).toEqual(isWritten ? ['public.t'] : []);
  });
});
