import { join, resolve } from 'node:path';
import Database from 'libsql';
import { startPostgres, type TestPostgres } from './postgres-server.ts';
import { readSqlite } from './read-sqlite.ts';
import type { ServiceProject } from './service-project.ts';

/** Goes up and down by files; see test/fixtures/migrators. */
export const MIGRATE_SQL = resolve('test/fixtures/migrators/migrate-sql.mjs');

const SCHEMA = `CREATE TABLE orders (id int PRIMARY KEY, body text NOT NULL); CREATE TABLE schema_version (n int); INSERT INTO schema_version VALUES (1)`;

/** The orders of the fixture `orders` in one engine, as tests see them. */
export interface OrderEngine {
  store: string;
  variable: string;
  /** Makes the database with its first schema; writes the env file that the service and the tool need. */
  create(project: ServiceProject): Promise<void>;
  rows(project: ServiceProject): Promise<{ id: number; body: string }[]>;
  columns(project: ServiceProject): Promise<string[]>;
  close(): Promise<void>;
}

const rowsOf = (project: ServiceProject, query: string): unknown[][] =>
  readSqlite(join(project.directory, 'app.db'), query)[0] ?? [];

export const sqliteOrders: OrderEngine = {
  store: '{ sqlite: { path: app.db } }',
  variable: 'DATABASE_PATH',
  async create(project) {
    const path = join(project.directory, 'app.db');
    const database = new Database(path);
    database.exec(SCHEMA);
    database.close();
    project.write('.env', `DATABASE_PATH='${path}'\n`);
  },
  rows: async (project) =>
    rowsOf(project, 'SELECT id, body FROM orders ORDER BY id').map(([id, body]) => ({
      id: Number(id),
      body: String(body),
    })),
  columns: async (project) =>
    rowsOf(project, `SELECT name FROM pragma_table_info('orders')`).map(([name]) => String(name)),
  close: async () => undefined,
};

/** In the database `shop` of a server of its own, which is there from `create` on. */
export function postgresOrders(bin: string): OrderEngine & { server(): TestPostgres } {
  let started: TestPostgres | null = null;
  const server = (): TestPostgres => {
    if (started === null) throw new Error('the server of the orders is not started yet');
    return started;
  };
  return {
    store: '{ postgres: { url: $DATABASE_URL } }',
    variable: 'DATABASE_URL',
    server,
    async create(project) {
      started = await startPostgres(bin);
      await started.query('postgres', 'CREATE DATABASE shop');
      await started.query('shop', SCHEMA);
      project.write('.env', `DATABASE_URL='${started.url('shop').replaceAll("'", '%27')}'\n`);
    },
    rows: () => server().query('shop', 'SELECT id, body FROM orders ORDER BY id'),
    columns: async () =>
      (
        await server().query<{ name: string }>(
          'shop',
          `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position`,
        )
      ).map((one) => one.name),
    close: async () => started?.stop(),
  };
}

/** Lines of an environment whose migration has no way down, with a copy of the data that waits. */
export function withoutWayDown(variable: string): string {
  return `    env-file: .env
    rollback: { prestage: true }
    migrate:
      command:
        up: [${process.execPath}, ${MIGRATE_SQL}, up]
        revision: [${process.execPath}, ${MIGRATE_SQL}, revision]
        env: { ${variable}: $${variable} }
      reversible: false
      unsafe: warn`;
}

/** A watch that is met in the middle at sixty times the speed, and never waited for. */
export function longWatch(url: string, length: string): string {
  return `    watch:
      for: ${length}
      every: 10s
      probe:
        - Health: { get: '${url}/health', timeout: 2s, expect: { status: 200 } }
      roll back when: [more than 9 failed health checks in 1 minutes]`;
}
