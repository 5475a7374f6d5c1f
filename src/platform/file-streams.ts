import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileProblem } from './files.ts';

const PIECE_BYTES = 1024 * 1024;

/** A file in pieces. */
export async function* readStream(path: string): AsyncGenerator<Buffer> {
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) yield piece as Buffer;
}

/** Writes what comes to a new file for its owner only, and returns when it is on the disk. What the source throws passes through. */
export async function writeStream(path: string, pieces: AsyncIterable<Buffer>): Promise<void> {
  const named = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (error) {
      throw fileProblem(path, 'written', error);
    }
  };
  const file = await named(() => open(path, 'w', 0o600));
  try {
    for await (const piece of pieces) await named(() => file.writeFile(piece));
    await named(() => file.sync());
  } finally {
    await file.close();
  }
}
