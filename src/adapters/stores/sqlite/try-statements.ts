import type { StatementFault, StatementTry } from '../../../core/rehearsal/old-version.ts';
import { errorCode } from '../../../platform/error-code.ts';
import type { ScratchStatements } from '../store.ts';
import { withDatabase, type Connection } from './connection.ts';

/** Statements in one scratch file. A file has one writer at a time, so that nobody tries any while a migration runs. */
export function statementsIn(path: string): ScratchStatements {
  const each = <Result>(
    texts: readonly string[],
    act: (database: Connection, text: string) => Promise<Result>,
  ): Promise<Result[]> =>
    withDatabase(path, 'own', async (database) => {
      const results: Result[] = [];
      for (const text of texts) results.push(await act(database, text));
      return results;
    });
  return {
    plan: (texts) =>
      each(texts, async (database, text) => (await attempt(database, `EXPLAIN ${text}`, 'ROLLBACK')).fault),
    attempt: (texts) => each(texts, (database, text) => attempt(database, text, 'ROLLBACK')),
    perform: (texts) => each(texts, (database, text) => attempt(database, text, 'COMMIT')),
  };
}

async function attempt(database: Connection, text: string, end: 'ROLLBACK' | 'COMMIT'): Promise<StatementTry> {
  await database.exec('BEGIN');
  const sinceMs = performance.now();
  try {
    await database.exec(text);
    const ms = performance.now() - sinceMs;
    await database.exec(end);
    return { ms, fault: null };
  } catch (error) {
    const fault = faultOf(error);
    if (fault === null) throw error;
    const ms = performance.now() - sinceMs;
    // Some faults have taken the transaction back already.
    await database.exec('ROLLBACK').catch(() => undefined);
    return { ms, fault };
  }
}

/** What SQLite says against the statement; null when it is the file that failed. */
function faultOf(error: unknown): StatementFault | null {
  const message = error instanceof Error ? error.message : String(error);
  if (!/^SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|AUTH)/.test(errorCode(error))) return null;
  if (/no such (column|table|view|function)|has no column named/i.test(message)) return { kind: 'missing', message };
  if (/NOT NULL constraint failed/i.test(message)) return { kind: 'missing-value', message };
  if (/constraint failed/i.test(message) || errorCode(error) === 'SQLITE_CONSTRAINT_TRIGGER')
    return { kind: 'rejected', message };
  return { kind: /mismatch/i.test(message) ? 'other-type' : 'other', message };
}
