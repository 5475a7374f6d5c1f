import { problem } from '../../../core/release/problem.ts';
import { factsOf, openForReading } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { duckdbProblem, engineVersion, withDatabase } from './connection.ts';
import { isSameContent, readContent, type Content } from './fingerprint.ts';

const ENGINE = 'duckdb ';
const MAGIC = 'DUCK';
const MAGIC_AT = 8; // after the checksum of the header

/** The engine as a capture records it, such as `duckdb v1.5.5`. */
export async function engineName(): Promise<string> {
  return ENGINE + (await engineVersion());
}

/** Whether the file begins as a DuckDB database does; the engine makes a new database of an empty one. */
export async function isDatabase(path: string): Promise<boolean> {
  const file = await openForReading(path);
  try {
    const head = Buffer.alloc(MAGIC_AT + MAGIC.length);
    return (await file.read(head, 0)) === head.length && head.toString('latin1', MAGIC_AT) === MAGIC;
  } finally {
    await file.close();
  }
}

/** Opens a copy nobody uses and reads all of it; throws `backup-invalid` for damage, or with the first table that differs from the capture. */
export async function checkCopy(path: string, recorded: Capture): Promise<void> {
  const engine = await engineName();
  requireKnownEngine(recorded.engine, engine, path);
  if ((await factsOf(path))?.type !== 'file') throw invalid('the copy of the database is missing', path);
  if (!(await isDatabase(path))) throw invalid('the copy is not a DuckDB database', path);
  try {
    const content = await withDatabase(path, 'reading', null, readContent);
    compareContent(content, recorded, recorded.engine === engine, path);
  } catch (error) {
    throw duckdbProblem('backup-invalid', 'the copy cannot be read', path, error);
  }
}

/** An older engine cannot be trusted to read all that a newer one wrote. */
export function requireKnownEngine(recorded: string, ours: string, where: string): void {
  if (!isNewer(versionIn(recorded), versionIn(ours))) return;
  throw problem('restore-failed', `the copy was made with ${recorded}, newer than the ${ours} that is in use here`, {
    where,
    next: 'Use the version of shipway that made the backup, or a newer one.',
  });
}

function versionIn(engine: string): number[] {
  return (/(\d+)\.(\d+)\.(\d+)/.exec(engine) ?? []).slice(1).map(Number);
}

function isNewer(one: number[], other: number[]): boolean {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && (one[at] ?? 0) > (other[at] ?? 0);
}

function compareContent(found: Content, recorded: Capture, isSameEngine: boolean, path: string): void {
  const tables = new Set([...Object.keys(recorded.counters), ...Object.keys(found.counters)]);
  for (const table of [...tables].sort()) {
    const then = recorded.counters[table];
    const now = found.counters[table];
    if (then === undefined) throw invalid(`table ${table} was not in the captured data`, path);
    if (now === undefined) throw invalid(`table ${table} is missing`, path);
    if (now !== then) throw invalid(`table ${table} has ${now} rows, ${then} were captured`, path);
  }
  if (isSameContent(found.fingerprint, recorded.fingerprint, isSameEngine)) return;
  throw invalid('the content differs from what was captured', path);
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
