import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { exists, freeBytes } from '../../../platform/files.ts';
import { describeAddress } from './address.ts';
import { resolveExcluded } from './content.ts';
import { withSession, type Session } from './session.ts';
import { requireTools, type Tools } from './tools.ts';

/** What a capture works on. */
export interface LiveDatabase {
  tools: Tools;
  /** As the release file names them. */
  excludedTables: readonly string[];
  lockWaitSeconds: number;
}

export interface ServerFacts {
  /** `15.18` */
  version: string;
  major: number;
  bytes: number;
  pgDumpVersion: string;
}

const OLDEST_MAJOR = 13; // DROP DATABASE … WITH (FORCE); older ones get no repairs any more
const SHOWN = 5;

/** Reachable, new enough, readable with the rights of this user, and tools that fit; throws the first thing that is wrong. */
export async function probeServer({ tools, excludedTables }: LiveDatabase, effect: Effect): Promise<ServerFacts> {
  const { address } = tools;
  const where = describeAddress(address);
  const failure = { kind: 'backup-failed', what: 'the database cannot be read' } as const;
  const facts = await withSession({ address, effect, failure }, async (session) => {
    const [row] = await session.query<{ version: string; bytes: string }>(
      `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, pg_database_size(current_database()) AS bytes`,
    );
    const version = row?.version ?? '0';
    const major = Number.parseInt(version, 10);
    if (major < OLDEST_MAJOR) {
      throw problem('backup-failed', `PostgreSQL ${version} is too old: this store needs ${OLDEST_MAJOR} or newer`, {
        where,
        next: 'Declare the database as a store of kind command, or upgrade the server.',
      });
    }
    await requireReadable(session, where);
    await resolveExcluded(session, excludedTables, where);
    return { version, major, bytes: Number(row?.bytes) };
  });
  const { pgDump } = await requireTools(tools, facts.major, effect);
  return { ...facts, pgDumpVersion: pgDump };
}

/** pg_dump needs them all: better told before than after half of the data was read. */
async function requireReadable(session: Session, where: string): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'S', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
     ORDER BY 1 LIMIT ${SHOWN}`,
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(', ');
  throw problem('not-permitted', `this user may not read ${names}${rows.length === SHOWN ? ' and maybe more' : ''}`, {
    where,
    next: 'Use the owner of the database in the url, or GRANT pg_read_all_data TO that user.',
  });
}

/** Throws unless this user may make databases, and where the disk of the server can be seen, a second copy fits on it. */
export async function requireRestorable(control: Session, neededBytes: number, where: string): Promise<void> {
  const [row] = await control.query<{ may: boolean }>(
    'SELECT rolsuper OR rolcreatedb AS may FROM pg_roles WHERE rolname = current_user',
  );
  if (row?.may !== true) {
    throw problem('not-permitted', 'this user may not make databases, and a restore makes one beside the live one', {
      where,
      next: 'ALTER ROLE <user> CREATEDB, or use another user in the url of the store.',
    });
  }
  const directory = await localDataDirectory(control);
  if (directory === null) return;
  const free = freeBytes(directory);
  if (free >= neededBytes) return;
  throw problem(
    'disk-full',
    `a second copy of the database needs ${neededBytes} bytes, ${free} are free on the server`,
    {
      where: directory,
      next: `Make room for ${neededBytes - free} bytes on the disk of ${directory}.`,
    },
  );
}

/** Where the server keeps its data, when that is a folder of this machine and this user may know it; otherwise null. */
export async function localDataDirectory(control: Session): Promise<string | null> {
  const [row] = await control.query<{ directory: string | null; is_local: boolean }>(
    `SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END AS directory,
       coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', true) AS is_local`,
  );
  // A server in a container has a folder that is not here, or another one of the same name: only an address of this machine counts.
  if (row === undefined || !row.is_local || row.directory === null || !exists(row.directory)) return null;
  return row.directory;
}
