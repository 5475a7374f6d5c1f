import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type Kysely, type Transaction } from 'kysely';
import pg from 'pg';
import { problem } from '../core/release/problem.ts';
import { realClock } from '../platform/clock.ts';
import type { Tables } from './tables.ts';

/** A lock that lives exactly as long as one connection of ours: the server frees it when we die, however we die. */
export interface AdvisoryLock {
  /** Settles as soon as the lock is or may be no longer ours; never after `release`. */
  lost: Promise<void>;
  /** Frees it. Never fails. */
  release(): Promise<void>;
}

const HEARTBEAT_MS = 500; // a dead network is noticed after this and the limit below at the latest
const ANSWER_LIMIT_MS = 2000; // an answer takes 1 ms; a server that is busy for longer cannot be told from one that is gone
// When we are frozen or cut off without notice, the server frees the lock after this much silence. We know of our side after
// 2.5 s, so 7 s remain for ending what we are running before somebody else may begin.
const SILENCE_LIMIT_MS = 10_000;

/** Takes the lock on a connection of its own, or returns null when somebody else holds it. Throws when the database cannot be reached. */
export async function holdAdvisoryLock(pool: pg.Pool, key: string): Promise<AdvisoryLock | null> {
  // The pool's own object, not a copy: the password in it is hidden from copying.
  const client = new pg.Client(pool.options);
  const lost = new Promise<void>((resolve) => {
    client.on('error', () => resolve());
    client.on('end', () => resolve());
  });
  try {
    await client.connect();
    await client.query(`SET idle_session_timeout = ${SILENCE_LIMIT_MS}`);
    const { rows } = await client.query<{ held: boolean; pid: number }>(
      'SELECT pg_try_advisory_lock($1) AS held, pg_backend_pid() AS pid',
      [lockNumber(key)],
    );
    if (rows[0]?.held === true) return watched(client, { key, pid: rows[0].pid }, lost);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  await client.end().catch(() => undefined);
  return null;
}

/** Whether nobody holds the lock at this moment. */
export async function isAdvisoryLockFree(pool: pg.Pool, key: string): Promise<boolean> {
  const { rows } = await pool.query<{ held: boolean }>(`SELECT EXISTS (${HELD}) AS held`, lockHalves(key));
  return rows[0]?.held !== true;
}

/** Whether somebody holds the lock alone at this moment. */
export async function isAdvisoryLockHeld(db: Kysely<Tables>, key: string): Promise<boolean> {
  const [high, low] = lockHalves(key);
  const { rows } = await sql<{ held: boolean }>`
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND mode = 'ExclusiveLock'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = ${high}::bigint::oid AND objid = ${low}::bigint::oid) AS held`.execute(db);
  return rows[0]?.held === true;
}

/** Keeps everybody from holding the lock alone until the transaction ends; false when somebody does. */
export async function shareAdvisoryLock(tx: Transaction<Tables>, key: string): Promise<boolean> {
  const { rows } = await sql<{ shared: boolean }>`
    SELECT pg_try_advisory_xact_lock_shared(${lockNumber(key)}::bigint) AS shared`.execute(tx);
  return rows[0]?.shared === true;
}

/** Acts until the end or until the lock may be no longer ours, then frees it. The signal says when: from there on somebody else may be at work. */
export async function whileHeld<Result>(
  lock: AdvisoryLock,
  what: string,
  act: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lost = new AbortController();
  const lostProblem = (cause?: unknown): Error =>
    problem('database-unavailable', `the connection to the state database was lost, and with it the lock of ${what}`, {
      next: 'Look that it runs (shipway doctor), then do it again: what was begun is finished or made anew.',
      retry: true,
      cause,
    });
  void lock.lost.then(() => lost.abort(lostProblem()));
  try {
    return await act(lost.signal);
  } catch (error) {
    throw lost.signal.aborted ? lostProblem(error) : error;
  } finally {
    await lock.release();
  }
}

const HELD = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = $1 AND objid = $2`;

function watched(client: pg.Client, held: { key: string; pid: number }, cut: Promise<void>): AdvisoryLock {
  const released = new AbortController();
  const { signal } = released;
  const silent = beat(client, held, signal);
  const lost = new Promise<void>((resolve) => {
    const tell = (): void => {
      if (signal.aborted) return;
      resolve();
      void client.end().catch(() => undefined);
    };
    void cut.then(tell);
    void silent.then(tell);
  });
  const release = async (): Promise<void> => {
    released.abort();
    await client.end().catch(() => undefined); // ends the session, and with it the lock
  };
  return { lost, release };
}

/** Asks again and again whether the lock is ours, and returns when it is not or no answer comes. */
async function beat(client: pg.Client, held: { key: string; pid: number }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await realClock.sleep(HEARTBEAT_MS, signal).catch(() => undefined);
    if (signal.aborted || !(await isStillHeld(client, held))) return;
  }
}

async function isStillHeld(client: pg.Client, held: { key: string; pid: number }): Promise<boolean> {
  const answered = new AbortController();
  // Also the connection is compared: a pooler between us and the server may hand us another one, whose lock is not ours.
  const answer = client
    .query<{ held: boolean; pid: number }>(
      `SELECT pg_backend_pid() AS pid, EXISTS (${HELD} AND pid = pg_backend_pid()) AS held`,
      lockHalves(held.key),
    )
    .then(({ rows }) => rows[0]?.held === true && rows[0].pid === held.pid)
    .catch(() => false)
    .finally(() => answered.abort());
  const limit = realClock
    .sleep(ANSWER_LIMIT_MS, answered.signal)
    .then(nextTurn) // after a pause of our own process the answer may lie there unread
    .then(nextTurn)
    .then(() => false)
    .catch(() => answer);
  return Promise.race([answer, limit]);
}

function lockHash(key: string): Buffer {
  return createHash('sha256').update(`shipway lock ${key}`).digest();
}

/** PostgreSQL locks are numbers of 64 bits. */
function lockNumber(key: string): string {
  return lockHash(key).readBigInt64BE(0).toString();
}

/** pg_locks shows the number in two halves. */
function lockHalves(key: string): [number, number] {
  const hash = lockHash(key);
  return [hash.readUInt32BE(0), hash.readUInt32BE(4)];
}
