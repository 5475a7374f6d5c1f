import { createHash, type Hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../../../platform/files.ts';
import { makeDirectory, openNew, writeSmall, type OpenFile } from '../../../../platform/file-tree.ts';
import { giveTo, type UserIds } from '../../../../platform/ownership.ts';
import { WAL_HEAD_BYTES, type FoundFile } from './backup-manifest.ts';
import { TarFault } from '../../tar/read-tar.ts';
import type { TarEntry, TarTaker } from './tar-reader.ts';

/** Where the files of an archive go. */
export interface TreePlace {
  /** A folder that exists. */
  root: string;
  /** Null: ours. */
  owner: UserIds | null;
  /** Whether each file is on the disk before the next begins. Not needed where a server syncs what it starts on. */
  isSynced: boolean;
}

/** Reads an archive: digests of what is in it, and the files themselves where they have a place. */
export interface ArchiveReader extends TarTaker {
  found: Map<string, FoundFile>;
  /** Closes what a failure left open. */
  abandon(): Promise<void>;
}

interface Reading {
  entry: TarEntry;
  hash: Hash | null;
  head: Buffer;
  bytes: number;
  /** All of a small file, written when it is whole: of a thousand files of a server all but some are. */
  small: Buffer | null;
}

const SMALL_BYTES = 256 * 1024;

/** `isHashed` leaves out what nobody will compare. */
export function readInto(place: TreePlace | null, isHashed: (path: string) => boolean): ArchiveReader {
  const found = new Map<string, FoundFile>();
  let current: Reading | null = null;
  let file: OpenFile | null = null;
  return {
    found,
    async open(entry) {
      if (found.has(entry.path)) throw new TarFault(`${entry.path} is in it twice`);
      if (entry.type === 'directory') {
        if (place !== null) await makeFolder(place, entry);
        return;
      }
      const isSmall = place?.isSynced === false && entry.bytes <= SMALL_BYTES;
      if (place !== null && !isSmall) file = await makeFile(place, entry);
      const hash = isHashed(entry.path) ? createHash('sha256') : null;
      const small = isSmall ? Buffer.allocUnsafe(entry.bytes) : null;
      current = { entry, hash, head: Buffer.alloc(0), bytes: 0, small };
    },
    async data(piece) {
      if (current === null) return;
      current.hash?.update(piece);
      if (current.head.length < WAL_HEAD_BYTES && current.entry.path.startsWith('pg_wal/'))
        current.head = Buffer.concat([current.head, piece.subarray(0, WAL_HEAD_BYTES - current.head.length)]);
      const at = current.bytes;
      current.bytes += piece.length;
      if (current.small === null) await file?.write(piece, at);
      else piece.copy(current.small, at);
    },
    async close() {
      if (current === null) return;
      const { entry, hash, head, bytes, small } = current;
      found.set(entry.path, { bytes, sha256: hash?.digest('hex') ?? '', ...(head.length === 0 ? {} : { head }) });
      current = null;
      if (small !== null && place !== null)
        await writeSmall(join(place.root, entry.path), small, { mode: entry.mode, owner: place.owner });
      if (file === null || place === null) return;
      const open = file;
      file = null;
      if (place.isSynced) await open.sync();
      await open.close();
    },
    async abandon() {
      await file?.close().catch(() => undefined);
    },
  };
}

async function makeFolder({ root, owner, isSynced }: TreePlace, { path, mode }: TarEntry): Promise<void> {
  const folder = join(root, path);
  await makeDirectory(folder, mode);
  if (owner !== null) await giveTo(folder, owner);
  if (isSynced) await syncDirectory(dirname(folder));
}

async function makeFile({ root, owner }: TreePlace, { path, mode }: TarEntry): Promise<OpenFile> {
  const file = await openNew(join(root, path), mode);
  if (owner !== null) await giveTo(join(root, path), owner);
  return file;
}
