import { open } from 'node:fs/promises';
import { errorCode } from './error-code.ts';
import { redact } from './redact.ts';

/** Enough for thousands of ordinary lines, and read in about a millisecond however large the file is. */
const TAIL_BYTES_MAX = 1024 * 1024;

/**
 * The last lines of a text file, masked, oldest first; empty when the file does not exist. Reads at most the last 1 MiB:
 * a line that begins before that is left out, because half a secret could not be recognised.
 */
export async function readLastLines(path: string, lines: number): Promise<string[]> {
  const tail = await readTail(path);
  if (tail === null || lines <= 0) return [];
  const all = redact(tail).split('\n');
  if (all.at(-1) === '') all.pop();
  return all.slice(-lines);
}

async function readTail(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES_MAX);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    if (from === 0) return text;
    const lineEnd = text.indexOf('\n');
    return lineEnd < 0 ? '(one line longer than 1 MiB)' : text.slice(lineEnd + 1);
  } finally {
    await file.close();
  }
}
