import { createHash } from 'node:crypto';
import { openForReading, openNew, type OpenFile } from './file-tree.ts';

const CHUNK_BYTES = 256 * 1024;

/** Where in a file to begin and where to end. */
export interface FileRange {
  /** Default 0. */
  from?: number;
  /** Bytes from there; default: to the end. */
  bytes?: number;
}

/** The bytes of a file, or of a part of it, piece after piece. */
export async function* readRange(path: string, { from = 0, bytes = Infinity }: FileRange = {}): AsyncIterable<Buffer> {
  const file = await openForReading(path);
  try {
    yield* piecesOf(file, from, from + bytes);
  } finally {
    await file.close();
  }
}

async function* piecesOf(file: OpenFile, from: number, end: number): AsyncIterable<Buffer> {
  for (let position = from; position < end;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
    const count = await file.read(buffer, position);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

const PIECE_BYTES = 1024 * 1024;

/** Hands all of a file on, piece after piece in one and the same memory: what is kept of a piece has to be copied before `use` returns. */
export async function forPiecesOf(path: string, use: (piece: Buffer) => Promise<void>): Promise<void> {
  const file = await openForReading(path);
  try {
    const memory = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (let position = 0; ;) {
      const count = await file.read(memory, position);
      if (count === 0) return;
      position += count;
      await use(memory.subarray(0, count));
    }
  } finally {
    await file.close();
  }
}

/** SHA-256 (hex) of a part of a file. */
export async function sha256OfRange(path: string, range: FileRange): Promise<string> {
  return (await digestOf(readRange(path, range))).sha256;
}

/** Size and SHA-256 (hex) of what flows by; nothing of it is kept. */
export async function digestOf(source: AsyncIterable<Buffer>): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Writes a new file (0600), returns when it is on the disk, and tells what was written. Refuses whatever is there. */
export async function writeNewFile(
  path: string,
  source: AsyncIterable<Buffer>,
): Promise<{ bytes: number; sha256: string }> {
  const file = await openNew(path);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of source) {
      await file.write(chunk, bytes);
      hash.update(chunk);
      bytes += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
