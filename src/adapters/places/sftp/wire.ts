// The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of the extensions of OpenSSH (its file PROTOCOL).

export const REQUEST = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  openFolder: 11,
  readFolder: 12,
  remove: 13,
  makeFolder: 14,
  removeFolder: 15,
  rename: 18,
  extended: 200,
} as const;

export const ANSWER = {
  version: 2,
  status: 101,
  handle: 102,
  data: 103,
  names: 104,
  attributes: 105,
  extended: 201,
} as const;

export const STATUS = { ok: 0, end: 1, notThere: 2, notPermitted: 3, failure: 4, notSupported: 8 } as const;

export const OPEN = { read: 1, write: 2, create: 8, truncate: 16, exclusive: 32 } as const;

const HAS = { size: 1, owner: 2, mode: 4, times: 8, extended: 0x8000_0000 } as const;
const TYPE_BITS = 0o170000;
const FOLDER = 0o040000;
const FILE = 0o100000;

export interface Attributes {
  bytes: number;
  type: 'file' | 'folder' | 'other';
}

export type Field = { whole: number } | { long: number } | { text: string | Buffer } | { mode: number };

/** A packet with its length in front. */
export function packet(type: number, fields: readonly Field[]): Buffer {
  const parts = fields.map(encode);
  const size = parts.reduce((sum, part) => sum + part.length, 1);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(size, 0);
  head.writeUInt8(type, 4);
  return Buffer.concat([head, ...parts]);
}

function encode(field: Field): Buffer {
  if ('text' in field) {
    const bytes = typeof field.text === 'string' ? Buffer.from(field.text, 'utf8') : field.text;
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    return Buffer.concat([size, bytes]);
  }
  if ('long' in field) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(field.long));
    return bytes;
  }
  const bytes = Buffer.alloc('mode' in field ? 8 : 4);
  if ('whole' in field) bytes.writeUInt32BE(field.whole);
  else {
    bytes.writeUInt32BE(HAS.mode, 0);
    bytes.writeUInt32BE(field.mode, 4);
  }
  return bytes;
}

/** Reads the fields of a packet one after the other; a packet that is too short throws. */
export interface PacketReader {
  whole(): number;
  long(): number;
  bytes(): Buffer;
  text(): string;
  attributes(): Attributes;
  isAtEnd(): boolean;
}

export function readerOf(body: Buffer): PacketReader {
  let at = 0;
  const whole = (): number => {
    const value = body.readUInt32BE(at);
    at += 4;
    return value;
  };
  const long = (): number => {
    const value = body.readBigUInt64BE(at);
    at += 8;
    return Number(value);
  };
  const bytes = (): Buffer => {
    const size = whole();
    if (at + size > body.length) throw new RangeError('a packet ends within a text');
    const found = body.subarray(at, at + size);
    at += size;
    return found;
  };
  const text = (): string => bytes().toString('utf8');
  const attributes = (): Attributes => {
    const flags = whole();
    const size = (flags & HAS.size) === 0 ? 0 : long();
    if ((flags & HAS.owner) !== 0) at += 8;
    const mode = (flags & HAS.mode) === 0 ? 0 : whole();
    if ((flags & HAS.times) !== 0) at += 8;
    const pairs = (flags & HAS.extended) === 0 ? 0 : whole();
    for (let pair = 0; pair < pairs * 2; pair += 1) bytes();
    const type = mode & TYPE_BITS;
    return { bytes: size, type: type === FOLDER ? 'folder' : type === FILE ? 'file' : 'other' };
  };
  return { whole, long, bytes, text, attributes, isAtEnd: () => at >= body.length };
}
