import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';

/** One file, folder or link of an archive, in the order of the archive: a folder before what is in it. */
export type IndexEntry = {
  gid: number;
  mode: number;
  mtimeMs: number;
  /** Relative to the project, `/` between names. */
  path: string;
  uid: number;
} & ({ type: 'file'; bytes: number; sha256: string } | { type: 'directory' } | { type: 'link'; target: string });

/** One line an entry: canonical JSON, so that equal trees give equal bytes. */
export function indexLines(entries: readonly IndexEntry[]): string {
  return entries.map((entry) => `${sortedJson(entry)}\n`).join('');
}

// Flat objects of texts and whole numbers: sorted keys are all that RFC 8785 asks beyond JSON.stringify.
function sortedJson(value: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Digest over names, rights and content; not over times and owners, which a restore by an ordinary user cannot keep. */
export function fingerprintOf(entries: readonly IndexEntry[]): string {
  const hash = createHash('sha256');
  for (const entry of entries)
    hash.update(`${sortedJson({ ...entry, mtimeMs: undefined, uid: undefined, gid: undefined })}\n`);
  return `files-1:${hash.digest('hex')}`;
}

export function countersOf(entries: readonly IndexEntry[]): Record<string, number> {
  const counters = { bytes: 0, directories: 0, files: 0, links: 0 };
  for (const entry of entries) {
    if (entry.type === 'file') {
      counters.files += 1;
      counters.bytes += entry.bytes;
    } else if (entry.type === 'directory') counters.directories += 1;
    else counters.links += 1;
  }
  return counters;
}

/** The paths the store was set to when it was captured: those without a folder above them in the index. */
export function rootsOf(entries: readonly IndexEntry[]): string[] {
  const folders = new Set(entries.filter((entry) => entry.type === 'directory').map((entry) => entry.path));
  return entries.map((entry) => entry.path).filter((path) => !hasFolderAbove(path, folders));
}

function hasFolderAbove(path: string, folders: ReadonlySet<string>): boolean {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    if (folders.has(path.slice(0, cut))) return true;
  }
  return false;
}

/** Reads an index; throws `backup-invalid` for anything a restore must not follow: paths that leave their place, entries below links. */
export function parseIndex(text: string, where: string): IndexEntry[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw invalid('its last line is cut off', where);
  const entries = lines.map((line, index) => parseEntry(line, index + 1, where));
  requireSafeTree(entries, where);
  return entries;
}

function parseEntry(line: string, number: number, where: string): IndexEntry {
  try {
    const entry = JSON.parse(line) as IndexEntry;
    if (isWhole(entry)) return entry;
  } catch {
    // Answered below, like every other wrong line.
  }
  throw invalid(`line ${number} is damaged`, where);
}

function isWhole(entry: IndexEntry): boolean {
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  if (![entry.gid, entry.mode, entry.uid].every(isCount) || !Number.isSafeInteger(entry.mtimeMs)) return false;
  if (typeof entry.path !== 'string' || entry.mode > 0o7777) return false;
  if (entry.type === 'file') return isCount(entry.bytes) && /^[0-9a-f]{64}$/.test(entry.sha256);
  if (entry.type === 'link')
    return typeof entry.target === 'string' && entry.target !== '' && !entry.target.includes('\0');
  return entry.type === 'directory';
}

function requireSafeTree(entries: readonly IndexEntry[], where: string): void {
  const seen = new Map<string, IndexEntry['type']>();
  for (const { path, type } of entries) {
    if (!staysInside(path)) throw invalid(`${JSON.stringify(path)} leaves the folder it is restored into`, where);
    if (seen.has(path)) throw invalid(`${JSON.stringify(path)} is in it twice`, where);
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const above = seen.get(path.slice(0, cut));
      if (above !== undefined && above !== 'directory') {
        throw invalid(
          `${JSON.stringify(path)} lies below ${JSON.stringify(path.slice(0, cut))}, which is a ${above}`,
          where,
        );
      }
    }
    seen.set(path, type);
  }
}

/** Unlike in a manifest, every character a file system allows may be in a name here. */
export function staysInside(path: string): boolean {
  return !path.includes('\0') && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', `the index of the archive cannot be trusted: ${what}`, {
    where,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
