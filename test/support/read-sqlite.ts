import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';

/**
 * The rows of each query, read as the service would (a writing handle), and every handle of the database really closed after it: libsql
 * leaves one open for each prepared statement until it is collected, so rows are copied to a scratch database without any.
 */
export function readSqlite(path: string, ...queries: string[]): unknown[][][] {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-read-'));
  const scratch = join(folder, 'scratch.db');
  try {
    const database = new Database(`file:${path}?mode=rw`, { timeout: 5000 } as Database.Options);
    try {
      // Made first and filled after: an integrity check looks into every database, and must not meet a half-made table.
      const copies = queries.map(
        (query, n) =>
          `CREATE TABLE scratch.q${n} AS SELECT * FROM (${query}) LIMIT 0; INSERT INTO scratch.q${n} ${query};`,
      );
      database.exec(`ATTACH '${scratch}' AS scratch; ${copies.join(' ')} DETACH scratch`);
    } finally {
      database.close();
    }
    const copied = new Database(scratch);
    const rows = queries.map((_, index) => copied.prepare(`SELECT * FROM q${index}`).raw().all() as unknown[][]);
    copied.close();
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every table, and `table.column` of every column; none when there is no database. */
export function tablesAndColumns(path: string): string[] {
  if (!existsSync(path)) return [];
  const query =
    "SELECT t.name AS name, c.name AS column FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";
  const [rows = []] = readSqlite(path, query);
  return [...new Set(rows.flatMap(([table, column]) => [String(table), `${String(table)}.${String(column)}`]))];
}
