import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';
import type { Cell } from './database-request.ts';

export const MODULUS = 1n << 256n;
const ROWS_PER_READ = 100; // the library fetches that many at once
const READ_LIMIT_BYTES = 64 * 1024 * 1024; // of rows held in memory at once, unless a single row is larger
export const TYPES: Record<string, number> = { null: 0, integer: 1, real: 2, text: 3, blob: 4 };

export interface Content {
  /** Rows by table; SQLite's own tables left out. */
  counters: Record<string, number>;
  /** The same for equal schema and rows in whatever order and layout they lie; docs/formats/backup-manifest.md has the exact form. */
  fingerprint: string;
}

/** Rows by table. One statement a table, so that a writer waits for a count at most. */
export async function countRows(database: Connection): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const table of await tablesOf(database)) {
    if (isCounted(table)) counters[table] = Number(await oneNumber(database, `SELECT count(*) FROM ${quote(table)}`));
  }
  return counters;
}

/** Reads every row once, in bounded memory. Nobody may write the database meanwhile, or the caller holds a read transaction. */
export async function readContent(database: Connection): Promise<Content> {
  const counters: Record<string, number> = {};
  const hash = createHash('sha256');
  for (const name of ['user_version', 'application_id', 'encoding']) {
    const [row] = await database.all(`PRAGMA ${name}`);
    hash.update(`${name} ${String(row?.[0])}\n`);
  }
  for (const line of await schemaLines(database)) hash.update(`schema ${line}\n`);
  for (const table of await tablesOf(database)) {
    const { rows, sum } = await sumRows(database, table);
    if (isCounted(table)) counters[table] = rows;
    hash.update(`table ${Buffer.from(table, 'utf8').toString('hex')} ${rows} ${sum.toString(16).padStart(64, '0')}\n`);
  }
  return { counters, fingerprint: `sqlite-1:${hash.digest('hex')}` };
}

const isCounted = (table: string): boolean => !table.startsWith('sqlite_');

/** Tables with rows of their own: virtual ones have no root page, their rows are in their shadow tables. */
export async function tablesOf(database: Connection): Promise<string[]> {
  // As bytes: text that is not UTF-8 ends the whole process inside the library.
  const rows = await database.all(
    "SELECT CAST(name AS BLOB) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY CAST(name AS BLOB)",
  );
  return rows.map(([name]) => nameFrom(name));
}

async function schemaLines(database: Connection): Promise<string[]> {
  const rows = await database.all(
    "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(coalesce(sql, '') AS BLOB) FROM sqlite_schema " +
      'ORDER BY CAST(type AS BLOB), CAST(name AS BLOB)',
  );
  return rows.map((row) => {
    const hash = createHash('sha256');
    row.forEach((cell, index) => hash.update(index === 0 ? '' : '\0').update(cell as Buffer));
    return hash.digest('hex');
  });
}

async function sumRows(database: Connection, table: string): Promise<{ rows: number; sum: bigint }> {
  let rows = 0;
  let sum = 0n;
  for await (const row of rowsOf(database, table, await columnsOf(database, table))) {
    sum = (sum + BigInt(`0x${rowDigest(row)}`)) % MODULUS;
    rows += 1;
  }
  return { rows, sum };
}

/** Every row, two cells for each column: its type and its value; in bounded memory. */
export async function* rowsOf(database: Connection, table: string, columns: string[]): AsyncGenerator<Cell[]> {
  const cells = columns.map((column) => {
    const name = quote(column);
    return `typeof(${name}), CASE typeof(${name}) WHEN 'text' THEN CAST(${name} AS BLOB) ELSE ${name} END`;
  });
  const select = `SELECT ${cells.join(', ')} FROM ${quote(table)}`;
  const pageRows = await rowsPerPage(database, table, columns);
  let rows = 0;
  for (let isMore = true; isMore;) {
    const before = rows;
    // The same statement on data that nobody changes walks the rows in the same order.
    const page = pageRows === null ? select : `${select} LIMIT ${pageRows} OFFSET ${rows}`;
    for await (const row of database.rows(page)) {
      rows += 1;
      yield row;
    }
    isMore = pageRows !== null && rows > before;
  }
}

/** Null when a hundred of the widest rows fit into memory, which is nearly always. */
async function rowsPerPage(database: Connection, table: string, columns: string[]): Promise<number | null> {
  const width = columns.map((column) => `coalesce(octet_length(${quote(column)}), 0)`).join(' + ');
  const widest = Number(await oneNumber(database, `SELECT coalesce(max(${width}), 0) FROM ${quote(table)}`));
  if (widest * ROWS_PER_READ <= READ_LIMIT_BYTES) return null;
  return Math.max(1, Math.floor(READ_LIMIT_BYTES / widest));
}

/** Names in the order of the table, generated columns included, hidden ones of virtual tables not. */
export async function columnsOf(database: Connection, table: string): Promise<string[]> {
  const rows = await database.all(
    `SELECT CAST(name AS BLOB) FROM pragma_table_xinfo(${literal(table)}) WHERE hidden <> 1 ORDER BY cid`,
  );
  return rows.map(([name]) => nameFrom(name));
}

export function rowDigest(row: Cell[]): string {
  const hash = createHash('sha256');
  for (let index = 0; index < row.length; index += 2) {
    const type = TYPES[String(row[index])] ?? 255;
    hash.update(cellBytes(type, row[index + 1] ?? null));
  }
  return hash.digest('hex');
}

export function cellBytes(type: number, cell: Cell): Buffer {
  if (Buffer.isBuffer(cell)) {
    const head = Buffer.alloc(9);
    head.writeUInt8(type);
    head.writeBigUInt64BE(BigInt(cell.length), 1);
    return Buffer.concat([head, cell]);
  }
  const bytes = Buffer.alloc(cell === null ? 1 : 9);
  bytes.writeUInt8(type);
  if (typeof cell === 'bigint') bytes.writeBigInt64BE(cell, 1);
  else if (typeof cell === 'number') bytes.writeDoubleBE(cell, 1);
  return bytes;
}

async function oneNumber(database: Connection, sql: string): Promise<bigint | number> {
  const [row] = await database.all(sql);
  const value = row?.[0];
  if (typeof value !== 'bigint' && typeof value !== 'number') throw new Error(`no number from: ${sql}`);
  return value;
}

export function nameFrom(cell: Cell | undefined): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(cell as Buffer);
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
