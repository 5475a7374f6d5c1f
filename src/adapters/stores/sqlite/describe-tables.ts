import type { DescribedTables, TableDescription } from '../store.ts';
import type { Connection } from './connection.ts';
import { literal } from './fingerprint.ts';

/** What is known of the tables: rows by counting, bytes with those of their indexes. Reads only. */
export async function describeTables(names: readonly string[], database: Connection): Promise<DescribedTables> {
  const tables: Record<string, TableDescription> = {};
  for (const name of names) {
    const [found] = await database.all(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ${literal(name)} COLLATE NOCASE`,
    );
    if (found !== undefined) tables[name] = await describeTable(name, database);
  }
  return { engineVersion: null, tables };
}

async function describeTable(name: string, database: Connection): Promise<TableDescription> {
  const [count] = await database.all(`SELECT count(*) FROM "${name.replaceAll('"', '""')}"`);
  const [size] = await database.all(
    `SELECT sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
     WHERE d.aggregate = TRUE AND s.tbl_name = ${literal(name)} COLLATE NOCASE`,
  );
  const columns = await database.all(`SELECT name, type FROM pragma_table_info(${literal(name)})`);
  return {
    rows: Number(count?.[0]),
    bytes: Number(size?.[0]),
    columns: Object.fromEntries(columns.map(([column, type]) => [String(column), String(type)])),
  };
}
