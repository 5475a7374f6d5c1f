import type { FileFacts } from '../../../platform/file-tree.ts';
import type { IndexLog } from './index-log.ts';
import type { FileEntry, PieceEntry } from './piece-index.ts';

/** A file as the newest backup found it. */
export type RememberedFile = FileEntry & {
  mtimeNs: string;
  ctimeNs: string;
  identity: string;
  /** It was changed so shortly before it was read that a later change may have left the same times. */
  isFresh: boolean;
};
export type RememberedEntry = RememberedFile | Exclude<PieceEntry, { type: 'file' }>;

/** What the newest backup knows. A convenience: without it, or with a note that cannot be read, everything is read and written again. */
export interface RememberedTree {
  log: IndexLog;
  /** By path. */
  entries: ReadonlyMap<string, RememberedEntry>;
  files: ReadonlyMap<string, RememberedFile>;
}

const FORMAT = 3;

// The coarsest clock of a file system in use (FAT); those of Linux tick every 4 ms.
const TICK_MS = 2000;

/** What is to be remembered of a file that was read, or found unchanged, by a capture that began at that time. */
export function rememberedFile(entry: FileEntry, facts: FileFacts, startedMs: number): RememberedFile {
  const { bytes, mtimeNs, ctimeNs, identity } = facts;
  const changedMs = Math.max(Number(mtimeNs), Number(ctimeNs)) / 1e6;
  const isFresh = changedMs >= startedMs - TICK_MS;
  return { ...entry, bytes, mtimeNs, ctimeNs, identity, isFresh };
}

/** Whether size, times and identity are as they were. */
export function isAsRemembered(file: RememberedFile, facts: FileFacts): boolean {
  return (
    facts.type === 'file' &&
    file.bytes === facts.bytes &&
    file.mtimeNs === facts.mtimeNs &&
    file.ctimeNs === facts.ctimeNs &&
    file.identity === facts.identity
  );
}

export function noteOf(log: IndexLog, entries: readonly RememberedEntry[]): string {
  return [JSON.stringify({ format: FORMAT, ...log }), ...entries.map((entry) => JSON.stringify(entry))].join('\n');
}

export function treeInNote(note: string | null): RememberedTree {
  try {
    const [head = '', ...lines] = (note ?? '').split('\n');
    const { format, objects, whole } = JSON.parse(head) as IndexLog & { format: unknown };
    if (format !== FORMAT) return NOTHING;
    const entries = new Map(lines.map((line) => JSON.parse(line) as RememberedEntry).map((one) => [one.path, one]));
    return { log: { objects, whole }, entries, files: filesAmong(entries) };
  } catch {
    return NOTHING;
  }
}

const NOTHING: RememberedTree = { log: { objects: [], whole: 0 }, entries: new Map(), files: new Map() };

function filesAmong(entries: ReadonlyMap<string, RememberedEntry>): Map<string, RememberedFile> {
  const files = new Map<string, RememberedFile>();
  for (const [path, entry] of entries) if (entry.type === 'file') files.set(path, entry);
  return files;
}
