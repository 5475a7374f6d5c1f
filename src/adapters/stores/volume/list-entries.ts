import { createHash, type Hash } from 'node:crypto';
import { createTarReader, TarFault, type TarEntry } from '../tar/read-tar.ts';

/** One entry of a volume, in the order in which docker writes them: a folder before what is in it. */
export type VolumeEntry = {
  /** Relative to the volume, `/` between names; `.` is its own folder. */
  path: string;
  mode: number;
  uid: number;
  gid: number;
  /** Whole seconds since 1970. */
  mtime: number;
  /** Extended attributes that docker's tar holds (security.capability), in hex. */
  attributes: Record<string, string>;
} & (
  | { type: 'file'; bytes: number; sha256: string }
  | { type: 'directory' | 'pipe' }
  | { type: 'link' | 'hard-link'; target: string }
);

/** Takes a tar in pieces and keeps what is in it, not the content. */
export interface EntryList {
  /** Never throws: what is wrong is thrown by `end`. */
  write(chunk: Buffer): void;
  /** Throws a TarFault with the first thing that is wrong, also when the end of the archive is missing. */
  end(): VolumeEntry[];
}

/** `prefix` is the folder that docker puts everything into. */
export function createEntryList(prefix: string): EntryList {
  const reader = createTarReader();
  const entries: VolumeEntry[] = [];
  let open: { entry: TarEntry; hash: Hash } | null = null;
  let failure: unknown = null;
  const take = (chunk: Buffer): void => {
    for (const event of reader.read(chunk)) {
      if (event.what === 'data') open?.hash.update(event.piece);
      else if (event.what === 'open') {
        if (event.entry.kind === '0') open = { entry: event.entry, hash: createHash('sha256') };
        else entries.push(entryFrom(event.entry, prefix, ''));
      } else if (open !== null) entries.push(entryFrom(open.entry, prefix, open.hash.digest('hex')));
    }
  };
  return {
    write(chunk) {
      if (failure !== null) return;
      try {
        take(chunk);
      } catch (error) {
        failure = error;
      }
    },
    end() {
      if (failure !== null) throw failure;
      reader.end();
      return entries;
    },
  };
}

function entryFrom(entry: TarEntry, prefix: string, sha256: string): VolumeEntry {
  const { kind, name, link, bytes, mode, uid, gid, mtime, extended } = entry;
  const shared = { path: pathBelow(prefix, textOf(name)), mode, uid, gid, mtime, attributes: attributesOf(extended) };
  switch (kind) {
    case '0':
      return { ...shared, type: 'file', bytes, sha256 };
    case '1':
      return { ...shared, type: 'hard-link', target: pathBelow(prefix, textOf(link)) };
    case '2':
      return { ...shared, type: 'link', target: textOf(link) };
    case '5':
      return { ...shared, type: 'directory' };
    case '6':
      return { ...shared, type: 'pipe' };
    default:
      throw new TarFault(`${JSON.stringify(shared.path)} is a device, or of a kind that is not known (${kind})`);
  }
}

function attributesOf(extended: ReadonlyMap<string, Buffer>): Record<string, string> {
  const found = [...extended].filter(([key]) => key.startsWith('SCHILY.xattr.'));
  return Object.fromEntries(
    found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key.slice(13), value.toString('hex')]),
  );
}

/** A name that is not UTF-8 is written in hex: two of them must not become one. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : `bytes:${bytes.toString('hex')}`;
}

function pathBelow(prefix: string, written: string): string {
  const path = written.replace(/\/+$/, '');
  if (path === prefix) return '.';
  if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length + 1);
  throw new TarFault(`${JSON.stringify(written)} leads out of the volume`);
}
