import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';

export interface Content {
  /** Rows by table; a table outside the schema `main` is named `schema.table`. */
  counters: Record<string, number>;
  /** `duckdb-1:<content>:<definitions>`; docs/formats/backup-manifest.md has the exact form. */
  fingerprint: string;
}

interface Table {
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
}

/**
 * Reads every column of every row once, in bounded memory: DuckDB has no check of its own, but compares the checksum of every block it
 * reads. Nobody may write the database meanwhile.
 */
export async function readContent(database: Connection): Promise<Content> {
  await database.exec("SET TimeZone = 'UTC'"); // moments are shown in the zone of the session
  const counters: Record<string, number> = {};
  const content = createHash('sha256');
  for (const table of await tablesOf(database)) {
    const { rows, sums } = await sumRows(database, table);
    counters[counterName(table)] = rows;
    content.update(`table ${hex(table.schema)} ${hex(table.name)} ${rows} ${sums}\n`);
    for (const column of table.columns) content.update(`column ${hex(column.name)} ${hex(column.type)}\n`);
  }
  for (const line of await linesOf(database, SEQUENCES)) content.update(`sequence ${line}\n`);
  const definitions = createHash('sha256');
  for (const sql of DEFINITIONS) for (const line of await linesOf(database, sql)) definitions.update(`${line}\n`);
  return { counters, fingerprint: `duckdb-1:${content.digest('hex')}:${definitions.digest('hex')}` };
}

/**
 * Whether two fingerprints are of the same data. How an engine words a definition (of a view, a default, a constraint) may change with its
 * version, so definitions are compared only when the same version read both.
 */
export function isSameContent(one: string, other: string, isSameEngine: boolean): boolean {
  if (isSameEngine) return one === other;
  const contentOf = (fingerprint: string): string => fingerprint.split(':').slice(0, 2).join(':');
  return contentOf(one) === contentOf(other);
}

const HERE = 'database_name = current_database()';

async function tablesOf(database: Connection): Promise<Table[]> {
  const tables = new Map<string, Table>();
  const rows = await database.all(
    `SELECT t.schema_name, t.table_name, c.column_name, c.data_type
       FROM duckdb_tables() t JOIN duckdb_columns() c USING (database_oid, schema_oid, table_oid)
      WHERE t.${HERE} AND NOT t.internal AND NOT t.temporary
      ORDER BY encode(t.schema_name), encode(t.table_name), c.column_index`,
  );
  for (const [schema, name, column, type] of rows) {
    if (!schema || !name || !column || !type) throw new Error('a column has no name or no type');
    const key = JSON.stringify([schema, name]);
    const table = tables.get(key) ?? { schema, name, columns: [] };
    tables.set(key, table);
    table.columns.push({ name: column, type });
  }
  return [...tables.values()];
}

/** Sums of the digests do not depend on the order of the rows, and tell a row that is there twice. */
async function sumRows(database: Connection, table: Table): Promise<{ rows: number; sums: string }> {
  const cells = table.columns.map(({ name, type }) => cellText(quote(name), type));
  const [row] = await database.all(
    `SELECT count(*)::VARCHAR, coalesce(sum(md5_number_lower(cells)), 0)::VARCHAR, coalesce(sum(md5_number_upper(cells)), 0)::VARCHAR
       FROM (SELECT concat(${cells.join(', ')}) AS cells FROM ${quote(table.schema)}.${quote(table.name)})`,
  );
  return { rows: Number(row?.[0]), sums: `${String(row?.[1])} ${String(row?.[2])}` };
}

/** A cell as text that no other value of the column has, and that cannot run into its neighbour. Long ones are digested at once: blobs may be large. */
function cellText(name: string, type: string): string {
  if (type === 'VARCHAR' || type === 'BLOB') return `coalesce(md5(${name}), 'n')`;
  return `coalesce(strlen(${name}::VARCHAR)::VARCHAR || ':' || ${name}::VARCHAR, 'n')`; // concat() would make ':' of a null
}

const SEQUENCES = `SELECT schema_name, sequence_name, start_value::VARCHAR, min_value::VARCHAR, max_value::VARCHAR,
    increment_by::VARCHAR, cycle::VARCHAR, last_value::VARCHAR FROM duckdb_sequences() WHERE ${HERE} AND NOT temporary`;

const DEFINITIONS = [
  `SELECT 'view', schema_name, view_name, sql FROM duckdb_views() WHERE ${HERE} AND NOT internal AND NOT temporary`,
  `SELECT 'index', schema_name, index_name, table_name, sql FROM duckdb_indexes() WHERE ${HERE}`,
  `SELECT 'constraint', schema_name, table_name, constraint_index::VARCHAR, constraint_text FROM duckdb_constraints() WHERE ${HERE}`,
  `SELECT 'column', schema_name, table_name, column_name, is_nullable::VARCHAR, column_default FROM duckdb_columns()
    WHERE ${HERE} AND NOT internal`,
  `SELECT 'macro', schema_name, function_name, parameters::VARCHAR, macro_definition FROM duckdb_functions()
    WHERE ${HERE} AND NOT internal`,
  `SELECT 'type', schema_name, type_name, logical_type, labels::VARCHAR FROM duckdb_types() WHERE ${HERE} AND NOT internal`,
];

/** Each row as one line, cells in hex; sorted. */
async function linesOf(database: Connection, sql: string): Promise<string[]> {
  const rows = await database.all(sql);
  return rows.map((row) => row.map((cell) => (cell === null ? '-' : hex(cell))).join(' ')).sort();
}

function counterName({ schema, name }: Table): string {
  return schema === 'main' && !name.includes('.') ? name : `${schema}.${name}`;
}

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
