import type { Effect } from '../../../platform/effect.ts';
import type { DescribedTables, TableDescription } from '../store.ts';
import type { Address } from './address.ts';
import { withSession, type Session } from './session.ts';

const LIMIT_MS = 10_000; // it reads the catalog alone; whoever holds a table locked for longer is not waited for
const RELATIONS_MAX = 1000; // of the names that were asked for; more is a schema for each customer

interface Row {
  schema: string;
  name: string;
  rows: number;
  bytes: string;
  columns: Record<string, string> | null;
  proven: string[] | null;
  defaults: Record<string, string> | null;
}

/** What the catalog says about tables, as the planner of the server last counted them. Reads only, and no row of a table. */
export async function describeTables(
  names: readonly string[],
  address: Address,
  effect: Effect,
): Promise<DescribedTables> {
  const failure = { kind: 'unreachable', what: 'the sizes of its tables cannot be read' } as const;
  return withSession({ address, effect, failure }, async (session) => {
    await session.query(
      `SET default_transaction_read_only = on; SET statement_timeout = ${LIMIT_MS}; SET lock_timeout = ${LIMIT_MS}`,
    );
    const [server] = await session.query<{ number: number }>(
      `SELECT current_setting('server_version_num')::int AS number`,
    );
    const rows = await readCatalog(session, names);
    const taken = await readNames(session, names);
    const found = names.map((name) => [name, relationNamed(rows, name)] as const);
    return {
      engineVersion: server === undefined ? null : Math.floor(server.number / 10_000),
      tables: Object.fromEntries(found.flatMap(([name, row]) => (row === null ? [] : [[name, descriptionOf(row)]]))),
      absent: names.filter((name) => !taken.has(lastPart(name))),
    };
  });
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Which of the names anything has, of whatever kind and in whatever schema. */
async function readNames(session: Session, names: readonly string[]): Promise<Set<string>> {
  const rows = await session.query<{ name: string }>(
    'SELECT DISTINCT relname AS name FROM pg_class WHERE relname = ANY ($1)',
    [names.map(lastPart)],
  );
  return new Set(rows.map(({ name }) => name));
}

/** By the last part of the name; partitions count for the table they belong to. */
async function readCatalog(session: Session, names: readonly string[]): Promise<Row[]> {
  const wanted = [...new Set(names.map(lastPart))];
  return session.query<Row>(
    `SELECT n.nspname AS schema, c.relname AS name,
            CASE c.relkind WHEN 'p' THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_partition_tree(c.oid) t JOIN pg_class p ON p.oid = t.relid)
                           ELSE c.reltuples END::float8 AS rows,
            CASE c.relkind WHEN 'p' THEN (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t)
                           ELSE pg_total_relation_size(c.oid) END AS bytes,
            (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
            (SELECT json_agg(a.attname) FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = c.oid AND k.conkey = ARRAY[a.attnum]
             WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated
             AND pg_get_expr(k.conbin, k.conrelid) = format('(%I IS NOT NULL)', a.attname)) AS proven,
            (SELECT json_object_agg(a.attname, CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END)
             FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
             WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attgenerated = '' AND (a.attidentity <> '' OR d.oid IS NOT NULL)) AS defaults
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND c.relname = ANY ($1) AND n.nspname !~ '^pg_'
     LIMIT ${RELATIONS_MAX}`,
    [wanted],
  );
}

/** `app.orders` is that one; `orders` the one in public, or else the only one there is. */
function relationNamed(rows: readonly Row[], name: string): Row | null {
  const exact = rows.find((row) => `${row.schema}.${row.name}` === name);
  if (exact !== undefined) return exact;
  const alike = rows.filter((row) => row.name === name);
  return alike.find((row) => row.schema === 'public') ?? (alike.length === 1 ? (alike[0] ?? null) : null);
}

function descriptionOf({ rows, bytes, columns, proven, defaults }: Row): TableDescription {
  // -1: never analysed, so nobody has counted yet.
  const counted = rows < 0 ? null : Math.round(rows);
  return {
    rows: counted,
    bytes: Number(bytes),
    columns: columns ?? {},
    proven: proven ?? [],
    defaults: defaults ?? {},
  };
}
