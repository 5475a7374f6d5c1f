import type { ColumnState, DataState, TableState } from '../../../core/rehearsal/data-state.ts';
import { readContent, readLargeObjects, tableNames } from './content.ts';
import { schemaLines } from './schema-lines.ts';
import { AS_MANY_WORKERS_AS_SET, quoteName, quoteText, type Session } from './session.ts';

// Two results for each column, and PostgreSQL gives at most 1664 of them.
const COLUMNS_MAX = 800;

/** Schema, rows and columns. Every row is read once, in the server. Nobody writes meanwhile. */
export async function readState(session: Session): Promise<DataState> {
  await session.query(AS_MANY_WORKERS_AS_SET);
  const tables: TableState[] = [];
  for (const name of await tableNames(session)) tables.push(await readTable(session, name));
  const objects = await readLargeObjects(session);
  if (objects.rows > 0) tables.push({ ...objects, columns: [] });
  return { schema: await comparableLines(session), tables };
}

/** The same of one moment, without the columns: of data that others write. */
export async function readLiveState(session: Session, excluded: readonly string[]): Promise<DataState> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { tables } = await readContent(session, excluded);
  const schema = await comparableLines(session);
  await session.query('COMMIT');
  return { schema, tables: tables.map((table) => ({ ...table, columns: [] })) };
}

const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s."]+)`;
const PLACE_OF_COLUMN = new RegExp(String.raw`^(column ${NAME}\.${NAME}) \d+ (${NAME}) `);

/** A dropped column cannot come back to its place, so that no way down could ever restore it: order is compared apart. */
async function comparableLines(session: Session): Promise<string[]> {
  const lines = (await schemaLines(session)).map((line) => line.replace(PLACE_OF_COLUMN, '$1.$2 '));
  // Left by CREATE INDEX CONCURRENTLY that failed: no query uses it, every write pays for it.
  const invalid = await session.query<{ line: string }>(
    `SELECT format('index %s of %s is invalid', i.indexrelid::regclass, i.indrelid::regclass) AS line
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.oid >= 16384`,
  );
  return [...lines, ...invalid.map(({ line }) => line)].sort();
}

async function readTable(session: Session, name: string): Promise<TableState> {
  const columns = await columnsOf(session, name);
  if (columns.length > COLUMNS_MAX) return readRows(session, name, columns);
  const sums = columns.map((_, at) => `count(h${at}) AS v${at}, ${sumOf(`h${at}`)} AS s${at}`);
  // Every value is written as text and hashed once, and OFFSET 0 keeps it so; the hash of a row is made of those of its columns.
  const hashes = columns.map((column, at) => `${hashOf(`r.${quoteName(column)}`)} AS h${at}`);
  const [found] = await session.query<Record<string, string>>(
    `SELECT ${['count(*) AS rows', `${sumOf(foldedBy(columns))} AS sum`, ...sums].join(', ')}
     FROM ONLY ${name} AS r CROSS JOIN LATERAL (SELECT ${hashes.join(', ')} OFFSET 0) AS hashes`,
  );
  const states = columns.map((column, at): ColumnState => {
    return { name: quoteWhereNeeded(column), values: Number(found?.[`v${at}`]), sum: found?.[`s${at}`] ?? '' };
  });
  return { name, rows: Number(found?.['rows']), sum: found?.['sum'] ?? '', columns: states };
}

async function readRows(session: Session, name: string, columns: readonly string[]): Promise<TableState> {
  const row = columns.toSorted().map(quoteName).join(', ');
  const [found] = await session.query<Record<string, string>>(
    `SELECT count(*) AS rows, ${sumOf(hashOf(`ROW(${row})`))} AS sum FROM ONLY ${name}`,
  );
  return { name, rows: Number(found?.['rows']), sum: found?.['sum'] ?? '', columns: [] };
}

/** One hash of a row, whatever order its columns stand in. Nothing counts as 0 here; how many values a column has is told apart. */
function foldedBy(columns: readonly string[]): string {
  return columns
    .map((column, at) => ({ column, at }))
    .toSorted((a, b) => (a.column < b.column ? -1 : 1))
    .reduce((folded, { at }) => `hashint8extended(coalesce(h${at}, 0) # ${folded}, 0)`, '0::bigint');
}

const hashOf = (value: string): string => `hashtextextended(${value}::text COLLATE "C", 0)`;

const sumOf = (hash: string): string => `coalesce(sum(${hash}), 0)::text`;

async function columnsOf(session: Session, name: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = ${quoteText(name)}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
  return rows.map((row) => row.name);
}

/** As the schema lines write it. */
function quoteWhereNeeded(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteName(name);
}
