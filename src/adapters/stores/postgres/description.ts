import { join } from 'node:path';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { readText, sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { factsOf, type FileFacts } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { countersOf, fingerprintOf, type Content, type ContentFormat } from './content.ts';
import type { DatabaseProperties } from './database-properties.ts';

export const ARCHIVE = 'database.dump';
export const DESCRIPTION = 'database.json';

/** What lies beside the archive: what pg_restore does not know, and what the restored copy must show again. */
export interface Description {
  /** Of the sums in `content`. */
  format: ContentFormat;
  database: string;
  serverVersion: string;
  pgDumpVersion: string;
  /** Where the write-ahead log was at the moment the copy is consistent for. */
  lsn: string;
  archive: { bytes: number; sha256: string };
  properties: DatabaseProperties;
  content: Content;
}

export const majorOf = (version: string): number => Number.parseInt(version, 10);

export async function writeDescription(folder: string, description: Description): Promise<void> {
  await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
}

/** Throws `backup-invalid` unless it is whole and belongs to the capture: its content gives the captured fingerprint and counts. */
export async function readDescription(folder: string, recorded: Capture): Promise<Description> {
  const path = join(folder, DESCRIPTION);
  const description = parse((await readText(path)) ?? '', path);
  const { content, format } = description;
  requireCaptured({ counters: countersOf(content), fingerprint: fingerprintOf(content, format) }, recorded, path);
  return description;
}

/** Throws `backup-invalid` unless a description tells the counts and the fingerprint that were captured. */
export function requireCaptured(
  { counters, fingerprint }: Pick<Capture, 'counters' | 'fingerprint'>,
  recorded: Capture,
  path: string,
): void {
  for (const table of new Set([...Object.keys(recorded.counters), ...Object.keys(counters)])) {
    const [then, now] = [recorded.counters[table], counters[table]];
    if (then !== now) throw invalid(`table ${table} has ${now ?? 'no'} rows, ${then ?? 'none'} were captured`, path);
  }
  if (fingerprint !== recorded.fingerprint) throw invalid('the content differs from what was captured', path);
}

function parse(text: string, path: string): Description {
  try {
    const value = JSON.parse(text) as Description;
    const { schema, tables, excluded } = value.content;
    const isWhole = [schema, tables, excluded, value.properties.settings].every(Array.isArray);
    const isCounted = Number.isInteger(value.archive.bytes) && tables.every(({ rows }) => Number.isInteger(rows));
    const isKnown = [1, 2, 3].includes(value.format);
    if (isKnown && isWhole && isCounted && typeof value.properties.owner === 'string') return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw invalid('the description of the database is damaged', path);
}

const SETTLED_MS = 100; // longer than the time of a file system stands still: whatever is written later bears another

// The archive that this process has read last, and as what it lay there.
let summed: { path: string; stamp: string; sha256: string } | null = null;

/** Size and digest of an archive that was just written. `checkArchiveBytes` does not read it again while nobody has written it since. */
export async function sumArchive(folder: string): Promise<Description['archive']> {
  const path = join(folder, ARCHIVE);
  const stamp = stampOf(await factsOf(path));
  const startedMs = performance.now();
  const sum = await sha256OfFile(path);
  const isSettled = performance.now() - startedMs >= SETTLED_MS && stampOf(await factsOf(path)) === stamp;
  summed = isSettled ? { path, stamp, sha256: sum.sha256 } : null;
  return sum;
}

/** Another one after every write, whoever sets the times of the file back. */
function stampOf(facts: FileFacts | null): string {
  return facts === null ? '' : `${facts.identity} ${facts.bytes} ${facts.mtimeNs} ${facts.ctimeNs}`;
}

/** Size and digest of the archive as they were written: pg_restore does not see a flipped byte in rows that are not compressed. */
export async function checkArchiveBytes(folder: string, description: Description): Promise<void> {
  const path = join(folder, ARCHIVE);
  const facts = await factsOf(path);
  const { bytes, sha256 } = description.archive;
  if (facts?.type !== 'file') throw invalid('the archive of the database is missing', path);
  if (facts.bytes !== bytes) throw invalid(`the archive has ${facts.bytes} bytes, ${bytes} were written`, path);
  if (summed?.path === path && summed.stamp === stampOf(facts) && summed.sha256 === sha256) return;
  if ((await sha256OfFile(path)).sha256 !== sha256) throw invalid('the archive is not what was written', path);
}

export function invalid(what: string, where: string): Problem {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
