import { join } from 'node:path';
import pg from 'pg';
import { problem } from '../core/release/problem.ts';
import { realClock } from '../platform/clock.ts';
import { errorCode } from '../platform/error-code.ts';
import { removeTree } from '../platform/files.ts';
import { ensureCluster } from './create-cluster.ts';
import { findBinaries } from './postgres-binaries.ts';
import { readPlace, settlePlace } from './postgres-place.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { parsePostmasterFile } from './postmaster-file.ts';
import { isOurServer, noProgress, readPostmasterFile, startPostmaster, stopPostmaster } from './postmaster.ts';
import type { StartProgress } from './postmaster.ts';
import { startProblem } from './start-problem.ts';

export interface ServerAddress {
  socketDirectory: string;
  port: number;
  user: string;
  database: string;
}

/** Our stay at the shared server of a project. As long as it lasts, no other shipway process stops the server. */
export interface Membership {
  address: ServerAddress;
  /** Settles when the server or our connection to it is gone without our doing. */
  lost: Promise<void>;
  /** Ends the stay; the last one to leave stops the server, without waiting for its end. Never fails. */
  leave(): Promise<void>;
}

const READY_LIMIT_MS = 90_000; // crash recovery of a full 256 MB of write-ahead log took 4 s here; a slow disk may need ten times that
const POLL_MS = 20;
const KNOCK_LIMIT_MS = 5000; // an idle server answers in 2 ms; a frozen one never does
const CUT_LIMIT_MS = 2000; // the server cuts connections within 10 ms and then takes its time to end
const LEAVE_LIMIT_MS = 5000; // leaving takes CUT_LIMIT_MS at most; who takes longer is frozen
const PORT = 5432; // only the name of the socket file
const PRESENCE_KEY = '7311414251012801'; // any number, but the same in every version of shipway that shares a server

type Knock = { answer: 'open'; client: pg.Client } | { answer: 'busy' | 'absent' };

/** Makes sure that the project's PostgreSQL server runs and answers; creates and starts it as needed, also after crashes of any process. */
export async function ensureServer(stateDirectory: string): Promise<ServerAddress> {
  const { client, address } = await reachServer(stateDirectory, 'shipway start');
  await client.end();
  return address;
}

/** Makes sure that the server runs, and that it is not stopped by another shipway process before we leave. */
export async function joinServer(stateDirectory: string, applicationName: string): Promise<Membership> {
  let leaverGivenUpMs = realClock.nowMs() + LEAVE_LIMIT_MS;
  for (;;) {
    const { client, address } = await reachServer(stateDirectory, applicationName);
    const lost = new Promise<void>((resolve) => {
      client.once('error', () => resolve());
      client.once('end', () => resolve());
    });
    client.on('error', () => undefined);
    if (await enter(client)) return { address, lost, leave: () => leaveServer(client, lost) };
    if (realClock.nowMs() > leaverGivenUpMs) {
      await client.query(CUT_OFF_LEAVER).catch(() => undefined);
      leaverGivenUpMs = realClock.nowMs() + LEAVE_LIMIT_MS;
    }
    await client.end().catch(() => undefined);
    await realClock.sleep(POLL_MS);
  }
}

// Frozen with the lock in its hand it would keep everybody out. When it wakes it finds its connection gone, like after a stop of the server.
const CUT_OFF_LEAVER = `SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 1 AND mode = 'ExclusiveLock' AND granted AND pid <> pg_backend_pid()
    AND (classid::bigint << 32) | objid::bigint = ${PRESENCE_KEY}`;

// The last one to leave holds the lock for itself alone until the server cuts its connection. The server marks itself as stopping before that,
// so whoever gets the lock afterwards, on a connection that is about to be cut, sees the mark. CASE, because it fixes the order.
const ENTER = `SELECT CASE WHEN pg_try_advisory_lock_shared(${PRESENCE_KEY}) THEN pg_read_file('postmaster.pid') END AS file`;

async function enter(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ file: string | null }>(ENTER).catch(() => ({ rows: [] }));
  const file = rows[0]?.file ?? null;
  return file !== null && parsePostmasterFile(file)?.isStopping === false;
}

const LEAVE = `SELECT pg_advisory_unlock_shared(${PRESENCE_KEY}), pg_try_advisory_lock(${PRESENCE_KEY}) AS last`;
const STRANGERS = `SELECT count(*)::int AS strangers FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name NOT LIKE 'shipway%'`;

async function leaveServer(client: pg.Client, cut: Promise<void>): Promise<void> {
  try {
    // Given up first, tried for alone second: of two that leave at once, the later one finds itself alone.
    const { rows } = await client.query<{ last: boolean }>(LEAVE);
    if (rows[0]?.last === true && (await countStrangers(client)) === 0) {
      const file = await client.query<{ text: string }>(`SELECT pg_read_file('postmaster.pid') AS text`);
      stopPostmaster(file.rows[0]?.text ?? ''); // its answer just now proves that this process number is its own
      await within(CUT_LIMIT_MS, cut);
    }
  } catch {
    // The server is gone already: that is what leaving wants.
  }
  await client.end().catch(() => undefined);
}

/** Waits for the promise, and no longer than the limit; leaves no timer behind that would keep the process from ending. */
async function within(limitMs: number, promise: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([promise, realClock.sleep(limitMs, over.signal).catch(() => undefined)]);
  over.abort();
}

async function countStrangers(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ strangers: number }>(STRANGERS);
  return rows[0]?.strangers ?? 0;
}

interface Reached {
  client: pg.Client;
  address: ServerAddress;
}

async function reachServer(stateDirectory: string, applicationName: string): Promise<Reached> {
  const deadlineMs = realClock.nowMs() + READY_LIMIT_MS;
  const progress = noProgress();
  for (;;) {
    const place = await readPlace(stateDirectory);
    const address = place && (await addressOf(place));
    const knock = address ? await knockAt(address, applicationName) : { answer: 'absent' as const };
    if (address && knock.answer === 'open') return { client: knock.client, address };
    if (realClock.nowMs() > deadlineMs) throw await notReady(stateDirectory, place, progress);
    if (knock.answer === 'absent') await startServer(stateDirectory, progress);
    else progress.deafSinceMs = null;
    await realClock.sleep(POLL_MS);
  }
}

async function addressOf(place: PostgresPlace): Promise<ServerAddress> {
  const running = await readPostmasterFile(place);
  const socketDirectory = running?.socketDirectory ?? place.record.socketDirectory;
  return { socketDirectory, port: running?.port ?? PORT, user: 'shipway', database: 'postgres' };
}

async function startServer(stateDirectory: string, progress: StartProgress): Promise<void> {
  const place = await settlePlace(stateDirectory);
  const binaries = await findBinaries(place.user, join(place.folder, 'libraries'));
  await startPostmaster(await ensureCluster(place, binaries), binaries, progress);
}

const RETRY_CODES = new Set(['57P01', '57P02', '57P03', '53300', 'ECONNRESET', 'EPIPE', 'EAGAIN']);

async function knockAt(address: ServerAddress, applicationName: string): Promise<Knock> {
  const client = new pg.Client({
    host: address.socketDirectory,
    port: address.port,
    user: address.user,
    database: address.database,
    application_name: applicationName,
    connectionTimeoutMillis: KNOCK_LIMIT_MS,
  });
  const ignore = (): void => undefined;
  client.on('error', ignore);
  try {
    await client.connect();
    client.off('error', ignore);
    return { answer: 'open', client };
  } catch (error) {
    void client.end().catch(ignore);
    return { answer: judgeKnock(error, address) };
  }
}

function judgeKnock(error: unknown, address: ServerAddress): 'busy' | 'absent' {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(code)) return 'absent';
  if (RETRY_CODES.has(code) || /terminated unexpectedly|timeout/i.test(message)) return 'busy';
  if (code === 'EACCES' || code === 'EPERM') {
    throw problem('not-permitted', 'the built-in PostgreSQL of this project belongs to another user', {
      where: address.socketDirectory,
      next: `Run shipway as the user named by "ls -ld ${address.socketDirectory}".`,
      cause: error,
    });
  }
  if (code === '53100' || /No space left on device/.test(message)) {
    throw problem('disk-full', `the disk is full, and the built-in PostgreSQL cannot work: ${message}`, {
      where: address.socketDirectory,
      next: 'Make room on the disk of .shipway and run the same command again.',
      retry: true,
      cause: error,
    });
  }
  throw problem('database-unavailable', `the built-in PostgreSQL refuses the connection: ${message}`, {
    where: address.socketDirectory,
    next: 'Run shipway doctor.',
    cause: error,
  });
}

async function notReady(stateDirectory: string, place: PostgresPlace | null, progress: StartProgress): Promise<Error> {
  const lines = (await progress.attempt?.lastLines()) ?? [];
  return startProblem(`it does not answer for ${READY_LIMIT_MS / 1000} s`, lines, {
    data: place?.data ?? stateDirectory,
    next:
      place === null
        ? 'Run the same command again.'
        : `Look at the newest file in ${place.log}; if a crash recovery is under way, wait and run the same command again.`,
  });
}

/** Stops the server of this state folder whoever uses it, and deletes its data and everything it left outside the folder. For tests and uninstalling. */
export async function removeServer(stateDirectory: string): Promise<void> {
  const place = await readPlace(stateDirectory);
  if (place === null) return;
  await endServer(place);
  await removeTree(place.record.socketDirectory);
  await removeTree(place.folder);
  await removeTree(join(stateDirectory, 'postgres.json'));
}

async function endServer(place: PostgresPlace): Promise<void> {
  const deadlineMs = realClock.nowMs() + READY_LIMIT_MS;
  for (;;) {
    const knock = await knockAt(await addressOf(place), 'shipway remove');
    const running = await readPostmasterFile(place);
    if (knock.answer === 'absent' && (running === null || !isOurServer(place, running.pid))) return;
    if (realClock.nowMs() > deadlineMs) {
      throw await notReady(place.stateDirectory, place, noProgress());
    }
    if (knock.answer === 'open') await stopThrough(knock.client);
    await realClock.sleep(POLL_MS);
  }
}

async function stopThrough(client: pg.Client): Promise<void> {
  client.on('error', () => undefined);
  const file = await client.query<{ text: string }>(`SELECT pg_read_file('postmaster.pid') AS text`).catch(() => null);
  stopPostmaster(file?.rows[0]?.text ?? '');
  await client.end().catch(() => undefined);
}
