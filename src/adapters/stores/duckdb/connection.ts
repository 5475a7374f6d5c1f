import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { isProblem, problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';

/** An open database. Rows come as texts: whoever asks casts to VARCHAR. */
export interface Connection {
  exec(sql: string): Promise<void>;
  all(sql: string): Promise<(string | null)[][]>;
}

/** `reading`: nothing is written, not even beside the file, and nobody may write meanwhile. `own`: our copy, which we change. */
export type OpenMode = 'reading' | 'own';

const LOCK_LIMIT_MS = 30_000; // longer than a service needs to end, or a script to use the file; then a person should look
const RETRY_PAUSE_MS = 100; // an attempt costs about 10 ms
// DuckDB takes 80 % of the machine by default. Reading needs little; replaying a log needs what the largest transaction wrote.
const MEMORY: Record<OpenMode, string> = { reading: '256MB', own: '1GB' };

/** Opens an existing database, uses and closes it; interrupts what runs when the signal fires. The library works in threads of its own. */
export async function withDatabase<Result>(
  path: string,
  mode: OpenMode,
  signal: AbortSignal | null,
  use: (database: Connection) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const instance = await open(path, mode);
  let connection: DuckDBConnection | null = null;
  const interrupt = (): void => connection?.interrupt();
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    const opened = await instance.connect();
    connection = opened;
    return await use({
      exec: async (sql) => void (await opened.run(sql)),
      all: async (sql) => (await opened.runAndReadAll(sql)).getRows() as (string | null)[][],
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    connection?.closeSync();
    instance.closeSync();
  }
}

// Loaded when the first database is opened: it is a library of 70 MB, and most projects have none.
async function open(path: string, mode: OpenMode): Promise<DuckDBInstance> {
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api');
  return Instance.create(path, {
    access_mode: mode === 'reading' ? 'READ_ONLY' : 'READ_WRITE',
    // A database may name extensions; a backup neither downloads nor runs them.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: MEMORY[mode],
    threads: '2', // the service has work to do on this machine too
    ...(mode === 'reading' ? { temp_directory: '' } : {}),
  });
}

/** Version of the engine we read with, such as `v1.5.5`. */
export async function engineVersion(): Promise<string> {
  const { version } = await import('@duckdb/node-api');
  return version();
}

/** Tries again while another process holds the file, for at most 30 s; then what `refuse` makes of the holder. */
export async function withinLockLimit<Result>(
  effect: Effect,
  act: () => Promise<Result>,
  refuse: (holder: string, error: unknown) => Error,
): Promise<Result> {
  const giveUpAtMs = effect.clock.nowMs() + LOCK_LIMIT_MS;
  for (;;) {
    effect.signal.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      const holder = holderIn(error);
      if (holder === null) throw error;
      if (effect.clock.nowMs() >= giveUpAtMs) throw refuse(holder, error);
    }
    await effect.clock.sleep(RETRY_PAUSE_MS, effect.signal);
  }
}

/** Who holds the file, such as `/usr/bin/python3.11 (PID 4711)`, when that is why it could not be opened; else null. */
export function holderIn(error: unknown): string | null {
  const text = error instanceof Error ? error.message : String(error);
  if (!text.includes('Could not set lock')) return null;
  return /Conflicting lock is held in (.+?)(?:\. |\s*$)/.exec(text)?.[1] ?? 'another process';
}

/** Whether anybody else holds the file; a file that is no database is held by nobody. */
export async function findHolder(path: string, signal: AbortSignal): Promise<string | null> {
  try {
    await withDatabase(path, 'reading', signal, () => Promise.resolve());
    return null;
  } catch (error) {
    signal.throwIfAborted();
    return holderIn(error);
  }
}

/** The error of the library as a problem: a full disk and missing rights keep their own kind. */
export function duckdbProblem(kind: ProblemKind, what: string, path: string, error: unknown): Problem {
  if (isProblem(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  const reason = text.split('\n')[0] ?? '';
  const said = { where: path, cause: error };
  if (/No space left on device|Out of disk/i.test(text)) {
    const next = 'Make room on that disk and try again.';
    return problem('disk-full', `${what}: the disk is full`, { ...said, next });
  }
  if (/Permission denied/i.test(text)) {
    return problem('not-permitted', `${what}: ${reason}`, {
      ...said,
      next: `Give this user the right to read ${path}.`,
    });
  }
  if (/newer version of DuckDB|newer DuckDB version/i.test(text)) {
    const next = 'Use a newer shipway, or let the service write a storage version that older engines read.';
    return problem(kind, `${what}: a newer DuckDB than ours wrote it: ${reason}`, { ...said, next });
  }
  const next = `Look at the database while nobody holds it: duckdb -readonly ${path} "SELECT * FROM duckdb_tables()"`;
  return problem(kind, `${what}: ${reason}`, { ...said, next });
}
