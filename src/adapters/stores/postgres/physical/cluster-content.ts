import { createHash } from 'node:crypto';
import type { Effect } from '../../../../platform/effect.ts';
import { errorCode } from '../../../../platform/error-code.ts';
import type { Address } from '../address.ts';
import {
  firstDifference,
  readLargeObjects,
  readTable,
  tableNames,
  type Content,
  type TableContent,
} from '../content.ts';
import { readProperties } from '../database-properties.ts';
import { schemaLines } from '../schema-lines.ts';
import { AS_MANY_WORKERS_AS_SET, withSession, type Session, type SessionRequest } from '../session.ts';

/** How rows are hashed: 1 as the server sends them, 2 value by value, as in a dump. Backups of the first are still compared. */
export type ClusterFormat = 1 | 2;
export const CLUSTER_FORMAT = 2;

/** What is in all databases of a server, down to the rows. */
export interface ClusterContent {
  /** Roles, their memberships and settings, and what each database is beyond its content; one line each. */
  globals: string[];
  databases: DatabaseContent[];
  /** Databases that let nobody in (template0); they are copied like the others. */
  closed: string[];
}

export interface DatabaseContent {
  name: string;
  content: Content;
}

/** By the name of a database: how it is reached. */
export type RequestFor = (database: string) => SessionRequest;

/** A request for every database of one server. */
export function requestsAt(address: Address, effect: Effect, failure: SessionRequest['failure']): RequestFor {
  return (database) => ({ address, database, effect, failure });
}

const ROLES = `
  SELECT format('role %I super %s inherit %s createrole %s createdb %s login %s replication %s bypass %s limit %s until %s', rolname, rolsuper, rolinherit,
    rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil) AS line
  FROM pg_roles WHERE rolname !~ '^pg_'
  UNION ALL SELECT format('%I is in %I', pg_get_userbyid(member), pg_get_userbyid(roleid)) FROM pg_auth_members
  UNION ALL SELECT format('role %I sets %s', pg_get_userbyid(setrole), setconfig) FROM pg_db_role_setting WHERE setdatabase = 0`;

/** Everything, read once in the server: of one moment where nobody writes, else each database of its own. A copy may use all of the machine. */
export async function readCluster(
  requestFor: RequestFor,
  home: string,
  order: { of: 'live' | 'copy'; format: ClusterFormat },
): Promise<ClusterContent> {
  const { names, closed, globals } = await withSession(requestFor(home), readGlobals);
  const databases: DatabaseContent[] = [];
  for (const name of names)
    databases.push({ name, content: await withSession(requestFor(name), (session) => readDatabase(session, order)) });
  return { globals, databases, closed };
}

/** The databases of a server, in the order of their bytes. */
export async function databaseNames(session: Session): Promise<{ names: string[]; closed: string[] }> {
  const found = await session.query<{ name: string; open: boolean }>(
    `SELECT datname AS name, datallowconn AS open FROM pg_database ORDER BY datname COLLATE "C"`,
  );
  const names = (isOpen: boolean): string[] => found.filter(({ open }) => open === isOpen).map(({ name }) => name);
  return { names: names(true), closed: names(false) };
}

async function readGlobals(session: Session): Promise<{ names: string[]; closed: string[]; globals: string[] }> {
  const { names, closed } = await databaseNames(session);
  const globals = (await session.query<{ line: string }>(ROLES)).map(({ line }) => line);
  for (const name of [...names, ...closed])
    globals.push(`database ${name} ${JSON.stringify(await readProperties(session, name))}`);
  return { names, closed, globals: globals.sort() };
}

async function readDatabase(
  session: Session,
  { of, format }: { of: 'live' | 'copy'; format: ClusterFormat },
): Promise<Content> {
  if (of === 'copy') await session.query(AS_MANY_WORKERS_AS_SET);
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const schema = await schemaLines(session);
  const tables: TableContent[] = [];
  for (const name of await tableNames(session))
    tables.push(await (format === 1 ? readAsSent(session, name) : readTable(session, name)));
  const objects = await readLargeObjects(session);
  if (objects.rows > 0) tables.push(objects);
  await session.query('COMMIT');
  return { schema, tables, excluded: [] };
}

/** As the server sends rows to a program that asks for their bytes. Not `r`, which may be a column. */
const BINARY = 'hash_record_extended(ROW(record_send(r.*)), 0)';
/** For types that cannot be sent so. */
const TEXT = `hashtextextended((r.*)::text COLLATE "C", 0)`;
const UNDEFINED_FUNCTION = '42883';

async function readAsSent(session: Session, name: string): Promise<TableContent> {
  await session.query('SAVEPOINT rows');
  try {
    return await sumRows(session, name, BINARY);
  } catch (error) {
    if (errorCode(error) !== UNDEFINED_FUNCTION) throw error;
    await session.query('ROLLBACK TO SAVEPOINT rows');
    return sumRows(session, name, TEXT);
  }
}

async function sumRows(session: Session, name: string, hash: string): Promise<TableContent> {
  const [row] = await session.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(${hash}), 0)::text AS sum FROM ONLY ${name} AS r`,
  );
  return { name, rows: Number(row?.rows), sum: row?.sum ?? '' };
}

/** Rows by `database: table`. */
export function countersOf({ databases, globals }: ClusterContent): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const { name, content } of databases)
    for (const table of content.tables) counters[`${name}: ${table.name}`] = table.rows;
  counters['databases and roles'] = globals.length;
  return counters;
}

/** The same for equal data; docs/formats/backup-manifest.md has the exact form. */
export function fingerprintOf(
  { globals, databases, closed }: ClusterContent,
  format: ClusterFormat = CLUSTER_FORMAT,
): string {
  const hash = createHash('sha256');
  for (const line of globals) hash.update(`global ${hexOf(line)}\n`);
  for (const name of closed) hash.update(`closed ${hexOf(name)}\n`);
  for (const { name, content } of databases) {
    hash.update(`database ${hexOf(name)}\n`);
    for (const line of content.schema) hash.update(`schema ${hexOf(line)}\n`);
    for (const table of content.tables) hash.update(`table ${hexOf(table.name)} ${table.rows} ${table.sum}\n`);
  }
  return `${FINGERPRINT}${format}:${hash.digest('hex')}`;
}

const FINGERPRINT = 'postgres-cluster-';

/** Whether a fingerprint is of a whole server. */
export const isClusterFingerprint = (fingerprint: string): boolean => fingerprint.startsWith(FINGERPRINT);

export const formatOf = (fingerprint: string): ClusterFormat => (fingerprint.startsWith(`${FINGERPRINT}1:`) ? 1 : 2);

const hexOf = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

/** The first difference in words, or null. */
export function clusterDifference(found: ClusterContent, captured: ClusterContent): string | null {
  const now = new Map(found.databases.map((database) => [database.name, database.content]));
  for (const { name, content } of captured.databases) {
    const there = now.get(name);
    if (there === undefined) return `database ${name} is missing`;
    const difference = firstDifference(there, content, true);
    if (difference !== null) return `database ${name}: ${difference}`;
    now.delete(name);
  }
  const [extra] = now.keys();
  if (extra !== undefined) return `database ${extra} was not in the captured data`;
  if (fingerprintOf(found) === fingerprintOf(captured)) return null;
  const then = new Set(captured.globals);
  const line = found.globals.find((one) => !then.has(one));
  return `roles or properties of databases differ${line === undefined ? '' : `: ${line}`}`;
}
