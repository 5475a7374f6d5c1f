import { FIRST_OWN_ID } from './schema-lines.ts';
import { quoteName, quoteText, type Session } from './session.ts';

export interface Column {
  name: string;
  /** Its cast to text says all of the value: `char` loses blanks by it, and a type of the service's own may have any cast. */
  isPlain: boolean;
  /** `bytea`, whose text is twice as long as it is. */
  isBytes: boolean;
}

// Two results for each column, and PostgreSQL gives at most 1664 of them.
export const COLUMNS_MAX = 800;

/** In the order of the table. */
export async function columnsOf(session: Session, table: string): Promise<Column[]> {
  return session.query<Column & Record<string, unknown>>(
    `SELECT attname AS name, atttypid < ${FIRST_OWN_ID} AND atttypid <> 'pg_catalog.bpchar'::regtype AS "isPlain",
       atttypid = 'pg_catalog.bytea'::regtype AS "isBytes"
     FROM pg_attribute WHERE attrelid = ${quoteText(table)}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  );
}

/** Of one value of the table `r`; NULL for NULL. Bytes as they are, which takes a third of the time of writing them as text; all else as text. */
export function valueHash(column: Column): string {
  if (!column.isBytes) return textHash(column);
  const value = `r.${quoteName(column.name)}`;
  // In an array of one: no function of the server hashes 64 bits of a bytea by itself.
  return `CASE WHEN ${value} IS NOT NULL THEN hash_array_extended(ARRAY[${value}], 0) END`;
}

/** The same as its type writes it, whatever it is. Each column apart: a row as text is quoted letter by letter, which takes twice as long. */
export function textHash({ name, isPlain }: Column): string {
  const value = `r.${quoteName(name)}`;
  // Not IS NULL, which is true also for a composite value of NULLs.
  const text = isPlain ? `${value}::text` : `CASE WHEN ${value} IS DISTINCT FROM NULL THEN format('%s', ${value}) END`;
  return hashOf(`(${text})`);
}

/** One hash of a row from those of its values (`hashAt(n)` of column n), whatever order its columns stand in; NULL counts as 0. */
export function rowHash(columns: readonly Column[], hashAt: (at: number) => string): string {
  return (
    columns
      .map(({ name }, at) => ({ name, at }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      // The hash of an empty text mixes all 64 bits of its seed; that of a number would fold them to 32 first.
      .reduce(
        (folded, { at }) => `hashtextextended('' COLLATE "C", coalesce(${hashAt(at)}, 0) # ${folded})`,
        '0::bigint',
      )
  );
}

/** For a table of so many columns that a query cannot hold them one by one. */
export function wideRowHash(columns: readonly Column[]): string {
  const names = columns.map(({ name }) => name).toSorted();
  return hashOf(`ROW(${names.map((name) => `r.${quoteName(name)}`).join(', ')})::text`);
}

export const hashOf = (text: string): string => `hashtextextended(${text} COLLATE "C", 0)`;

export const sumOf = (hash: string): string => `coalesce(sum(${hash}), 0)::text`;
