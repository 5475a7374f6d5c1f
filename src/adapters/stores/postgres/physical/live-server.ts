import { join } from 'node:path';
import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { factsOf, openForReading } from '../../../../platform/file-tree.ts';
import { describeAddress, type Address } from '../address.ts';
import { withSession } from '../session.ts';
import { identifyServer, type ServerIdentity } from './receive-backup.ts';
import type { PhysicalSettings } from './settings.ts';

/** A server as the release file names it, its variables resolved. */
export interface LocatedServer {
  settings: PhysicalSettings;
  address: Address;
  /** With every link followed; null: not restored in place. */
  directory: string | null;
}

export interface LiveFacts {
  /** `15.18` */
  version: string;
  major: number;
  /** Of all databases. */
  bytes: number;
  databases: { name: string; bytes: number }[];
  superuser: string;
  preparedMax: number;
  hasChecksums: boolean;
  identity: ServerIdentity;
}

const OLDEST_MAJOR = 15; // the first that sends a backup as one stream with options by name
const FAILURE = { kind: 'backup-failed', what: 'the server cannot be copied' } as const;

/** Reachable, new enough, not a standby, with all its files in its data directory, and ready to send them; throws the first thing that is wrong. */
export async function probeLive(server: LocatedServer, effect: Effect): Promise<LiveFacts> {
  const { address, directory } = server;
  if (directory !== null && (await factsOf(directory))?.type !== 'directory') {
    throw problem('backup-failed', `there is no folder ${directory}`, {
      where: describeAddress(address),
      next: 'Set physical.directory of the store to the data directory of the server as seen from this machine.',
    });
  }
  const facts = await readFacts(address, effect);
  const identity = await identifyServer(address, effect);
  if (directory !== null) await requireSameServer(directory, identity, address);
  return { ...facts, identity };
}

async function readFacts(address: Address, effect: Effect): Promise<Omit<LiveFacts, 'identity'>> {
  const where = describeAddress(address);
  return withSession({ address, effect, failure: FAILURE }, async (session) => {
    const [row] = await session.query<{
      version: string;
      superuser: string;
      prepared: string;
      checksums: string;
      standby: boolean;
    }>(
      `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('max_prepared_transactions') AS prepared,
         current_setting('data_checksums') AS checksums, pg_is_in_recovery() AS standby,
         (SELECT rolname FROM pg_roles WHERE oid = 10) AS superuser`,
    );
    const version = row?.version ?? '0';
    const major = Number.parseInt(version, 10);
    if (major < OLDEST_MAJOR)
      throw refusal(`PostgreSQL ${version} is too old for physical copies: they need ${OLDEST_MAJOR} or newer`, where, {
        next: 'Leave out `physical`, so that the database is dumped, or upgrade the server.',
      });
    if (row?.standby === true)
      throw refusal('this server is a standby', where, { next: 'Point the url at the primary server.' });
    const spaces = await session.query<{ name: string }>(
      `SELECT spcname AS name FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY 1`,
    );
    if (spaces.length > 0)
      throw refusal(
        `it has files outside its data directory: tablespace ${spaces.map(({ name }) => name).join(', ')}`,
        where,
        {
          next: 'Leave out `physical`, so that the database is dumped, or move the tables to pg_default and drop the tablespace.',
        },
      );
    const databases = await session.query<{ name: string; bytes: string }>(
      // Only who may connect to a database is told its size.
      `SELECT datname AS name, CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
         THEN pg_database_size(oid) ELSE 0 END AS bytes FROM pg_database ORDER BY datname COLLATE "C"`,
    );
    const sizes = databases.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }));
    return {
      version,
      major,
      databases: sizes,
      bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
      superuser: row?.superuser ?? 'postgres',
      preparedMax: Number(row?.prepared),
      hasChecksums: row?.checksums === 'on',
    };
  });
}

/** One line for whoever watches: what a copy of the server holds. */
export function describeDatabases({ databases, bytes }: LiveFacts): string {
  const MIB = 1024 * 1024;
  const own = databases.filter(({ name }) => name !== 'template0' && name !== 'template1');
  const names = own.map((database) => `${database.name} ${Math.ceil(database.bytes / MIB)} MiB`).join(', ');
  return `the whole server is copied, ${Math.ceil(bytes / MIB)} MiB: ${names}`;
}

/** The first eight bytes of pg_control are the number that initdb gave the cluster. */
export async function systemIdIn(directory: string): Promise<string> {
  const file = await openForReading(join(directory, 'global/pg_control'));
  try {
    const bytes = Buffer.alloc(8);
    await file.read(bytes, 0);
    return String(bytes.readBigUInt64LE());
  } finally {
    await file.close();
  }
}

async function requireSameServer(directory: string, identity: ServerIdentity, address: Address): Promise<void> {
  const found = await systemIdIn(directory);
  if (found === identity.systemId) return;
  throw refusal(`the folder ${directory} is not the data directory of this server`, describeAddress(address), {
    next: 'Correct physical.directory, or the url: `SHOW data_directory` says where the server keeps its data.',
  });
}

function refusal(what: string, where: string, { next }: { next: string }): Error {
  return problem('backup-failed', what, { where, next });
}
