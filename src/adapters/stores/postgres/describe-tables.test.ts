import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { postgresSettings } from './postgres-settings.ts';
import { openPostgresStore } from './postgres-store.ts';

const found = findPostgres();
const reason = 'reason' in found ? found.reason : '';

describe.skipIf(reason !== '')(`what PostgreSQL tells about its tables ${reason}`, { timeout: 120_000 }, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres('bin' in found ? found.bin : '');
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query(
      'shop',
      `CREATE TABLE orders (id int PRIMARY KEY, note varchar(50));
       INSERT INTO orders SELECT i, repeat('x', 50) FROM generate_series(1, 20000) i;
       CREATE TABLE few (id int); INSERT INTO few SELECT generate_series(1, 10);
       CREATE TABLE never (id int);
       CREATE TABLE parted (id int) PARTITION BY RANGE (id);
       CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100000);
       INSERT INTO parted SELECT generate_series(1, 20000);
       CREATE SCHEMA app; CREATE TABLE app.only_here (id int); CREATE TABLE app.few (id int, more text);
       ANALYZE orders; ANALYZE few; ANALYZE parted;`,
    );
  }, 180_000);
  afterAll(() => server?.stop());

  const describeTables = (names: string[]) =>
    openPostgresStore(postgresSettings.parse({ url: server.url('shop') })).describeTables?.(names, testEffect('/'));

  test('rows as they were counted last, bytes with the indexes, types as the server writes them', async () => {
    const tables = (await describeTables(['orders', 'few']))?.tables;
    expect(tables?.['orders']).toMatchObject({
      rows: 20_000,
      columns: { id: 'integer', note: 'character varying(50)' },
    });
    expect(tables?.['orders']?.bytes).toBeGreaterThan(1_500_000);
    expect(tables?.['few']).toMatchObject({ rows: 10, columns: { id: 'integer' } });
    expect(tables?.['few']?.bytes).toBeLessThan(50_000);
  });

  test('the rows of a table that nobody has counted are not known, its bytes are', async () => {
    expect((await describeTables(['never']))?.tables['never']).toEqual({
      rows: null,
      bytes: 0,
      columns: { id: 'integer' },
    });
  });

  test('partitions count for their table', async () => {
    const parted = (await describeTables(['parted']))?.tables['parted'];
    expect(parted?.bytes).toBeGreaterThan(500_000);
    expect(parted?.rows).toBeGreaterThanOrEqual(20_000);
  });

  test('a name without a schema is the table in public, or else the only one; what is not there is left out', async () => {
    const tables = (await describeTables(['few', 'app.few', 'only_here', 'app.nowhere']))?.tables;
    expect(Object.keys(tables ?? {})).toEqual(['few', 'app.few', 'only_here']);
    expect(tables?.['app.few']?.columns).toEqual({ id: 'integer', more: 'text' });
  });

  test('the major version of the server is told, and a server that is not there is a problem without its password', async () => {
    expect((await describeTables(['few']))?.engineVersion).toBeGreaterThan(12);
    const nobody = openPostgresStore(postgresSettings.parse({ url: 'postgresql://shop:sentinel@127.0.0.1:1/shop' }));
    const failure = await nobody.describeTables?.(['few'], testEffect('/')).catch((error: Error) => error);
    expect(failure).toMatchObject({ message: expect.stringContaining('the sizes of its tables cannot be read') });
    expect(String((failure as Error).message)).not.toContain('sentinel');
  });
});
