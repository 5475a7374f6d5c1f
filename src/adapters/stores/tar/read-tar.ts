/** One entry of a tar as its header says it, with names as bytes: what a name may be is for the store to judge. */
export interface TarEntry {
  /** The letter of the format; of a file `0`. Only files have content here. */
  kind: string;
  name: Buffer;
  /** Of a link: what it leads to. */
  link: Buffer;
  bytes: number;
  /** The 12 lowest bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Whole seconds since 1970. */
  mtime: number;
  /** Records that stand before the header (pax), among them those that are in the values above. */
  extended: ReadonlyMap<string, Buffer>;
}

/** After `open` of a file come its pieces, and `close`. */
export type TarEvent = { what: 'open'; entry: TarEntry } | { what: 'data'; piece: Buffer } | { what: 'close' };

export interface TarReader {
  /**
   * What a piece of the archive holds, in its order: the next is read when it is asked for, so whoever waits between two holds the archive back. Throws
   * a TarFault for what does not belong there. The piece may be used again when all is read.
   */
  read(piece: Buffer): Generator<TarEvent, void, undefined>;
  /** Throws a TarFault when the end of the archive is missing. */
  end(): void;
}

/** What is wrong with an archive, as the end of a sentence. */
export class TarFault extends Error {}

const BLOCK = 512; // the unit of the format
const EXTENDED_BYTES_MAX = 1024 * 1024; // names and attributes of one entry

interface Reading {
  header: Buffer;
  headerBytes: number;
  /** Of the content that is being read: of a file, or records for the next header. */
  content: 'none' | 'file' | 'records';
  left: number;
  padding: number;
  records: Buffer[];
  extended: ReadonlyMap<string, Buffer>;
  /** Empty blocks in a row: two end the archive. */
  zeros: number;
}

const NOTHING: ReadonlyMap<string, Buffer> = new Map();

/** Reads a tar (ustar, pax) piece by piece; holds a header and what stands before it, never content. Every byte counts: those that only fill a block have to be zero. */
export function createTarReader(): TarReader {
  const state: Reading = {
    header: Buffer.alloc(BLOCK),
    headerBytes: 0,
    content: 'none',
    left: 0,
    padding: 0,
    records: [],
    extended: NOTHING,
    zeros: 0,
  };
  return {
    *read(piece) {
      for (let at = 0; at < piece.length;) at += yield* take(state, piece.subarray(at));
    },
    end() {
      if (state.zeros < 2 || state.headerBytes > 0 || state.content !== 'none')
        throw new TarFault('it is cut off before its end');
    },
  };
}

/** Takes what it can use, and returns how much that was. */
function* take(state: Reading, piece: Buffer): Generator<TarEvent, number, undefined> {
  if (state.left > 0) {
    const used = Math.min(state.left, piece.length);
    const content = piece.subarray(0, used);
    if (state.content === 'file') yield { what: 'data', piece: content };
    else state.records.push(Buffer.from(content));
    state.left -= used;
    if (state.left === 0 && state.padding === 0) yield* close(state);
    return used;
  }
  if (state.padding > 0) {
    const used = Math.min(state.padding, piece.length);
    if (!isZero(piece.subarray(0, used))) throw new TarFault('there is something behind a file where nothing belongs');
    state.padding -= used;
    if (state.padding === 0) yield* close(state);
    return used;
  }
  const used = Math.min(BLOCK - state.headerBytes, piece.length);
  piece.copy(state.header, state.headerBytes, 0, used);
  state.headerBytes += used;
  if (state.headerBytes === BLOCK) {
    state.headerBytes = 0;
    yield* openEntry(state);
  }
  return used;
}

function* close(state: Reading): Generator<TarEvent, void, undefined> {
  const { content } = state;
  state.content = 'none';
  if (content === 'file') yield { what: 'close' };
  else state.extended = parseRecords(Buffer.concat(state.records));
  state.records = [];
}

function* openEntry(state: Reading): Generator<TarEvent, void, undefined> {
  const { header, extended } = state;
  if (isZero(header)) {
    state.zeros += 1;
    return;
  }
  if (state.zeros > 0) throw new TarFault('something stands behind an empty block');
  requireChecksum(header);
  const kind = kindOf(header);
  const bytes = numberOf(extended.get('size')) ?? numberAt(header, 124, 12);
  if (kind === 'x') {
    if (bytes === 0 || bytes > EXTENDED_BYTES_MAX) throw new TarFault('the names of an entry are too long');
    return begin(state, 'records', bytes);
  }
  state.extended = NOTHING;
  yield { what: 'open', entry: entryFrom(header, kind, { bytes, extended }) };
  if (kind !== '0') return;
  begin(state, 'file', bytes);
  if (bytes === 0) yield* close(state);
}

function begin(state: Reading, content: Reading['content'], bytes: number): void {
  state.content = content;
  state.left = bytes;
  state.padding = (BLOCK - (bytes % BLOCK)) % BLOCK;
}

/** The oldest form has no letter for a file. */
function kindOf(header: Buffer): string {
  const kind = header[156] ?? 0;
  return kind === 0 ? '0' : String.fromCharCode(kind);
}

function entryFrom(
  header: Buffer,
  kind: string,
  { bytes, extended }: { bytes: number; extended: ReadonlyMap<string, Buffer> },
): TarEntry {
  return {
    kind,
    name: extended.get('path') ?? nameIn(header),
    link: extended.get('linkpath') ?? textAt(header, 157, 100),
    bytes,
    mode: numberAt(header, 100, 8) & 0o7777,
    uid: numberOf(extended.get('uid')) ?? numberAt(header, 108, 8),
    gid: numberOf(extended.get('gid')) ?? numberAt(header, 116, 8),
    mtime: numberOf(extended.get('mtime')) ?? numberAt(header, 136, 12),
    extended,
  };
}

/** Records of the form `<length> <key>=<value>\n`. */
function parseRecords(text: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(0x20, at);
    const length = Number(text.subarray(at, space).toString('latin1'));
    const equals = text.indexOf(0x3d, space);
    const end = at + length;
    const isWhole = space > at && Number.isInteger(length) && equals > space && end <= text.length && equals < end;
    if (!isWhole || text[end - 1] !== 0x0a) throw new TarFault('the names of an entry are damaged');
    records.set(text.subarray(space + 1, equals).toString('utf8'), text.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** Sum of all bytes of the header, its own field read as spaces. */
function requireChecksum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  if (sum !== numberAt(header, 148, 8)) throw new TarFault('a header is damaged');
}

/** Only ustar (`ustar` and a NUL) has a second field for the front of a long name. */
function nameIn(header: Buffer): Buffer {
  const name = textAt(header, 0, 100);
  const isUstar = header.subarray(257, 263).toString('latin1') === 'ustar\0';
  const front = isUstar ? textAt(header, 345, 155) : Buffer.alloc(0);
  return front.length === 0 ? name : Buffer.concat([front, Buffer.from('/'), name]);
}

/** A copy: the header is used again. */
function textAt(header: Buffer, from: number, length: number): Buffer {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return Buffer.from(field.subarray(0, end === -1 ? length : end));
}

/** Octal text, or with the highest bit set a big-endian number. */
function numberAt(header: Buffer, from: number, length: number): number {
  const first = header[from] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let at = from + 1; at < from + length; at += 1) value = value * 256 + (header[at] ?? 0);
    return requireCount(value);
  }
  const text = textAt(header, from, length).toString('latin1').trim();
  if (!/^[0-7]*$/.test(text)) throw new TarFault('a header is damaged');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function numberOf(record: Buffer | undefined): number | null {
  return record === undefined ? null : requireCount(Math.floor(Number(record.toString('latin1'))));
}

function requireCount(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TarFault('a number of an entry is damaged');
  return value;
}

const ZEROS = Buffer.alloc(BLOCK);

const isZero = (bytes: Buffer): boolean => ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
