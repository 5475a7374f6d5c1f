import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import type { TableState } from '../../../core/rehearsal/data-state.ts';
import { parseAddress } from './address.ts';
import { readState } from './read-state.ts';
import { withSession } from './session.ts';

const found = findPostgres();
const reason = 'reason' in found ? found.reason : '';

describe.skipIf(reason !== '')(`the state of a database ${reason}`, { timeout: 120_000 }, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres('bin' in found ? found.bin : '');
    await server.query('postgres', 'CREATE DATABASE shop');
  }, 180_000);
  afterAll(() => server?.stop());

  /** The table `t`, made by these statements alone. */
  async function stateAfter(sql: string): Promise<TableState | undefined> {
    await server.query('shop', `DROP TABLE IF EXISTS t; ${sql}`);
    const address = parseAddress(server.url('shop'));
    const failure = { kind: 'restore-failed', what: 'not read' } as const;
    const { tables } = await withSession({ address, effect: testEffect('/'), failure }, readState);
    return tables.find(({ name }) => name === 'public.t');
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
});
