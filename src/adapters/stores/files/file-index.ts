import { createHash } from 'node:crypto';
import { linesOf, parseLines, sortedJson, type TreeEntry } from './tree-entries.ts';

/** One file, folder or link of an archive, in the order of the archive: a folder before what is in it. */
export type IndexEntry = TreeEntry<{ sha256: string }>;

export function indexLines(entries: readonly IndexEntry[]): string {
  return linesOf(entries);
}

/** Digest over names, rights and content; not over times and owners, which a restore by an ordinary user cannot keep. */
export function fingerprintOf(entries: readonly IndexEntry[]): string {
  const hash = createHash('sha256');
  for (const entry of entries)
    hash.update(`${sortedJson({ ...entry, mtimeMs: undefined, uid: undefined, gid: undefined })}\n`);
  return `files-1:${hash.digest('hex')}`;
}

/** The index of an archive; throws `backup-invalid` for what cannot be trusted. */
export function parseIndex(text: string, where: string): IndexEntry[] {
  return parseLines<IndexEntry>(text, where, (entry) => entry.type !== 'file' || /^[0-9a-f]{64}$/.test(entry.sha256));
}
