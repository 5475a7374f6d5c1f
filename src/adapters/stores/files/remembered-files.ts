import type { FileFacts } from '../../../platform/file-tree.ts';
import type { FileEntry, Piece } from './piece-index.ts';

/** A file as the newest backup found it. The note is a convenience: without it, or with one that cannot be read, everything is read again. */
export interface RememberedFile {
  path: string;
  bytes: number;
  mtimeNs: string;
  ctimeNs: string;
  identity: string;
  /** It was changed so shortly before it was read that a later change may have left the same times. */
  isFresh: boolean;
  pieceBytes: number;
  pieces: Piece[];
}

const FORMAT = '{"format":2}';

// The coarsest clock of a file system in use (FAT); those of Linux tick every 4 ms.
const TICK_MS = 2000;

/** What is to be remembered of a file that was read, or found unchanged, by a capture that began at that time. */
export function rememberedFile(entry: FileEntry, facts: FileFacts, startedMs: number): RememberedFile {
  const { bytes, mtimeNs, ctimeNs, identity } = facts;
  const changedMs = Math.max(Number(mtimeNs), Number(ctimeNs)) / 1e6;
  const { path, pieceBytes, pieces } = entry;
  const isFresh = changedMs >= startedMs - TICK_MS;
  return { path, bytes, mtimeNs, ctimeNs, identity, isFresh, pieceBytes, pieces };
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

export function noteOf(files: readonly RememberedFile[]): string {
  return [FORMAT, ...files.map((file) => JSON.stringify(file))].join('\n');
}

/** By path. */
export function filesInNote(note: string | null): Map<string, RememberedFile> {
  const [format, ...lines] = (note ?? '').split('\n');
  if (format !== FORMAT) return new Map();
  try {
    return new Map(lines.map((line) => JSON.parse(line) as RememberedFile).map((file) => [file.path, file]));
  } catch {
    return new Map();
  }
}
