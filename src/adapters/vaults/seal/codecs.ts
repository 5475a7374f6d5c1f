import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliDecompress,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  gunzip,
  type BrotliOptions,
  type ZlibOptions,
} from 'node:zlib';
import type { Codec } from '../../../core/backup/manifest.ts';
import type { Chunks } from './blocks.ts';
import { foundIn, measureFrame, UnpackFault } from './zstd-frame.ts';
import { packFrames, unpackFrames } from './zstd-stream.ts';
import { zstdHere, type UnpackFrame } from './zstd.ts';

const brotliCompressed = promisify<Buffer, BrotliOptions, Buffer>(brotliCompress);
const brotliDecompressed = promisify<Buffer, BrotliOptions, Buffer>(brotliDecompress);
const gunzipped = promisify<Buffer, ZlibOptions, Buffer>(gunzip);

const CHUNK_BYTES = 256 * 1024;

/** A stage of a pipeline. */
export type Stage = Duplex | ((source: Chunks) => AsyncGenerator<Buffer>);

/** Where zstd cannot be loaded: quality 1 packs as tightly as gzip in 0.4 of its time; a window of 256 KiB instead of 4 MiB takes a third less time. */
const BROTLI = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18 };

/** Packs a part: with zstd where it can be loaded. */
export async function packer(): Promise<{ codec: Codec; stage: Stage }> {
  const { pack } = await zstdHere();
  return pack === null
    ? { codec: 'brotli', stage: createBrotliCompress({ params: BROTLI, chunkSize: CHUNK_BYTES }) }
    : { codec: 'zstd', stage: packFrames(pack) };
}

/** Packs bytes that are in memory as a whole, off the thread that reads and hashes. */
export async function packWhole(bytes: Buffer): Promise<{ codec: Codec; content: Buffer[] }> {
  const { pack } = await zstdHere();
  if (pack !== null) return { codec: 'zstd', content: await pack(bytes) };
  const params = { ...BROTLI, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  // All of it in one piece, and none is copied.
  return { codec: 'brotli', content: [await brotliCompressed(bytes, { params, chunkSize: bytes.length + 1024 })] };
}

const SAMPLES = 4;
const SAMPLE_BYTES = 16 * 1024;

/** Whether samples of it shrink: of pictures and films nothing does, and to try all of it takes as long as to encrypt it. */
export async function mayShrink(bytes: Buffer): Promise<boolean> {
  if (bytes.length < 4 * SAMPLES * SAMPLE_BYTES) return true;
  const step = Math.floor((bytes.length - SAMPLE_BYTES) / (SAMPLES - 1));
  const sample = Buffer.concat(
    Array.from({ length: SAMPLES }, (_, index) => bytes.subarray(index * step, index * step + SAMPLE_BYTES)),
  );
  return bytesIn((await packWhole(sample)).content) < sample.length;
}

export function bytesIn(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** At most so many bytes: a few can unpack to any number of them. */
export async function unpackWhole(codec: Codec, bytes: Buffer, bytesMax: number): Promise<Buffer> {
  const limit = { maxOutputLength: Math.max(1, bytesMax) };
  switch (codec) {
    case 'none':
      return bytes;
    case 'gzip':
      return gunzipped(bytes, limit);
    case 'brotli':
      return brotliDecompressed(bytes, { ...limit, chunkSize: bytesMax + 1024 });
    case 'zstd':
      return unpackFrame((await zstdHere()).unpack, bytes, bytesMax);
  }
}

async function unpackFrame(unpack: UnpackFrame, frame: Buffer, bytesMax: number): Promise<Buffer> {
  const facts = measureFrame(foundIn(frame), bytesMax);
  if (facts?.end !== frame.length) throw new UnpackFault('not one whole frame');
  return unpack(frame, facts.bytes);
}

/** null: the bytes are as they were. `bytesMax`: zstd never unpacks to more; of the others whoever reads has to look. */
export async function unpacker(codec: Codec, bytesMax: number): Promise<Stage | null> {
  switch (codec) {
    case 'none':
      return null;
    case 'gzip':
      return createGunzip({ chunkSize: CHUNK_BYTES });
    case 'brotli':
      return createBrotliDecompress({ chunkSize: CHUNK_BYTES });
    case 'zstd':
      return unpackFrames((await zstdHere()).unpack, bytesMax);
  }
}

/** Whether this is how it is said that the bytes are not what was packed. */
export function isUnpackError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return (
    error instanceof UnpackFault ||
    /^(Z_|ERR__ERROR_|ERR_BUFFER_TOO_LARGE|ERR_BROTLI|ERR_PADDING|ERR_TRAILING)/.test(code)
  );
}
