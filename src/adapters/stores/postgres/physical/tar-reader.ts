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

/** What is wrong with an archive, as the end of a sentence. */
export class TarFault extends Error {}

const BLOCK = 512; // the unit of the format
const NAME_BYTES = 100;

interface Reading {
  header: Buffer;
  headerBytes: number;
  /** Of the open file. */
  left: number;
  padding: number;
  isOpen: boolean;
  /** Empty blocks in a row: two end the archive. */
  zeros: number;
}

/** Reads a plain tar piece by piece. Every byte counts: also those that only fill a block have to be zero. */
export function createTarReader(taker: TarTaker): TarReader {
  const state: Reading = {
    header: Buffer.alloc(BLOCK),
    headerBytes: 0,
    left: 0,
    padding: 0,
    isOpen: false,
    zeros: 0,
  };
  return {
    async write(piece) {
      for (let at = 0; at < piece.length;) at += await take(state, piece.subarray(at), taker);
    },
    end() {
      if (state.zeros < 2 || state.headerBytes > 0 || state.isOpen) throw new TarFault('it is cut off before its end');
    },
  };
}

/** Takes what it can use, and returns how much that was. */
async function take(state: Reading, piece: Buffer, taker: TarTaker): Promise<number> {
  if (state.left > 0) {
    const used = Math.min(state.left, piece.length);
    await taker.data(piece.subarray(0, used));
    state.left -= used;
    if (state.left === 0 && state.padding === 0) await close(state, taker);
    return used;
  }
  if (state.padding > 0) {
    const used = Math.min(state.padding, piece.length);
    if (!isZero(piece.subarray(0, used))) throw new TarFault('there is something behind a file where nothing belongs');
    state.padding -= used;
    if (state.padding === 0) await close(state, taker);
    return used;
  }
  const used = Math.min(BLOCK - state.headerBytes, piece.length);
  piece.copy(state.header, state.headerBytes, 0, used);
  state.headerBytes += used;
  if (state.headerBytes === BLOCK) {
    state.headerBytes = 0;
    await openEntry(state, taker);
  }
  return used;
}

async function close(state: Reading, taker: TarTaker): Promise<void> {
  state.isOpen = false;
  await taker.close();
}

async function openEntry(state: Reading, taker: TarTaker): Promise<void> {
  const { header } = state;
  if (isZero(header)) {
    state.zeros += 1;
    return;
  }
  if (state.zeros > 0) throw new TarFault('something stands behind its end');
  const entry = entryFrom(header);
  await taker.open(entry);
  if (entry.type === 'directory') return;
  state.left = entry.bytes;
  state.padding = (BLOCK - (entry.bytes % BLOCK)) % BLOCK;
  state.isOpen = true;
  if (entry.bytes === 0) await close(state, taker);
}

function entryFrom(header: Buffer): TarEntry {
  requireChecksum(header);
  const path = pathFrom(header);
  const kind = String.fromCharCode(header[156] ?? 0);
  const mode = octalAt(header, 100, 8) & 0o777;
  if (kind === '5') return { path, type: 'directory', bytes: 0, mode };
  if (kind === '0' || kind === '\0') return { path, type: 'file', bytes: octalAt(header, 124, 12), mode };
  throw new TarFault(`${JSON.stringify(path)} is neither a file nor a folder`);
}

/** Sum of all bytes of the header, its own field read as spaces. */
function requireChecksum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  if (sum !== octalAt(header, 148, 8)) throw new TarFault('the name of a file is damaged');
}

/** Names in it become paths: none leads out of the folder. */
function pathFrom(header: Buffer): string {
  const name = textAt(header, 0, NAME_BYTES);
  const front = textAt(header, 345, 155);
  // The server writes some names from its own folder on.
  const path = (front === '' ? name : `${front}/${name}`).replace(/^\.\//, '').replace(/\/+$/, '');
  const names = path.split('/');
  const isPlain = names.every((one) => one !== '' && one !== '.' && one !== '..' && !one.includes('\0'));
  if (!isPlain) throw new TarFault(`${JSON.stringify(path)} leads out of the data directory`);
  return path;
}

function textAt(header: Buffer, from: number, length: number): string {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString('utf8');
}

/** Octal text, or with the highest bit set a big-endian number. */
function octalAt(header: Buffer, from: number, length: number): number {
  const first = header[from] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let at = from + 1; at < from + length; at += 1) value = value * 256 + (header[at] ?? 0);
    return value;
  }
  const text = textAt(header, from, length).trim();
  if (!/^[0-7]+$/.test(text)) throw new TarFault('a number in it is damaged');
  return Number.parseInt(text, 8);
}

const ZEROS = Buffer.alloc(BLOCK);

const isZero = (bytes: Buffer): boolean => ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
