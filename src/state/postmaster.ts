import { join } from 'node:path';
import { realClock } from '../platform/clock.ts';
import { errorCode } from '../platform/error-code.ts';
import { freeBytes, listDirectory, readText, removeTree, rename } from '../platform/files.ts';
import { randomId } from '../platform/ids.ts';
import { findByEnvironment, identify, isAlive } from '../platform/process-table.ts';
import type { ProcessIdentity } from '../platform/process-table.ts';
import { readLastLines } from '../platform/read-tail.ts';
import { startDetached } from '../platform/run-command.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { prepareSocketDirectory } from './postgres-place.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { parsePostmasterFile } from './postmaster-file.ts';
import type { PostmasterFile } from './postmaster-file.ts';
import { explainStartFailure, startProblem } from './start-problem.ts';

/** One server process that we started and that did not answer yet. */
interface StartAttempt {
  identity: ProcessIdentity;
  outputFile: string;
  lastLines(): Promise<string[]>;
}

/** What one caller has tried so far; handed in again until the server answers. */
export interface StartProgress {
  attempt: StartAttempt | null;
  /** Since when a living server of ours has had no socket; null when there is none such. */
  deafSinceMs: number | null;
  /** Servers we started that ended without a reason: somebody kills them. */
  silentEnds: number;
}

/** Nothing tried yet. */
export function noProgress(): StartProgress {
  return { attempt: null, deafSinceMs: null, silentEnds: 0 };
}

/** Carried by the server process, so that it is told from a stranger that got the process number of a dead one. */
const MARK = 'SHIPWAY_POSTGRES';
const LOG_LINES = 40;
const LOGS_KEPT = 5; // enough to see a server that failed several times
const LOG_READ_MS = 120_000; // younger ones may still be read by the process that wrote them
const SILENT_ENDS_MAX = 10;
const WAL_SEGMENT_BYTES = 16 * 1024 * 1024; // with less a server cannot go on; on a full disk it cannot even write why it ended
const DEAF_LIMIT_MS = 10_000; // a server opens its socket within 100 ms; one without a socket for this long lost the file
const DYING_PAUSE_MS = 200; // each look costs a start of the server program

const SETTINGS = [
  'listen_addresses=',
  'unix_socket_permissions=0700',
  'max_connections=200', // 8 processes with two pools of 10 each, and room to look
  'shared_buffers=32MB',
  'dynamic_shared_memory_type=mmap', // /dev/shm is 64 MB or missing in many containers
  'max_parallel_workers_per_gather=0',
  'jit=off',
  'max_wal_size=256MB',
  'fsync=on',
  'synchronous_commit=on',
  'client_connection_check_interval=1000', // ms; the query of a killed process ends by itself, and with it what it locked
  'timezone=UTC',
  'log_timezone=UTC',
  'log_min_messages=log', // errors of single statements may quote data
  'log_min_error_statement=panic',
  'log_checkpoints=off',
];

/** What the server wrote about itself, or null when there is none or it is half written. */
export async function readPostmasterFile(place: PostgresPlace): Promise<PostmasterFile | null> {
  const text = await readText(join(place.data, 'postmaster.pid'));
  return text === null ? null : parsePostmasterFile(text);
}

/**
 * Starts the server unless one is there or on its way. Called again until it answers. Throws the reason when it cannot start.
 */
export async function startPostmaster(
  place: PostgresPlace,
  binaries: PostgresBinaries,
  progress: StartProgress,
): Promise<void> {
  if (progress.attempt !== null && isAlive(progress.attempt.identity)) return;
  if (progress.attempt !== null) await judgeEnd(place, progress.attempt, progress);
  progress.attempt = null;
  const running = await readPostmasterFile(place);
  if (running !== null && identify(running.pid) !== null && isOurServer(place, running.pid))
    return endDeaf(running.pid, progress);
  progress.deafSinceMs = null;
  const { record } = await prepareSocketDirectory(place);
  await removeStranger(place, join(place.data, 'postmaster.pid'));
  await removeStranger(place, join(record.socketDirectory, '.s.PGSQL.5432.lock'));
  progress.attempt = await launch(place, record.socketDirectory, binaries);
}

async function launch(
  place: PostgresPlace,
  socketDirectory: string,
  binaries: PostgresBinaries,
): Promise<StartAttempt> {
  dropOldLogs(place);
  const outputFile = join(place.log, `${realClock.nowMs()}-${randomId(3)}.log`);
  const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
  const identity = await startDetached({
    argv: [join(binaries.programs, 'postgres'), '-D', place.data, '-k', socketDirectory, ...settings],
    cwd: place.folder,
    environment: { LC_ALL: 'C', TZ: 'UTC', [MARK]: place.data, ...binaries.environment },
    outputFile,
    ...place.user,
  });
  return { identity, outputFile, lastLines: () => readLastLines(outputFile, LOG_LINES) };
}

/** A server we started has ended: fine when another one has the data or it was stopped; otherwise its last lines say why. */
async function judgeEnd(place: PostgresPlace, attempt: StartAttempt, progress: StartProgress): Promise<void> {
  const lines = await attempt.lastLines();
  if (lines.some((line) => /ready to accept connections/.test(line))) return; // it was up, and was stopped or killed since
  const failure = explainStartFailure(lines, place.data);
  if (failure.kind === 'problem') throw failure.problem;
  if (failure.kind === 'taken') await removeTree(attempt.outputFile); // says nothing, and there may be many
  if (failure.kind === 'dying') await realClock.sleep(DYING_PAUSE_MS);
  if (failure.kind !== 'silent') return;
  if (freeBytes(place.folder) < WAL_SEGMENT_BYTES) {
    throw startProblem('the disk is full', lines, {
      data: place.data,
      next: `Free space on the disk of ${place.data} and run the same command again.`,
    });
  }
  progress.silentEnds += 1;
  if (progress.silentEnds < SILENT_ENDS_MAX) return;
  throw startProblem('something ends it while it starts', lines, {
    data: place.data,
    next: 'Look whether the system ends programs for lack of memory (dmesg), and run the same command again.',
  });
}

/** Whether the process is the server of this place; the number alone is no proof. */
export function isOurServer(place: PostgresPlace, pid: number): boolean {
  return serversOf(place).some((identity) => identity.pid === pid);
}

function serversOf(place: PostgresPlace): ProcessIdentity[] {
  return findByEnvironment(MARK, (value) => value === place.data).map((found) => found.identity);
}

/** Ends a server of ours whose socket somebody deleted: it can never be reached again. One that is just starting or stopping gets its time. */
function endDeaf(pid: number, progress: StartProgress): void {
  progress.deafSinceMs ??= realClock.nowMs();
  if (realClock.nowMs() - progress.deafSinceMs < DEAF_LIMIT_MS) return;
  progress.deafSinceMs = null;
  interrupt(pid);
}

/**
 * Removes a lock file with which PostgreSQL would refuse to start for ever: it names a living process that is not our server, because the number
 * was given to somebody else after a crash, or it is empty, because its writer was killed. The server's lock on shared memory still prevents two
 * servers on one data directory.
 */
async function removeStranger(place: PostgresPlace, path: string): Promise<void> {
  const text = await readText(path);
  if (text === null) return;
  const pid = Number(text.split('\n')[0]);
  const isNamed = Number.isInteger(pid) && pid > 0;
  if (isNamed ? identify(pid) === null || isOurServer(place, pid) : serversOf(place).length > 0) return;
  const aside = `${path}.${randomId()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return; // somebody else has just done it
    throw error;
  }
  // Another process may have replaced it a moment ago: then it goes back.
  if ((await readText(aside)) === text) await removeTree(aside);
  else await rename(aside, path);
}

function dropOldLogs(place: PostgresPlace): void {
  const isOld = (name: string): boolean => realClock.nowMs() - Number.parseInt(name, 10) > LOG_READ_MS;
  const old = listDirectory(place.log).slice(0, -LOGS_KEPT).filter(isOld);
  for (const name of old) void removeTree(join(place.log, name)).catch(() => undefined);
}

/** Ends the server named in the text of its `postmaster.pid` without waiting: it cuts all connections and writes everything to disk. */
export function stopPostmaster(text: string): void {
  const pid = parsePostmasterFile(text)?.pid;
  if (pid !== undefined) interrupt(pid);
}

/** A server that ended by itself since it was looked at is what the signal was for. */
function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
