import { createTarReader as createReader, TarFault, type TarEntry as AnyEntry } from '../../tar/read-tar.ts';

/** One entry of the archive that the server sends: files and folders alone, with short names. */
export interface TarEntry {
  /** Relative to the data directory, `/` between names. */
  path: string;
  type: 'file' | 'directory';
  bytes: number;
  mode: number;
}

/** Gets what is in the archive, in its order. */
export interface TarTaker {
  /** For a file, `data` and `close` follow. */
  open(entry: TarEntry): Promise<void>;
  data(piece: Buffer): Promise<void>;
  close(): Promise<void>;
}

export interface TarReader {
  /** Throws a TarFault for what no server sends, and whatever the taker throws. A piece may be used again when it returns. */
  write(piece: Buffer): Promise<void>;
  /** Throws a TarFault when the end of the archive is missing. */
  end(): void;
}

/** Hands a taker what an archive holds, one after another. */
export function createTarReader(taker: TarTaker): TarReader {
  const reader = createReader();
  return {
    async write(piece) {
      for (const event of reader.read(piece)) {
        if (event.what === 'data') await taker.data(event.piece);
        else if (event.what === 'open') await taker.open(entryFrom(event.entry));
        else await taker.close();
      }
    },
    end: () => reader.end(),
  };
}

function entryFrom({ kind, name, bytes, mode, extended }: AnyEntry): TarEntry {
  const path = pathFrom(name);
  const rights = mode & 0o777;
  if (extended.size > 0) throw new TarFault(`${JSON.stringify(path)} has a name or a size that no server writes`);
  if (kind === '5') return { path, type: 'directory', bytes: 0, mode: rights };
  if (kind === '0') return { path, type: 'file', bytes, mode: rights };
  throw new TarFault(`${JSON.stringify(path)} is neither a file nor a folder`);
}

/** Names in it become paths: none leads out of the folder. */
function pathFrom(name: Buffer): string {
  // The server writes some names from its own folder on.
  const path = name.toString('utf8').replace(/^\.\//, '').replace(/\/+$/, '');
  const names = path.split('/');
  const isPlain = names.every((one) => one !== '' && one !== '.' && one !== '..' && !one.includes('\0'));
  if (!isPlain) throw new TarFault(`${JSON.stringify(path)} leads out of the data directory`);
  return path;
}
