import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { LockWait } from '../store.ts';
import { postgresSettings } from './postgres-settings.ts';
import { openPostgresStore } from './postgres-store.ts';

const found = findPostgres();
const reason = 'reason' in found ? found.reason : '';

describe.skipIf(reason !== '')(`who keeps a migration waiting ${reason}`, { timeout: 120_000 }, () => {
  let server: TestPostgres;
  const clients: pg.Client[] = [];
  beforeAll(async () => {
    server = await startPostgres('bin' in found ? found.bin : '');
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query(
      'shop',
      "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'secret-note')",
    );
  }, 180_000);
  afterAll(async () => {
    for (const client of clients) await client.end();
    await server?.stop();
  });

  async function connect(name: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: server.url('shop'), application_name: name });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  }

  test('table, mode and holder are told once for each holder, without the text of its query, until the signal fires', async () => {
    const idler = await connect('idler');
    await idler.query("BEGIN; SELECT * FROM orders WHERE note = 'secret-note'");
    const migrating = await connect('shipway/r-1/migrate.up/1');
    const altering = migrating.query('ALTER TABLE orders ADD COLUMN gift text');
    const waits: LockWait[] = [];
    const effect = testEffect('/');
    const store = openPostgresStore(postgresSettings.parse({ url: server.url('shop') }));
    const watching = store.watchWaits?.('shipway/r-1/migrate.up/1', (wait) => waits.push(wait), effect);
    await waitUntil('the holder to be seen', () => waits.length > 0);
    expect(waits[0]).toEqual({
      on: 'public.orders',
      mode: 'AccessExclusiveLock',
      holder: expect.stringMatching(
        /^process \d+ \(idler as shop \$owner, idle in transaction, in a transaction for \d+\.\d s\)$/,
      ),
    });
    await idler.query('ROLLBACK');
    await altering;
    effect.abort();
    await watching?.catch(() => undefined);
    expect(waits).toHaveLength(1);
  });
});
