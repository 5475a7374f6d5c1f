import { basename } from 'node:path';
import { findPostgres, startPostgres, type TestPostgres } from './postgres-server.ts';

/** A server for tests of migration tools, with a database for each project folder. */
export interface MigratorPostgres {
  /** Why there is none, for titles; empty when there is one. */
  reason: string;
  begin: () => Promise<void>;
  end: () => Promise<void>;
  create: (directory: string) => Promise<void>;
  drop: (directory: string) => Promise<void>;
  url: (directory: string) => string;
  query: <Row extends object>(directory: string, sql: string) => Promise<Row[]>;
  /** `notes` and `notes.tag`, the traces of the two migrations of every fixture. */
  tablesAndColumns: (directory: string) => Promise<string[]>;
  server: () => TestPostgres;
}

export function migratorPostgres(): MigratorPostgres {
  const found = findPostgres();
  let server: TestPostgres | null = null;
  const running = (): TestPostgres => {
    if (server === null) throw new Error('the server of the test was not begun');
    return server;
  };
  const nameOf = (directory: string): string => basename(directory).toLowerCase().replaceAll(/\W/g, '_');
  const query = <Row extends object>(directory: string, sql: string): Promise<Row[]> =>
    running().query<Row>(nameOf(directory), sql);
  return {
    reason: 'reason' in found ? `needs PostgreSQL: ${found.reason}` : '',
    begin: async () => {
      if ('bin' in found) server = await startPostgres(found.bin);
    },
    end: async () => {
      await server?.stop();
    },
    create: async (directory) => void (await running().query('postgres', `CREATE DATABASE ${nameOf(directory)}`)),
    drop: async (directory) =>
      void (await running().query('postgres', `DROP DATABASE IF EXISTS ${nameOf(directory)} WITH (FORCE)`)),
    url: (directory) => running().url(nameOf(directory)),
    query,
    tablesAndColumns: async (directory) => {
      const rows = await query<{ name: string }>(
        directory,
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'
         UNION SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1`,
      );
      return rows.map(({ name }) => name);
    },
    server: running,
  };
}
