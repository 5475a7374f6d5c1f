import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import { COLUMNS_MAX, columnsOf, hashOf, rowHash, sumOf, textHash, valueHash, wideRowHash } from './hash-rows.ts';
import { schemaLines } from './schema-lines.ts';
import { quoteText, type Session } from './session.ts';

export interface TableContent {
  /** As SQL writes it: `public.notes`, quoted where it must be. */
  name: string;
  rows: number;
  /** Sum of the hashes of all rows, decimal; the same in whatever order they lie. */
  sum: string;
}

/** How rows are hashed: 1 as the text of the whole row, 2 value by value, 3 the same with bytes as they are. Backups of all of them are compared. */
export type ContentFormat = 1 | 2 | 3;
export const CONTENT_FORMAT = 3;

/** What is in a database, down to the rows. */
export interface Content {
  schema: string[];
  tables: TableContent[];
  /** Names of tables whose rows are not read, because no backup holds them. */
  excluded: string[];
}

/** Tables that hold rows of the service: those of extensions are made by the extension, foreign ones lie elsewhere, temporary ones are nobody's. */
export const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const LARGE_OBJECTS = 'large objects';

/** What pg_dump locks as well: partitioned tables have no rows of their own, but their partitions hang on them. */
export async function lockableNames(session: Session): Promise<string[]> {
  const sql = TABLES.replace("c.relkind = 'r'", "c.relkind IN ('r', 'p')");
  return (await session.query<{ name: string }>(sql)).map(({ name }) => name);
}

export async function tableNames(session: Session): Promise<string[]> {
  return (await session.query<{ name: string }>(TABLES)).map(({ name }) => name);
}

/** The tables in the words of the server; throws for one that is not there, because a misspelt one would be copied after all. */
export async function resolveExcluded(session: Session, wanted: readonly string[], where: string): Promise<string[]> {
  const known = await session.query<{ name: string; plain: string }>(
    TABLES.replace(' AS name', ` AS name, n.nspname || '.' || c.relname AS plain`),
  );
  return wanted.map((word) => {
    const found = known.find(({ plain }) => plain === word || plain === `public.${word}`);
    if (found !== undefined) return found.name;
    throw problem('backup-failed', `there is no table ${word}, which exclude-tables names`, {
      where,
      next: 'Correct exclude-tables of the store: schema.table, or table in schema public.',
    });
  });
}

/** Schema and rows. The caller holds a transaction, or nobody writes. Reads every row once, in the server: nothing of it passes through here. */
export async function readContent(
  session: Session,
  excluded: readonly string[],
  format: ContentFormat = CONTENT_FORMAT,
): Promise<Content> {
  const schema = await schemaLines(session);
  const tables: TableContent[] = [];
  for (const name of await tableNames(session)) {
    tables.push(excluded.includes(name) ? { name, rows: 0, sum: '0' } : await readTable(session, name, format));
  }
  const objects = await readLargeObjects(session);
  if (objects.rows > 0) tables.push(objects);
  return { schema, tables, excluded: [...excluded].sort() };
}

/** Rows of one table, in whatever order they lie. */
export async function readTable(
  session: Session,
  name: string,
  format: ContentFormat = CONTENT_FORMAT,
): Promise<TableContent> {
  const hash = await hashOfRow(session, name, format);
  const [row] = await session.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, ${sumOf(hash)} AS sum FROM ONLY ${name} AS r`,
  );
  return { name, rows: Number(row?.rows), sum: row?.sum ?? '' };
}

async function hashOfRow(session: Session, name: string, format: ContentFormat): Promise<string> {
  // `(r.*)` is the whole row even where the table has a column named r.
  if (format === 1) return hashOf('(r.*)::text');
  const columns = await columnsOf(session, name);
  if (columns.length > COLUMNS_MAX) return wideRowHash(columns);
  const hashes = columns.map(format === 2 ? textHash : valueHash);
  return rowHash(columns, (at) => hashes[at] ?? '');
}

export async function readLargeObjects(session: Session): Promise<TableContent> {
  const [row] = await session.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(concat(oid, ' ', md5(lo_get(oid))), 0)), 0)::text AS sum FROM pg_largeobject_metadata`,
  );
  return { name: LARGE_OBJECTS, rows: Number(row?.rows), sum: row?.sum ?? '' };
}

/** Rows by table, which is far quicker than reading them. */
export async function countRows(session: Session): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const name of await tableNames(session)) counters[name] = await countTable(session, name);
  return counters;
}

export async function countTable(session: Session, name: string): Promise<number> {
  const [row] = await session.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${name}`);
  return Number(row?.rows);
}

export function countersOf(content: Content): Record<string, number> {
  return Object.fromEntries(content.tables.map(({ name, rows }) => [name, rows]));
}

/** The same for equal schema and rows; docs/formats/backup-manifest.md has the exact form. */
export function fingerprintOf(content: Content, format: ContentFormat = CONTENT_FORMAT): string {
  const hash = createHash('sha256');
  for (const line of content.schema) hash.update(`schema ${hexOf(line)}\n`);
  for (const { name, rows, sum } of content.tables) hash.update(`table ${hexOf(name)} ${rows} ${sum}\n`);
  for (const name of content.excluded) hash.update(`excluded ${hexOf(name)}\n`);
  return `postgres-${format}:${hash.digest('hex')}`;
}

export function formatOf(fingerprint: string): ContentFormat {
  if (fingerprint.startsWith('postgres-1:')) return 1;
  return fingerprint.startsWith('postgres-2:') ? 2 : CONTENT_FORMAT;
}

const hexOf = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

/** The first difference in words, or null. The schema is compared where both servers write it in the same way. */
export function firstDifference(found: Content, captured: Content, isSameMajor: boolean): string | null {
  const now = new Map(found.tables.map((table) => [table.name, table]));
  for (const then of captured.tables) {
    const table = now.get(then.name);
    if (table === undefined) return `table ${then.name} is missing`;
    if (table.rows !== then.rows) return `table ${then.name} has ${table.rows} rows, ${then.rows} were captured`;
    if (table.sum !== then.sum) return `rows of table ${then.name} differ from what was captured`;
    now.delete(then.name);
  }
  const [extra] = now.keys();
  if (extra !== undefined) return `table ${extra} was not in the captured data`;
  return isSameMajor ? schemaDifference(found.schema, captured.schema) : null;
}

function schemaDifference(found: string[], captured: string[]): string | null {
  const then = new Set(captured);
  const now = new Set(found);
  const missing = captured.find((line) => !now.has(line));
  if (missing !== undefined) return `the schema lacks: ${missing}`;
  const extra = found.find((line) => !then.has(line));
  return extra === undefined ? null : `the schema has what was not captured: ${extra}`;
}

/** A pattern of pg_dump that means exactly this table: in quotes nothing is a wildcard. */
export async function dumpPattern(session: Session, name: string): Promise<string> {
  const [row] = await session.query<{ pattern: string }>(
    `SELECT format('"%s"."%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) AS pattern
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${quoteText(name)}::regclass`,
  );
  return row?.pattern ?? name;
}
