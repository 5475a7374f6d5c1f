import type { ColumnState, DataState, TableState } from '../../../core/rehearsal/data-state.ts';
import { readLargeObjects, readTable, tableNames, type Content, type TableContent } from './content.ts';
import { COLUMNS_MAX, columnsOf, rowHash, sumOf, valueHash, wideRowHash, type Column } from './hash-rows.ts';
import { VERSION, isHeap, readVersions, shapeOf } from './row-versions.ts';
import { FIRST_OWN_ID, schemaLines } from './schema-lines.ts';
import { AS_MANY_WORKERS_AS_SET, quoteName, type Session } from './session.ts';

/** Tables that were read: by their shape, and then by the versions of their rows. */
export type StateMemory = Map<string, Map<string, TableState>>;

/** Schema, rows and columns. Nobody writes meanwhile. The values of a table are read once, and again when one of its rows was written since. */
export async function readState(session: Session, memory: StateMemory = new Map()): Promise<DataState> {
  return (await readStateAndContent(session, memory)).state;
}

/** The same, and what of it a capture keeps. */
export async function readStateAndContent(
  session: Session,
  memory: StateMemory,
): Promise<{ state: DataState; content: Content }> {
  await session.query(AS_MANY_WORKERS_AS_SET);
  const tables: TableState[] = [];
  for (const name of await tableNames(session)) tables.push(await readOrRemember(session, name, memory));
  const objects = await readLargeObjects(session);
  if (objects.rows > 0) tables.push({ ...objects, columns: [] });
  const schema = await schemaLines(session);
  const content = { schema, tables: tables.map(({ name, rows, sum }) => ({ name, rows, sum })), excluded: [] };
  return { state: { schema: await comparable(schema, session), tables }, content };
}

/**
 * Of data that others write, at one moment: whether two such looks are of the same rows, and where not. No value is read, so the sums are to be
 * compared with those of another such look alone; a row that was written again with the same values is another row.
 */
export async function readLiveState(session: Session, excluded: readonly string[]): Promise<DataState> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const tables: TableContent[] = [];
  for (const name of await tableNames(session)) {
    if (excluded.includes(name)) tables.push({ name, rows: 0, sum: '0' });
    else if (await isHeap(session, name)) tables.push({ name, ...(await readVersions(session, name)) });
    else tables.push(await readTable(session, name));
  }
  const objects = await readLargeObjects(session);
  if (objects.rows > 0) tables.push(objects);
  const schema = await comparable(await schemaLines(session), session);
  await session.query('COMMIT');
  return { schema, tables: tables.map((table) => ({ ...table, columns: [] })) };
}

const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s."]+)`;
const PLACE_OF_COLUMN = new RegExp(String.raw`^(column ${NAME}\.${NAME}) \d+ (${NAME}) `);

/** A dropped column cannot come back to its place, so that no way down could ever restore it: order is compared apart. */
async function comparable(schema: readonly string[], session: Session): Promise<string[]> {
  const lines = schema.map((line) => line.replace(PLACE_OF_COLUMN, '$1.$2 '));
  // Left by CREATE INDEX CONCURRENTLY that failed: no query uses it, every write pays for it.
  const invalid = await session.query<{ line: string }>(
    `SELECT format('index %s of %s is invalid', i.indexrelid::regclass, i.indrelid::regclass) AS line
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.oid >= ${FIRST_OWN_ID}`,
  );
  return [...lines, ...invalid.map(({ line }) => line)].sort();
}

async function readOrRemember(session: Session, name: string, memory: StateMemory): Promise<TableState> {
  const shape = await shapeOf(session, name);
  if (shape === null) return (await readValues(session, name)).state;
  const known = memory.get(shape) ?? new Map<string, TableState>();
  if (known.size > 0) {
    const found = known.get(keyOf(await readVersions(session, name)));
    // It may have another name by now.
    if (found !== undefined) return { ...found, name };
  }
  const { state, versions } = await readValues(session, name);
  memory.set(shape, known.set(keyOf({ rows: state.rows, sum: versions }), state));
  return state;
}

const keyOf = ({ rows, sum }: { rows: number; sum: string }): string => `${rows} ${sum}`;

/** In one statement, so that the versions are of the rows that were read. */
async function readValues(session: Session, name: string): Promise<{ state: TableState; versions: string }> {
  const columns = await columnsOf(session, name);
  const isWide = columns.length > COLUMNS_MAX;
  const [found] = await session.query<Record<string, string>>(isWide ? wideQuery(name, columns) : query(name, columns));
  const told = isWide ? [] : columns;
  const states = told.map((column, at): ColumnState => {
    const { [`v${at}`]: values, [`s${at}`]: sum = '' } = found ?? {};
    return { name: quoteWhereNeeded(column.name), values: Number(values), sum };
  });
  const state = { name, rows: Number(found?.['rows']), sum: found?.['sum'] ?? '', columns: states };
  return { state, versions: found?.['versions'] ?? '' };
}

/** Every value is hashed once; the hash of a row is made of those of its values. */
function query(name: string, columns: readonly Column[]): string {
  const hashes = [...columns.map((column, at) => `${valueHash(column)} AS h${at}`), `${VERSION} AS version`];
  const results = [
    'count(*) AS rows',
    `${sumOf(rowHash(columns, (at) => `h${at}`))} AS sum`,
    `${sumOf('version')} AS versions`,
    ...columns.map((_, at) => `count(h${at}) AS v${at}, ${sumOf(`h${at}`)} AS s${at}`),
  ];
  // OFFSET keeps the server from writing each hash out again wherever it is used. As text: a number would be cast, and seen too late to read with several processes.
  return `SELECT ${results.join(', ')} FROM (SELECT ${hashes.join(', ')} FROM ONLY ${name} AS r OFFSET '0') AS hashes`;
}

function wideQuery(name: string, columns: readonly Column[]): string {
  return `SELECT count(*) AS rows, ${sumOf(wideRowHash(columns))} AS sum, ${sumOf(VERSION)} AS versions FROM ONLY ${name} AS r`;
}

/** As the schema lines write it. */
function quoteWhereNeeded(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteName(name);
}
