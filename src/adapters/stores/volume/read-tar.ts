import { createHash, type Hash } from 'node:crypto';

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
export interface TarReader {
  /** Never throws: what is wrong is thrown by `end`. */
  write(chunk: Buffer): void;
  /** Throws an Error with the first thing that is wrong, also when the end of the archive is missing. */
  end(): VolumeEntry[];
}

const BLOCK = 512; // the unit of the tar format
const EXTENDED_LIMIT_BYTES = 1024 * 1024; // names and attributes of one entry

/** `prefix` is the folder that docker puts everything into. */
export function createTarReader(prefix: string): TarReader {
  const entries: VolumeEntry[] = [];
  const state: Reading = { prefix, entries, header: [], headerBytes: 0, extended: new Map(), content: null, zeros: 0 };
  let failure: unknown = null;
  return {
    write(chunk) {
      if (failure !== null) return;
      try {
        for (let rest = chunk; rest.length > 0;) rest = take(state, rest);
      } catch (error) {
        failure = error;
      }
    },
    end() {
      if (failure !== null) throw failure;
      if (state.zeros < 2 || state.content !== null) throw new Error('it is cut off before its end');
      return entries;
    },
  };
}

interface Content {
  left: number;
  padding: number;
  take(piece: Buffer): void;
  finish(): void;
}

interface Reading {
  prefix: string;
  entries: VolumeEntry[];
  header: Buffer[];
  headerBytes: number;
  /** Of the next entry. */
  extended: Map<string, Buffer>;
  content: Content | null;
  /** Empty blocks in a row: two end the archive. */
  zeros: number;
}

/** Takes what it can use of the piece, and returns the rest. */
function take(state: Reading, piece: Buffer): Buffer {
  if (state.zeros >= 2) return Buffer.alloc(0); // what fills the last record
  const { content } = state;
  if (content === null) {
    const used = Math.min(BLOCK - state.headerBytes, piece.length);
    state.header.push(piece.subarray(0, used));
    state.headerBytes += used;
    if (state.headerBytes === BLOCK) openEntry(state, Buffer.concat(state.header));
    return piece.subarray(used);
  }
  const used = Math.min(content.left, piece.length);
  if (used > 0) content.take(piece.subarray(0, used));
  content.left -= used;
  const skipped = content.left === 0 ? Math.min(content.padding, piece.length - used) : 0;
  content.padding -= skipped;
  if (content.left === 0 && content.padding === 0) {
    state.content = null;
    content.finish();
  }
  return piece.subarray(used + skipped);
}

function openEntry(state: Reading, block: Buffer): void {
  state.header = [];
  state.headerBytes = 0;
  if (block.every((byte) => byte === 0)) {
    state.zeros += 1;
    return;
  }
  if (state.zeros > 0) throw new Error('an empty block stands between its entries');
  requireChecksum(block);
  const kind = String.fromCharCode(block[156] ?? 0);
  if (kind === 'x') return openExtended(state, numberAt(block, 124, 12));
  const bytes = numberOf(state.extended.get('size')) ?? numberAt(block, 124, 12);
  const hash = createHash('sha256');
  const finish = (): void => {
    state.entries.push(entryFrom(state, block, { kind, bytes, hash }));
    state.extended = new Map();
  };
  const isFile = kind === '0' || kind === '\0';
  if (!isFile || bytes === 0) return finish();
  state.content = { left: bytes, padding: paddingOf(bytes), take: (piece) => void hash.update(piece), finish };
}

function openExtended(state: Reading, bytes: number): void {
  if (bytes === 0 || bytes > EXTENDED_LIMIT_BYTES) throw new Error('the names of an entry are too long');
  const pieces: Buffer[] = [];
  const finish = (): void => {
    state.extended = parseExtended(Buffer.concat(pieces));
  };
  state.content = { left: bytes, padding: paddingOf(bytes), take: (piece) => void pieces.push(piece), finish };
}

function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

/** Records of the form `<length> <key>=<value>\n`. */
function parseExtended(text: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(0x20, at);
    const length = Number(text.subarray(at, space).toString('latin1'));
    const equals = text.indexOf(0x3d, space);
    const end = at + length;
    const isWhole = space > at && Number.isInteger(length) && equals > space && end <= text.length && equals < end;
    if (!isWhole || text[end - 1] !== 0x0a) throw new Error('the names of an entry are damaged');
    records.set(text.subarray(space + 1, equals).toString('utf8'), Buffer.from(text.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

function entryFrom(
  { prefix, extended }: Reading,
  block: Buffer,
  { kind, bytes, hash }: { kind: string; bytes: number; hash: Hash },
): VolumeEntry {
  const shared = {
    path: pathBelow(prefix, textOf(extended.get('path') ?? nameIn(block))),
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: numberOf(extended.get('uid')) ?? numberAt(block, 108, 8),
    gid: numberOf(extended.get('gid')) ?? numberAt(block, 116, 8),
    mtime: numberOf(extended.get('mtime')) ?? numberAt(block, 136, 12),
    attributes: attributesOf(extended),
  };
  const target = (): string => textOf(extended.get('linkpath') ?? cString(block.subarray(157, 257)));
  switch (kind) {
    case '0':
    case '\0':
      return { ...shared, type: 'file', bytes, sha256: hash.digest('hex') };
    case '1':
      return { ...shared, type: 'hard-link', target: pathBelow(prefix, target()) };
    case '2':
      return { ...shared, type: 'link', target: target() };
    case '5':
      return { ...shared, type: 'directory' };
    case '6':
      return { ...shared, type: 'pipe' };
    default:
      throw new Error(`${JSON.stringify(shared.path)} is a device, or of a kind that is not known (${kind})`);
  }
}

function attributesOf(extended: Map<string, Buffer>): Record<string, string> {
  const found = [...extended].filter(([key]) => key.startsWith('SCHILY.xattr.'));
  return Object.fromEntries(
    found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key.slice(13), value.toString('hex')]),
  );
}

function nameIn(block: Buffer): Buffer {
  const name = cString(block.subarray(0, 100));
  const front = cString(block.subarray(345, 500));
  const hasFront = block.subarray(257, 263).toString('latin1') === 'ustar\0' && front.length > 0;
  return hasFront ? Buffer.concat([front, Buffer.from('/'), name]) : name;
}

function cString(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
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
  throw new Error(`${JSON.stringify(written)} leads out of the volume`);
}

/** Octal text, or with the highest bit set a big-endian number. */
function numberAt(block: Buffer, from: number, length: number): number {
  const field = block.subarray(from, from + length);
  if (((field[0] ?? 0) & 0x80) !== 0)
    return Number(BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(length * 8 - 1)) - 1n));
  const text = cString(field).toString('latin1').trim();
  if (!/^[0-7]*$/.test(text)) throw new Error('a header is damaged');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function numberOf(value: Buffer | undefined): number | null {
  if (value === undefined) return null;
  const number = Math.floor(Number(value.toString('latin1')));
  if (!Number.isSafeInteger(number)) throw new Error('a number of an entry is damaged');
  return number;
}

function requireChecksum(block: Buffer): void {
  let sum = 8 * 0x20; // the field itself counts as blanks
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== numberAt(block, 148, 8)) throw new Error('a header is damaged');
}
