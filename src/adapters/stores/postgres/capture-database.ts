import { join } from 'node:path';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { removeTree, syncDirectory } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture } from '../store.ts';
import { describeAddress } from './address.ts';
import {
  CONTENT_FORMAT,
  countersOf,
  dumpPattern,
  fingerprintOf,
  readContent,
  resolveExcluded,
  lockableNames,
  type Content,
} from './content.ts';
import { readProperties } from './database-properties.ts';
import { ARCHIVE, DESCRIPTION, sumArchive, writeDescription } from './description.ts';
import { exclusiveHolders, heldProblem } from './lock-holders.ts';
import { postgresProblem } from './postgres-problem.ts';
import { probeServer, type LiveDatabase, type ServerFacts } from './probe-server.ts';
import { withSession, type Session } from './session.ts';
import { settleAll } from './settle-all.ts';
import { runTool, toolProblem } from './tools.ts';

const FAILURE = { kind: 'backup-failed', what: 'the database could not be copied' } as const;

interface Snapshot {
  id: string;
  lsn: string;
  startedMs: number;
  excluded: string[];
}

/** One snapshot, read twice at the same time: by pg_dump into the archive, and by the server itself for the fingerprint. A failure leaves nothing. */
export async function captureDatabase(live: LiveDatabase, folder: string, effect: Effect): Promise<Capture> {
  const facts = await probeServer(live, effect);
  requireRoom(folder, facts.bytes, describeAddress(live.tools.address));
  try {
    return await captureInto(folder, live, facts, effect);
  } catch (error) {
    for (const name of [ARCHIVE, DESCRIPTION]) await removeTree(join(folder, name));
    throw error;
  }
}

async function captureInto(folder: string, live: LiveDatabase, facts: ServerFacts, effect: Effect): Promise<Capture> {
  const { address } = live.tools;
  const stop = new AbortController();
  const inner = { ...effect, signal: AbortSignal.any([effect.signal, stop.signal]) };
  // Whichever of the two fails first ends the other, and is the one that is told.
  const orStop = async <Result>(act: Promise<Result>): Promise<Result> => {
    try {
      return await act;
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  try {
    return await withSession({ address, effect: inner, failure: FAILURE }, async (session) => {
      const snapshot = await openSnapshot(session, live, effect);
      const patterns = await Promise.all(snapshot.excluded.map((name) => dumpPattern(session, name)));
      await gap('stores.postgres.snapshot');
      const [content] = await settleAll(
        orStop(readContent(session, snapshot.excluded)),
        orStop(dump(folder, { live, snapshot, patterns }, inner)),
      );
      const properties = await readProperties(session, address.database);
      if (properties === null) throw new Error('the database vanished while it was copied');
      await gap('stores.postgres.dumped');
      return await seal(folder, { facts, snapshot, content, properties, database: address.database });
    });
  } catch (error) {
    effect.signal.throwIfAborted();
    // Of two that fail the first is told, as it came: from the driver, or as a problem already.
    throw postgresProblem(FAILURE.kind, FAILURE.what, describeAddress(address), error);
  }
}

async function openSnapshot(session: Session, live: LiveDatabase, effect: Effect): Promise<Snapshot> {
  const startedMs = effect.clock.nowMs();
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [row] = await session.query<{ id: string; lsn: string }>(
    `SELECT pg_export_snapshot() AS id,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS lsn`,
  );
  const excluded = await resolveExcluded(session, live.excludedTables, describeAddress(live.tools.address));
  await lockTables(session, live, effect);
  return { id: row?.id ?? '', lsn: row?.lsn ?? '', startedMs, excluded };
}

/** Against others changing a table while it is copied. Reading and writing goes on; only ALTER, DROP and their like wait. */
async function lockTables(session: Session, live: LiveDatabase, effect: Effect): Promise<void> {
  const names = await lockableNames(session);
  if (names.length === 0) return;
  await session.query(`SET LOCAL lock_timeout = ${Math.ceil(live.lockWaitSeconds * 1000)}`);
  try {
    await session.query(`LOCK TABLE ONLY ${names.join(', ONLY ')} IN ACCESS SHARE MODE`);
  } catch (error) {
    if (errorCode(error) !== '55P03') throw error;
    const what = `a table has been locked for ${live.lockWaitSeconds} s`;
    const where = describeAddress(live.tools.address);
    const request = { address: live.tools.address, effect, failure: FAILURE };
    const holders = await withSession(request, (other) => exclusiveHolders(other));
    throw heldProblem('backup-failed', what, { where, holders }, error);
  }
}

async function dump(
  folder: string,
  { live, snapshot, patterns }: { live: LiveDatabase; snapshot: Snapshot; patterns: string[] },
  effect: Effect,
): Promise<void> {
  const { tools } = live;
  const outputFile = join(folder, ARCHIVE);
  const result = await runTool(
    tools,
    {
      program: 'pg_dump',
      // Not compressed: the vault compresses better and quicker, and equal data stay equal bytes.
      arguments: [
        '--format=custom',
        '--compress=0',
        `--snapshot=${snapshot.id}`,
        `--lock-wait-timeout=${Math.ceil(live.lockWaitSeconds * 1000)}`,
      ].concat(patterns.map((pattern) => `--exclude-table-data=${pattern}`)),
      database: tools.address.database,
      outputFile,
    },
    effect,
  );
  const where = describeAddress(tools.address);
  if (result.exitCode !== 0) throw toolProblem('backup-failed', { program: 'pg_dump', where }, result);
  for (const line of result.stderr.split('\n')) if (line !== '') effect.report(line);
}

async function seal(
  folder: string,
  taken: {
    facts: ServerFacts;
    snapshot: Snapshot;
    content: Content;
    properties: NonNullable<Awaited<ReturnType<typeof readProperties>>>;
    database: string;
  },
): Promise<Capture> {
  const { facts, snapshot, content, properties, database } = taken;
  // Not synced: the vault reads it once more and syncs what it seals; until then a crash begins anew.
  const archive = await sumArchive(folder);
  await writeDescription(folder, {
    format: CONTENT_FORMAT,
    database,
    serverVersion: facts.version,
    pgDumpVersion: facts.pgDumpVersion,
    lsn: snapshot.lsn,
    archive,
    properties,
    content,
  });
  await syncDirectory(folder);
  return {
    engine: `postgres ${facts.version} (pg_dump ${facts.pgDumpVersion})`,
    consistentAt: timestamp(snapshot.startedMs),
    liveBytes: facts.bytes,
    counters: countersOf(content),
    fingerprint: fingerprintOf(content),
  };
}
