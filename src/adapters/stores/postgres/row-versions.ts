import { hashOf, sumOf } from './hash-rows.ts';
import { FIRST_OWN_ID } from './schema-lines.ts';
import { quoteText, type Session } from './session.ts';

/** Of a row of `r`: the transaction that wrote it. */
export const VERSION = hashOf('r.xmin::text');

export interface RowVersions {
  rows: number;
  sum: string;
}

/**
 * Over the transactions that wrote the rows which can be seen: any row written, changed or deleted later makes it another one, because what is
 * new bears a later transaction, and what is gone is missing. Freezing, vacuuming and locking rows leave it alone. No value is looked at.
 * Only of a table whose rows lie as the server itself keeps them.
 */
export async function readVersions(session: Session, table: string): Promise<RowVersions> {
  const [row] = await session.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, ${sumOf(VERSION)} AS sum FROM ONLY ${table} AS r`,
  );
  return { rows: Number(row?.rows), sum: row?.sum ?? '' };
}

/** Whether the rows lie as the server itself keeps them, so that each bears the transaction that wrote it. */
export async function isHeap(session: Session, table: string): Promise<boolean> {
  const rows = await session.query(
    `SELECT FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = ${quoteText(table)}::regclass AND a.amname = 'heap'`,
  );
  return rows.length > 0;
}

/** Types of the server itself, but those whose text names a table or a role, which may get another name while no row is written; and enumerations. */
const OWN_TEXT = `(k.typtype = 'e' OR (k.oid < ${FIRST_OWN_ID} AND k.typtype IN ('b', 'r', 'm') AND k.typname !~ '^_?(reg|aclitem)'))`;

/**
 * What turns the rows of a table into the values that are seen, as text to compare: columns, types, labels of enumerations. With the same of it
 * and the same versions of the rows, every value is the same. Null where that is not certain: a type whose text code of somebody else makes.
 */
export async function shapeOf(session: Session, table: string): Promise<string | null> {
  const [found] = await session.query<{ shape: string | null }>(
    `SELECT CASE WHEN bool_and(a.attnum IS NULL OR coalesce(a.attgenerated <> 'v' AND ${OWN_TEXT}, false)) THEN
         jsonb_build_array(c.oid, pg_relation_filenode(c.oid),
           (SELECT md5(string_agg(concat(oid, ' ', enumlabel), ',' ORDER BY oid)) FROM pg_enum),
           jsonb_agg(jsonb_build_array(a.attnum, a.attname, a.atttypid, a.atttypmod) ORDER BY a.attnum))::text END AS shape
     FROM pg_class c JOIN pg_am m ON m.oid = c.relam AND m.amname = 'heap'
     LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_type k ON k.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typoutput = 'pg_catalog.array_out'::regproc THEN t.typelem ELSE t.oid END
     WHERE c.oid = ${quoteText(table)}::regclass GROUP BY c.oid`,
  );
  return found?.shape ?? null;
}
