import { crc32 } from 'node:zlib';
import type { ColumnState, DataState, TableState } from '../../../core/rehearsal/data-state.ts';
import type { Connection } from './connection.ts';
import type { Cell } from './database-request.ts';
import { MODULUS, TYPES, cellBytes, columnsOf, literal, nameFrom, rowDigest, rowsOf, tablesOf } from './fingerprint.ts';
import { plainSql, plainTable } from './plain-sql.ts';

const SUM_MODULUS = 2 ** 52; // with one more checksum it is still a whole number

/** Schema, rows and columns. Reads every row once, in bounded memory. Nobody writes meanwhile. SQLite's own tables are left out. */
export async function readState(database: Connection): Promise<DataState> {
  const tables: TableState[] = [];
  for (const name of await tablesOf(database)) {
    if (!name.startsWith('sqlite_')) tables.push(await readTable(database, name));
  }
  return { schema: await schemaOf(database), tables };
}

async function schemaOf(database: Connection): Promise<string[]> {
  const lines: string[] = [];
  for (const name of ['user_version', 'application_id', 'encoding']) {
    const [row] = await database.all(`PRAGMA ${name}`);
    lines.push(`setting ${name} is ${String(row?.[0])}`);
  }
  const objects = await database.all(
    "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(coalesce(sql, '') AS BLOB) FROM sqlite_schema",
  );
  for (const [type, name, table, sql] of objects.map((row) => row.map(nameFrom))) {
    if (name === undefined || name.startsWith('sqlite_')) continue;
    if (type !== 'table') lines.push(`${type} ${name} on ${table} as ${plainSql(sql ?? '')}`);
    else lines.push(`table ${name} as ${plainTable(sql ?? '')}`, ...(await columnLines(database, name)));
  }
  return lines.sort();
}

async function columnLines(database: Connection, table: string): Promise<string[]> {
  const rows = await database.all(
    `SELECT CAST(name AS BLOB), CAST(lower(type) AS BLOB), "notnull", CAST(coalesce(dflt_value, 'none') AS BLOB), pk, hidden FROM pragma_table_xinfo(${literal(table)})`,
  );
  return rows.map(([name, type, notNull, byDefault, key, hidden]) => {
    const words = [`type ${nameFrom(type)}`, `not null ${String(notNull)}`, `default ${plainSql(nameFrom(byDefault))}`];
    return `column ${table}.${nameFrom(name)} ${words.join(' ')} key ${String(key)} hidden ${String(hidden)}`;
  });
}

async function readTable(database: Connection, name: string): Promise<TableState> {
  const order = await columnsOf(database, name);
  const columns = order.toSorted();
  const values = columns.map(() => 0);
  const sums = columns.map(() => 0);
  let rows = 0;
  let sum = 0n;
  for await (const row of rowsOf(database, name, columns)) {
    sum = (sum + BigInt(`0x${rowDigest(row)}`)) % MODULUS;
    addCells(row, values, sums);
    rows += 1;
  }
  const states = new Map(
    columns.map((column, at): [string, ColumnState] => {
      return [column, { name: column, values: values[at] ?? 0, sum: String(sums[at] ?? 0) }];
    }),
  );
  return { name, rows, sum: sum.toString(16), columns: order.flatMap((column) => states.get(column) ?? []) };
}

/** The checksum of a column only tells which one it was; that something differs is told by the digest of the rows. */
function addCells(row: Cell[], values: number[], sums: number[]): void {
  for (let at = 0; at < values.length; at += 1) {
    const type = TYPES[String(row[2 * at])] ?? 255;
    if (type === TYPES['null']) continue;
    values[at] = (values[at] ?? 0) + 1;
    sums[at] = ((sums[at] ?? 0) + crc32(cellBytes(type, row[2 * at + 1] ?? null))) % SUM_MODULUS;
  }
}
