import { createHash } from 'node:crypto';
import { errorCode } from '../../../platform/error-code.ts';
import { openForReading, openNew } from '../../../platform/file-tree.ts';
import type { StoredFile } from '../../../core/backup/manifest.ts';

const CHUNK_BYTES = 256 * 1024;

type Chunks = AsyncIterable<Buffer>;

/** Counts and hashes what flows by. */
export interface Meter {
  watch(source: Chunks): Chunks;
  facts(): StoredFile;
}

export function createMeter(): Meter {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    async *watch(source) {
      for await (const chunk of source) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    facts: () => ({ bytes, sha256: hash.copy().digest('hex') }),
  };
}

/** The same until it is to stop: between streams that are none of Node's own nobody else looks. */
export async function* until(signal: AbortSignal | undefined, source: Chunks | Iterable<Buffer>): Chunks {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

/** The bytes of a file, piece after piece. */
export async function* chunksOf(path: string, chunkBytes = CHUNK_BYTES): Chunks {
  const file = await openForReading(path);
  try {
    for (let position = 0; ;) {
      const buffer = Buffer.allocUnsafeSlow(chunkBytes);
      const count = await file.read(buffer, position);
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    await file.close();
  }
}

/** Writes a new file, 0600, and returns when it is on the disk. Refuses whatever is there. */
async function writeChunks(path: string, source: Chunks): Promise<void> {
  const file = await openNew(path);
  try {
    let position = 0;
    for await (const chunk of source) {
      await file.write(chunk, position);
      position += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Runs a pipeline into a new file and throws what went wrong first. When the writer fails, the streams before it are cut off and say that
 * they were: what the person has to know (the disk is full, the part is not as it was sealed) must not be lost behind that.
 */
export async function flowInto(
  path: string,
  run: (sink: (source: Chunks) => Promise<void>) => Promise<void>,
): Promise<void> {
  let written: Promise<void> = Promise.resolve();
  const sink = (source: Chunks): Promise<void> => (written = writeChunks(path, source));
  try {
    await run(sink);
  } catch (error) {
    const own: unknown = await written.then(
      () => error,
      (reason: unknown) => reason,
    );
    throw isCutOff(own) ? error : own;
  }
}

/** Whether a stream says only that it was cut off, not why. */
export function isCutOff(error: unknown): boolean {
  return ['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE'].includes(errorCode(error));
}
