import { isProblem, problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { compiledEntry } from '../../../platform/compiled-entry.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { forkProgram, type ForkedProcess } from '../../../platform/forked-process.ts';
import type { Cell, DatabaseRequest, Page } from './database-request.ts';

/** An open database. Rows come as arrays; integers as bigint. */
export interface Connection {
  exec(sql: string): Promise<void>;
  rows(sql: string): AsyncIterable<Cell[]>;
  /** All rows of a small result. */
  all(sql: string): Promise<Cell[][]>;
  interrupt(): void;
  /** Returns when every handle and lock of it is gone. */
  close(): Promise<void>;
}

/**
 * `live`: a reader of data that others write. `sealed`: nobody writes it and nothing may appear beside it.
 * `repair`: may roll back what a killed writer left. `own`: our staged copy, which we change.
 */
export type OpenMode = 'live' | 'sealed' | 'repair' | 'own';

const URI_QUERY: Record<OpenMode, string> = {
  live: 'mode=ro',
  sealed: 'mode=ro&immutable=1',
  repair: 'mode=rw',
  own: 'mode=rw',
};

const BUSY_SLICE_MS = 100; // short, so that an abort is seen; `withinLockLimit` asks again
const LOCK_LIMIT_MS = 30_000; // longer than any transaction a service should hold; then a person should look
const RETRY_PAUSE_MS = 20;

/**
 * Opens an existing database; never creates one. libsql ignores its `readonly` option, so the mode is asked for in the URI.
 * It is held by a process of its own: libsql closes a handle when the garbage collector takes its last statement, and a handle left over
 * shares what it knows of the write-ahead log with the next one in the same process, which may then miss what was committed.
 */
async function openDatabase(path: string, mode: OpenMode): Promise<Connection> {
  const uri = `file:${path.split('/').map(encodeURIComponent).join('/')}?${URI_QUERY[mode]}`;
  const forked = forkProgram(compiledEntry('adapters/stores/sqlite/serve-database.js'));
  const ask = async (request: DatabaseRequest): Promise<Page> => (await forked.ask(request)) as Page;
  try {
    await ask({ do: 'open', uri, busyMs: BUSY_SLICE_MS });
  } catch (error) {
    await forked.close();
    throw error;
  }
  return connectionOf(forked, ask);
}

function connectionOf(forked: ForkedProcess, ask: (request: DatabaseRequest) => Promise<Page>): Connection {
  async function* rows(sql: string): AsyncGenerator<Cell[]> {
    for (let page = await ask({ do: 'rows', sql }); ; page = await ask({ do: 'next' })) {
      yield* page.rows;
      if (page.isLast) return;
    }
  }
  return {
    exec: async (sql) => void (await ask({ do: 'exec', sql })),
    rows,
    all: async (sql) => {
      const all: Cell[][] = [];
      for await (const row of rows(sql)) all.push(row);
      return all;
    },
    interrupt: () => forked.tell('interrupt'),
    close: () => forked.close(),
  };
}

/** Opens, uses and closes. */
export async function withDatabase<Result>(
  path: string,
  mode: OpenMode,
  use: (database: Connection) => Promise<Result>,
): Promise<Result> {
  const database = await openDatabase(path, mode);
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

/**
 * Reads live data. A writer killed in the middle of a transaction leaves a journal that only a writing handle can roll back;
 * that is what the service itself would do on its next start, and the only way to read what was committed.
 */
export async function withLiveDatabase<Result>(
  path: string,
  effect: Effect,
  use: (database: Connection) => Promise<Result>,
): Promise<Result> {
  try {
    return await withinLockLimit(path, effect, () => withDatabase(path, 'live', use));
  } catch (error) {
    if (!/^SQLITE_READONLY_(ROLLBACK|RECOVERY|CANTINIT)/.test(errorCode(error))) throw error;
    return withinLockLimit(path, effect, () =>
      withDatabase(path, 'repair', async (database) => {
        await database.exec('PRAGMA query_only = 1');
        return use(database);
      }),
    );
  }
}

/** Tries again while others hold the lock, for at most 30 s; then `backup-failed`. Stops when the effect is aborted. */
async function withinLockLimit<Result>(path: string, effect: Effect, act: () => Promise<Result>): Promise<Result> {
  const giveUpAtMs = effect.clock.nowMs() + LOCK_LIMIT_MS;
  for (;;) {
    effect.signal.throwIfAborted();
    try {
      return await act();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (effect.clock.nowMs() >= giveUpAtMs) {
        throw problem('backup-failed', `another process has kept the database locked for ${LOCK_LIMIT_MS / 1000} s`, {
          where: path,
          next: `Find out who holds it (lsof ${path}), end that transaction and try again.`,
          retry: true,
          cause: error,
        });
      }
    }
    await effect.clock.sleep(RETRY_PAUSE_MS, effect.signal);
  }
}

/** Writes into live data as another process of the service would; waits for its locks like a reader. */
export function withWritingDatabase<Result>(
  path: string,
  effect: Effect,
  use: (database: Connection) => Promise<Result>,
): Promise<Result> {
  return withinLockLimit(path, effect, () => withDatabase(path, 'own', use));
}

export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(errorCode(error));
}

/** The error of the library as a problem: a full disk and missing rights keep their own kind. */
export function sqliteProblem(kind: ProblemKind, what: string, path: string, error: unknown): Problem {
  if (isProblem(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const said = { where: path, cause: error };
  if (errorCode(error) === 'SQLITE_FULL') {
    return problem('disk-full', `${what}: the disk is full`, {
      ...said,
      next: 'Make room on that disk and try again.',
    });
  }
  if (errorCode(error) === 'SQLITE_PERM' || errorCode(error) === 'SQLITE_AUTH') {
    return problem('not-permitted', `${what}: ${reason}`, {
      ...said,
      next: `Give this user the right to read ${path}.`,
    });
  }
  return problem(kind, `${what}: ${reason}`, {
    ...said,
    next: `Look at the database: sqlite3 ${path} "PRAGMA integrity_check"`,
  });
}
