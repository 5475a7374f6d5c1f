import { problem } from '../../../core/release/problem.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { sqliteProblem, withDatabase, type OpenMode } from './connection.ts';
import { readContent, type Content } from './fingerprint.ts';

/** Opens a copy nobody uses; throws `backup-invalid` when SQLite finds damage, or with the first table that differs from the capture. */
export async function checkCopy(path: string, recorded: Capture, mode: OpenMode): Promise<void> {
  if ((await factsOf(path))?.type !== 'file') throw invalid('the copy of the database is missing', path);
  try {
    const content = await withDatabase(path, mode, async (database) => {
      const [row] = await database.all('PRAGMA integrity_check(1)');
      if (row?.[0] !== 'ok') throw invalid(`the copy is damaged: ${String(row?.[0])}`, path);
      return readContent(database);
    });
    compareContent(content, recorded, path);
  } catch (error) {
    throw sqliteProblem('backup-invalid', 'the copy cannot be opened as a database', path, error);
  }
}

function compareContent(found: Content, recorded: Capture, path: string): void {
  const tables = new Set([...Object.keys(recorded.counters), ...Object.keys(found.counters)]);
  for (const table of [...tables].sort()) {
    const then = recorded.counters[table];
    const now = found.counters[table];
    if (then === undefined) throw invalid(`table ${table} was not in the captured data`, path);
    if (now === undefined) throw invalid(`table ${table} is missing`, path);
    if (now !== then) throw invalid(`table ${table} has ${now} rows, ${then} were captured`, path);
  }
  if (found.fingerprint !== recorded.fingerprint) throw invalid('the content differs from what was captured', path);
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
