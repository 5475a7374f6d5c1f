// Frames of RFC 8878 in the one form that backups have: so a reader knows what a frame unpacks to, and where it ends, before it unpacks it.

/** How zstd begins, as a number. */
const MAGIC = 0xfd2fb528;

/** One segment, the size of the content in four bytes, no checksum and no dictionary. */
const DESCRIPTOR = 0xa0;
const HEADER_BYTES = 9;
const BLOCK_HEADER_BYTES = 3;

/** No block unpacks to more. */
const BLOCK_BYTES_MAX = 128 * 1024;
const RUN = 1;
const RESERVED = 3;

/** The packed bytes are not of the form that they have to have. */
export class UnpackFault extends Error {
  /** Of what there is more than there may be, if that is what is wrong. */
  readonly tooMuch: 'content' | 'bytes' | null;
  constructor(what: string, { tooMuch, cause }: { tooMuch?: 'content' | 'bytes'; cause?: unknown } = {}) {
    super(what, { cause });
    this.tooMuch = tooMuch ?? null;
  }
}

/** Packed bytes, of which more may come. */
export interface FoundBytes {
  readonly length: number;
  /** The number that lies there, little-endian. */
  uint(at: number, bytes: number): number;
}

export interface FrameFacts {
  /** What it unpacks to. */
  bytes: number;
  /** Where it ends, which may be behind what has come so far. */
  end: number;
}

/**
 * The frame that begins there; null: more has to come before that can be said. Throws an UnpackFault when it would unpack to more than that, or when
 * it has more blocks than its content needs: each of a few bytes can unpack to 128 KiB.
 */
export function measureFrame(found: FoundBytes, bytesMax: number): FrameFacts | null {
  if (found.length < HEADER_BYTES) return null;
  if (found.uint(0, 4) !== MAGIC || found.uint(4, 1) !== DESCRIPTOR) throw new UnpackFault('not a frame of a backup');
  const bytes = found.uint(5, 4);
  if (bytes > bytesMax) throw new UnpackFault('a frame that is too large', { tooMuch: 'content' });
  const blocksMax = Math.ceil(bytes / BLOCK_BYTES_MAX) + 1;
  let end = HEADER_BYTES;
  for (let block = 1; block <= blocksMax; block += 1) {
    if (end + BLOCK_HEADER_BYTES > found.length) return null;
    const header = found.uint(end, BLOCK_HEADER_BYTES);
    const [isLast, type, size] = [(header & 1) === 1, (header >>> 1) & 3, header >>> 3];
    if (type === RESERVED || size > BLOCK_BYTES_MAX) throw new UnpackFault('not a block');
    end += BLOCK_HEADER_BYTES + (type === RUN ? 1 : size);
    if (isLast) return { bytes, end };
  }
  throw new UnpackFault('a frame of too many blocks');
}

/** What a frame in the one form needs, from one in another form: its header, and where the blocks begin in the other. */
export function headerOf(frame: Buffer, bytes: number): { header: Buffer; blocksAt: number } {
  const descriptor = frame.readUInt8(4);
  const isOneSegment = (descriptor & 0x20) !== 0;
  if (frame.readUInt32LE(0) !== MAGIC || (descriptor & 0x07) !== 0) throw new Error('zstd packed in an unknown way');
  const sizeBytes = [isOneSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt8(DESCRIPTOR, 4);
  header.writeUInt32LE(bytes, 5);
  return { header, blocksAt: 5 + (isOneSegment ? 0 : 1) + sizeBytes };
}

/** A buffer as found bytes. */
export function foundIn(bytes: Buffer): FoundBytes {
  return { length: bytes.length, uint: (at, count) => bytes.readUIntLE(at, count) };
}
