import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Header, Pax } from 'tar';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { openForReading, factsOf, type OpenFile } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { IndexEntry } from './file-index.ts';
import type { Found } from './walk-tree.ts';

const BLOCK = 512; // the unit of the tar format
const CHUNK_BYTES = 1024 * 1024;
const TRIES = 4; // one and three retries: a file that changes in each of them is a log or a database, and needs its own kind of store
const RETRY_PAUSE_MS = 50;

/** Appends to a tar file; a file that changed while it was read is written again over the beginning it left. */
export interface ArchiveWriter {
  /** The index entry, or null when the file vanished meanwhile. */
  add(found: Found): Promise<IndexEntry | null>;
  /** Writes the end of the archive and returns when everything is on the disk. */
  finish(): Promise<void>;
}

/** The header is written by ourselves in front of a known position, because content is hashed, compared and if need be replaced in one pass. */
export function createArchiveWriter(archive: OpenFile, projectDirectory: string, effect: Effect): ArchiveWriter {
  let position = 0;
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const addFile = async (found: Found): Promise<IndexEntry | null> => {
    const source = join(projectDirectory, found.path);
    for (let tries = 1; tries <= TRIES; tries += 1) {
      effect.signal.throwIfAborted();
      const written = await writeFileEntry(archive, position, { found, source, buffer });
      if (written === 'vanished') return null;
      if (written !== 'torn') {
        position = written.end;
        return written.entry;
      }
      await effect.clock.sleep(RETRY_PAUSE_MS, effect.signal);
    }
    throw problem('backup-failed', `${found.path} is torn: it changed during each of ${TRIES} reads`, {
      where: source,
      next: 'Exclude the file, or let the service stop writing to it while a backup is taken.',
      retry: true,
    });
  };
  return {
    add: async (found) => {
      if (found.facts.type === 'file') return addFile(found);
      const entry = entryOf(found);
      const header = headerBytes(entry);
      await archive.write(header, position);
      position += header.length;
      return entry;
    },
    finish: async () => {
      // Two empty blocks end an archive. A torn last try may have left more behind.
      await archive.write(Buffer.alloc(2 * BLOCK), position);
      await archive.truncate(position + 2 * BLOCK);
      await archive.sync();
    },
  };
}

interface Source {
  found: Found;
  source: string;
  buffer: Buffer;
}

async function writeFileEntry(
  archive: OpenFile,
  position: number,
  { found, source, buffer }: Source,
): Promise<{ entry: IndexEntry; end: number } | 'torn' | 'vanished'> {
  const input = await openOrVanished(source);
  if (input === null) return 'vanished';
  try {
    const before = await input.facts();
    if (before.type !== 'file') return 'torn';
    const entry = { ...entryOf({ ...found, facts: before }), type: 'file' as const, bytes: before.bytes, sha256: '' };
    const header = headerBytes(entry);
    await archive.write(header, position);
    const content = await copyContent(input, archive, { from: position + header.length, bytes: before.bytes, buffer });
    await gap('stores.files.read');
    const after = await input.facts();
    if (content === null || after.bytes !== before.bytes || after.mtimeNs !== before.mtimeNs) return 'torn';
    const padding = (BLOCK - (before.bytes % BLOCK)) % BLOCK;
    const end = position + header.length + before.bytes;
    await archive.write(Buffer.alloc(padding), end);
    return { entry: { ...entry, sha256: content }, end: end + padding };
  } finally {
    await input.close();
  }
}

async function openOrVanished(source: string): Promise<OpenFile | null> {
  try {
    return await openForReading(source);
  } catch (error) {
    if ((await factsOf(source)) === null) return null;
    throw error;
  }
}

/** SHA-256 of exactly `bytes` bytes, or null when the file ended earlier. */
async function copyContent(
  input: OpenFile,
  archive: OpenFile,
  range: { from: number; bytes: number; buffer: Buffer },
): Promise<string | null> {
  const hash = createHash('sha256');
  let done = 0;
  while (done < range.bytes) {
    const wanted = range.buffer.subarray(0, Math.min(range.buffer.length, range.bytes - done));
    const read = await input.read(wanted, done);
    if (read === 0) return null;
    const chunk = wanted.subarray(0, read);
    hash.update(chunk);
    await archive.write(chunk, range.from + done);
    done += read;
  }
  return hash.digest('hex');
}

function entryOf({ path, facts, target }: Found): IndexEntry {
  const shared = { gid: facts.gid, mode: facts.mode, mtimeMs: facts.mtimeMs, path, uid: facts.uid };
  return target === null ? { ...shared, type: 'directory' } : { ...shared, type: 'link', target };
}

/** The name an entry has in the archive: folders end in a slash. */
export function archiveName(entry: IndexEntry): string {
  return entry.type === 'directory' ? `${entry.path}/` : entry.path;
}

const TAR_TYPES = { file: 'File', directory: 'Directory', link: 'SymbolicLink' } as const;

/** Portable: no owner, no device, whole seconds, so that any tar reads it; what a restore needs beyond that is in the index. */
function headerBytes(entry: IndexEntry): Buffer {
  const data = {
    path: archiveName(entry),
    mode: entry.mode,
    size: entry.type === 'file' ? entry.bytes : 0,
    mtime: new Date(Math.floor(entry.mtimeMs / 1000) * 1000),
    type: TAR_TYPES[entry.type],
    ...(entry.type === 'link' ? { linkpath: entry.target } : {}),
  };
  const header = new Header(data);
  const needsPax = header.encode();
  if (header.block === undefined) throw new Error('a tar header has a block after encode()');
  if (!needsPax) return header.block;
  return Buffer.concat([
    new Pax({ path: data.path, size: data.size, mtime: data.mtime, ...linkOf(entry) }).encode(),
    header.block,
  ]);
}

function linkOf(entry: IndexEntry): { linkpath?: string } {
  return entry.type === 'link' ? { linkpath: entry.target } : {};
}
