import { createHash } from 'node:crypto';
import { queryDuckdb } from './duckdb-owner.ts';
import type { TestPostgres } from './postgres-server.ts';
import { readSqlite, tablesAndColumns } from './read-sqlite.ts';

/** Of every table, a checksum of each of its rows. */
export type RowChecksums = Record<string, string[]>;

/** What is gone, and what is there now and was not: rows by table, only where there are some. */
export interface Difference {
  lost: Record<string, number>;
  gained: Record<string, number>;
}

/** Every row of every table of a SQLite database; of a table in `columns` only these, so that two schemas can be compared. */
export function sqliteChecksums(path: string, columns: Record<string, string[]> = {}): RowChecksums {
  const tables = tablesAndColumns(path).filter((name) => !name.includes('.') && !name.startsWith('sqlite_'));
  const rows = readSqlite(path, ...tables.map((name) => `SELECT ${columns[name]?.join(', ') ?? '*'} FROM "${name}"`));
  return Object.fromEntries(tables.map((name, at) => [name, (rows[at] ?? []).map((row) => checksum(row))]));
}

/** The same of the schema `public` of a PostgreSQL database. */
export async function postgresChecksums(
  server: TestPostgres,
  database: string,
  columns: Record<string, string[]> = {},
): Promise<RowChecksums> {
  const LIST = `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`;
  const sums: RowChecksums = {};
  for (const { name } of await server.query<{ name: string }>(database, LIST)) {
    const chosen = columns[name]?.join(', ') ?? '*';
    const sql = `SELECT md5(t::text) AS sum FROM (SELECT ${chosen} FROM "${name}") t`;
    sums[name] = (await server.query<{ sum: string }>(database, sql)).map(({ sum }) => sum);
  }
  return sums;
}

/** The same of a DuckDB file that nobody holds. */
export async function duckdbChecksums(path: string, tables: readonly string[]): Promise<RowChecksums> {
  const sums: RowChecksums = {};
  for (const name of tables) {
    const [list] = await queryDuckdb(path, `SELECT coalesce(string_agg(md5(t::VARCHAR), ','), '') FROM "${name}" t`);
    sums[name] = String(list)
      .split(',')
      .filter((sum) => sum !== '');
  }
  return sums;
}

/** Rows that `after` lacks and rows that it has in addition; equal rows count as often as they are there. */
export function compareRows(before: RowChecksums, after: RowChecksums): Difference {
  return { lost: missingFrom(after, before), gained: missingFrom(before, after) };
}

function missingFrom(other: RowChecksums, rows: RowChecksums): Record<string, number> {
  const missing = Object.entries(rows).map(([table, sums]): [string, number] => {
    const left = new Map<string, number>();
    for (const sum of other[table] ?? []) left.set(sum, (left.get(sum) ?? 0) + 1);
    const gone = sums.filter((sum) => {
      const count = left.get(sum) ?? 0;
      left.set(sum, count - 1);
      return count <= 0;
    });
    return [table, gone.length];
  });
  return Object.fromEntries(missing.filter(([, count]) => count > 0));
}

/** By table, how many rows fewer there are. A row that was changed is gone as it was and there as it is: it counts on both sides. */
export function fewerRows({ lost, gained }: Difference): Record<string, number> {
  const counts = Object.entries(lost).map(([table, count]): [string, number] => [table, count - (gained[table] ?? 0)]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

/** What shipway says that a restore would throw away: `STORE tables NAME: 3 in the backup, 5 now` gives `{ NAME: 2 }`. */
export function announcedLoss(printed: string, store: string): Record<string, number> {
  const lines = printed.matchAll(
    new RegExp(`^ *${store} tables (\\S+): (\\d+|none) in the backup, (\\d+|none) now$`, 'gm'),
  );
  const counts = [...lines].map(([, table = '', then, now]): [string, number] => [
    table.replace(/^public\./, ''),
    (Number(now) || 0) - (Number(then) || 0),
  ]);
  return Object.fromEntries(counts);
}

function checksum(row: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(row)).digest('hex');
}
