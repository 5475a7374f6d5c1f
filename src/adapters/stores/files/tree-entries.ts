import { problem } from '../../../core/release/problem.ts';
import type { Capture } from '../store.ts';

/** What every entry of an index has, however the content of its files is kept. */
export type TreeEntry<Content extends object> = {
  gid: number;
  mode: number;
  mtimeMs: number;
  /** Relative to the project, `/` between names. */
  path: string;
  uid: number;
} & (({ type: 'file'; bytes: number } & Content) | { type: 'directory' } | { type: 'link'; target: string });

type AnyEntry = TreeEntry<object>;

/** In the order in which a tree is walked, one name after another by code unit: a folder before what is in it. */
export function inTreeOrder<Entry extends { path: string }>(entries: readonly Entry[]): Entry[] {
  // Nothing in a name is smaller than what stands for the end of one.
  const keyed = entries.map((entry) => ({ entry, key: entry.path.replaceAll('/', '\0') }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ entry }) => entry);
}

/** One line an entry: canonical JSON, so that equal trees give equal bytes. */
export function linesOf(entries: readonly AnyEntry[]): string {
  return entries.map((entry) => `${sortedJson(entry)}\n`).join('');
}

// Texts, whole numbers and what is written in order already: sorted keys are all that RFC 8785 asks beyond JSON.stringify.
export function sortedJson(value: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}

export function countersOf(entries: readonly AnyEntry[]): Record<string, number> {
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
export function rootsOf(entries: readonly AnyEntry[]): string[] {
  const folders = new Set(entries.filter((entry) => entry.type === 'directory').map((entry) => entry.path));
  return entries.map((entry) => entry.path).filter((path) => !hasFolderAbove(path, folders));
}

function hasFolderAbove(path: string, folders: ReadonlySet<string>): boolean {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    if (folders.has(path.slice(0, cut))) return true;
  }
  return false;
}

/** Throws `backup-invalid` unless counts and digest of an index are those of the capture. */
export function requireCounted(
  found: Pick<Capture, 'counters' | 'fingerprint'>,
  recorded: Capture,
  where: string,
): void {
  const next = 'Use another backup: shipway backup list shows them.';
  for (const [name, count] of Object.entries(found.counters)) {
    if (recorded.counters[name] === count) continue;
    throw problem('backup-invalid', `${count} ${name} are in the index, ${recorded.counters[name]} were captured`, {
      where,
      next,
    });
  }
  if (found.fingerprint === recorded.fingerprint) return;
  throw problem('backup-invalid', 'the index differs from what was captured', { where, next });
}

/** Whether an entry is whole but for the content of a file. */
export function isWholeEntry(entry: AnyEntry): boolean {
  if (![entry.gid, entry.mode, entry.uid].every(isCount) || !Number.isSafeInteger(entry.mtimeMs)) return false;
  if (typeof entry.path !== 'string' || entry.mode > 0o7777) return false;
  if (entry.type === 'file') return isCount(entry.bytes);
  if (entry.type === 'link')
    return typeof entry.target === 'string' && entry.target !== '' && !entry.target.includes('\0');
  return entry.type === 'directory';
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Reads an index; throws `backup-invalid` for anything a restore must not follow: paths that leave their place, entries below links. */
export function parseLines<Entry extends AnyEntry>(
  text: string,
  where: string,
  isWhole: (entry: Entry) => boolean,
): Entry[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw invalidIndex('its last line is cut off', where);
  const entries = lines.map((line, index) => parseLine(line, index + 1, { where, isWhole }));
  requireSafeTree(entries, where);
  return entries;
}

function parseLine<Entry extends AnyEntry>(
  line: string,
  number: number,
  { where, isWhole }: { where: string; isWhole: (entry: Entry) => boolean },
): Entry {
  try {
    const entry = JSON.parse(line) as Entry;
    if (isWholeEntry(entry) && isWhole(entry)) return entry;
  } catch {
    // Answered below, like every other wrong line.
  }
  throw invalidIndex(`line ${number} is damaged`, where);
}

/** Throws `backup-invalid` for paths that leave their place, are there twice, or lie below a link or a file. */
export function requireSafeTree(entries: readonly AnyEntry[], where: string): void {
  const seen = new Map<string, AnyEntry['type']>();
  for (const { path, type } of entries) {
    if (!staysInside(path)) throw invalidIndex(`${JSON.stringify(path)} leaves the folder it is restored into`, where);
    if (seen.has(path)) throw invalidIndex(`${JSON.stringify(path)} is in it twice`, where);
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const above = seen.get(path.slice(0, cut));
      if (above !== undefined && above !== 'directory') {
        throw invalidIndex(
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

export function invalidIndex(what: string, where: string): Error {
  return problem('backup-invalid', `the index of the archive cannot be trusted: ${what}`, {
    where,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
