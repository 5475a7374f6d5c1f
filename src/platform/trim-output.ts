import {
  closeSync,
  fstatSync,
  ftruncateSync,
  fsyncSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { realClock } from './clock.ts';
import { errorCode } from './error-code.ts';

/** When a file is cut, and how much of its end then stays. */
export interface OutputLimit {
  bytesMax: number;
  keptBytes: number;
}

const MARK = /^\[shipway: (\d+) bytes before this line were left out\]\n/;
const MARK_BYTES_MAX = 100;
const UNFINISHED_MS = 60_000; // a cut takes milliseconds; one that is older died

/**
 * Cuts a file that a running program appends to, when it is larger than the limit: what stays is its end, from the beginning of a line, behind a
 * line that says how many bytes are gone. Synchronous, so that the program finds no time to write what would be cut with it. Killed in the
 * middle, the end is beside the file and comes back with the next call. Returns the bytes left out so far.
 */
export function trimOutput(path: string, limit: OutputLimit): number {
  const file = openOrNull(path, 'r+');
  if (file === null) return 0;
  try {
    finishUnfinished(path, file);
    const before = leftOut(file);
    if (fstatSync(file).size <= limit.bytesMax) return before;
    return cut(path, file, { before, ...limit });
  } finally {
    closeSync(file);
  }
}

const besides = (path: string): string => `${path}.end`;

function cut(path: string, file: number, { before, keptBytes }: OutputLimit & { before: number }): number {
  const beside = openOrNull(besides(path), 'wx');
  if (beside === null) return before; // somebody else is at it
  const head = MARK.exec(textAt(file, 0, MARK_BYTES_MAX))?.[0].length ?? 0;
  let end = fstatSync(file).size;
  const tail = [fromLineOn(bytesAt(file, end - keptBytes, keptBytes))];
  const gone = before + end - head - (tail[0]?.length ?? 0);
  const kept = (): Buffer => Buffer.concat([Buffer.from(markOf(gone)), ...tail]);
  let isCut = false;
  try {
    writeAll(beside, kept());
    fsyncSync(beside);
    // What came meanwhile, and then at once the cut.
    for (let size = fstatSync(file).size; size > end; size = fstatSync(file).size) {
      tail.push(bytesAt(file, end, size - end));
      end = size;
    }
    ftruncateSync(file, 0);
    isCut = true;
    append(path, kept());
  } catch (error) {
    // Of a full disk, for example: the file is as it was.
    if (!isCut) unlinkSync(besides(path));
    throw error;
  } finally {
    closeSync(beside);
  }
  unlinkSync(besides(path));
  return gone;
}

/** Of a cut that was killed: its end is either in the file, or only beside it. */
function finishUnfinished(path: string, file: number): void {
  const beside = openOrNull(besides(path), 'r');
  if (beside === null) return;
  try {
    const { size, mtimeMs } = fstatSync(beside);
    if (realClock.nowMs() - mtimeMs < UNFINISHED_MS) return;
    const kept = bytesAt(beside, 0, size);
    const mark = MARK.exec(kept.toString('latin1', 0, MARK_BYTES_MAX))?.[0];
    // Without a whole mark nothing was cut yet, and a file that holds more than what was kept is whole.
    const isCut = mark !== undefined && statSync(path).size < size && !textAt(file, 0, MARK_BYTES_MAX).startsWith(mark);
    if (isCut) append(path, kept);
    unlinkSync(besides(path));
  } finally {
    closeSync(beside);
  }
}

/** How much was left out before; 0 where nothing was. */
function leftOut(file: number): number {
  return Number(MARK.exec(textAt(file, 0, MARK_BYTES_MAX))?.[1] ?? 0);
}

const markOf = (bytes: number): string => `[shipway: ${bytes} bytes before this line were left out]\n`;

/** A line without its beginning would be taken for another. One that is longer than all that is kept stays cut. */
function fromLineOn(bytes: Buffer): Buffer {
  const lineEnd = bytes.indexOf('\n');
  return lineEnd < 0 || lineEnd === bytes.length - 1 ? bytes : bytes.subarray(lineEnd + 1);
}

function textAt(file: number, from: number, bytes: number): string {
  return bytesAt(file, from, bytes).toString('latin1');
}

function bytesAt(file: number, from: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let read = 0;
  while (read < bytes) {
    const more = readSync(file, buffer, read, bytes - read, from + read);
    if (more === 0) break;
    read += more;
  }
  return buffer.subarray(0, read);
}

/** As the program does: at the end, wherever that is now. */
function append(path: string, bytes: Buffer): void {
  const file = openSync(path, 'a');
  try {
    writeAll(file, bytes);
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}

/** Null when it is not there, when it is there already and must be new, or when it is not ours to change. */
function openOrNull(path: string, flags: 'r' | 'r+' | 'wx'): number | null {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if (['ENOENT', 'EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(errorCode(error))) return null;
    throw error;
  }
}
