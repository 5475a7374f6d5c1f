import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf, openForReading, openSmall, type FileFacts, type ReadableFile } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { ObjectPool } from './object-pool.ts';
import type { Found } from './walk-tree.ts';
import { cut, PIECE_BYTES_MAX, type CutFile, type Piece } from './piece-index.ts';

const TRIES = 4; // one and three retries: a file that changes in each of them is a log or a database, and needs its own kind of store
const RETRY_PAUSE_MS = 50;

/** Read without handing it to another thread and back, which for such a file takes longer than to read it. */
const SMALL_BYTES = 1024 * 1024;

/** A file that stayed the same while it was read. */
export interface ReadFile extends CutFile {
  facts: FileFacts;
}

interface Reading {
  projectDirectory: string;
  pool: ObjectPool;
  /** How large its pieces are when it has so many bytes. */
  sizeFor: (bytes: number) => number;
}

/** Reads a file into the pool, piece by piece; null when it has vanished. Throws when it changed during every try. */
export async function readPieces({ path, facts }: Found, reading: Reading, effect: Effect): Promise<ReadFile | null> {
  const source = join(reading.projectDirectory, path);
  // As it was found, most of the time; then it is looked at once only, afterwards.
  const asFound = await readOnce(source, reading, facts);
  if (asFound !== 'torn') return asFound === 'vanished' ? null : asFound;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    effect.signal.throwIfAborted();
    const found = await readOnce(source, reading, null);
    if (found === 'vanished') return null;
    if (found !== 'torn') return found;
    await effect.clock.sleep(RETRY_PAUSE_MS, effect.signal);
  }
  throw problem('backup-failed', `${path} is torn: it changed during each of ${TRIES} reads`, {
    where: source,
    next: 'Exclude the file, or let the service stop writing to it while a backup is taken.',
    retry: true,
  });
}

/** `known`: what it has to be; null: whatever it is when it is opened. */
async function readOnce(
  source: string,
  { pool, sizeFor }: Reading,
  known: FileFacts | null,
): Promise<ReadFile | 'torn' | 'vanished'> {
  const input = await openOrVanished(source, known !== null && known.bytes <= SMALL_BYTES);
  if (input === null) return 'vanished';
  try {
    const before = known ?? (await input.facts());
    if (before.type !== 'file') return 'torn';
    const pieceBytes = sizeFor(before.bytes);
    const pieces: Piece[] = [];
    for (const { from, to } of runsOf(before.bytes)) {
      const content = pool.room(to - from);
      const isWhole = await isFilled(input, content, from);
      // Before the last of it is given away: a small file that changed meanwhile leaves no trace in its pack.
      if (!isWhole || (to === before.bytes && !(await isSame(input, before)))) return 'torn';
      pieces.push(...(await pool.put(content, pieceBytes)));
    }
    if (before.bytes === 0 && !(await isSame(input, before))) return 'torn';
    return { facts: before, pieceBytes, pieces };
  } finally {
    await input.close();
  }
}

/** What is read at once: whole pieces, whatever their size is, and at the end the rest. */
function* runsOf(bytes: number): Generator<{ from: number; to: number }> {
  for (let from = 0; from < bytes; from += PIECE_BYTES_MAX) yield { from, to: Math.min(bytes, from + PIECE_BYTES_MAX) };
}

async function isSame(input: ReadableFile, before: FileFacts): Promise<boolean> {
  await gap('stores.files.read');
  const after = await input.facts();
  return after.bytes === before.bytes && after.mtimeNs === before.mtimeNs && after.identity === before.identity;
}

async function openOrVanished(source: string, isSmall: boolean): Promise<ReadableFile | null> {
  try {
    return await (isSmall ? openSmall(source) : openForReading(source));
  } catch (error) {
    if ((await factsOf(source)) === null) return null;
    throw error;
  }
}

/** False when the file ends before the piece does. */
async function isFilled(input: ReadableFile, content: Buffer, from: number): Promise<boolean> {
  for (let done = 0; done < content.length;) {
    const count = await input.read(content.subarray(done), from + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** The hash of every piece of a file that nobody writes, cut into pieces of that size. */
export async function pieceHashes(path: string, pieceBytes: number): Promise<string[]> {
  const input = await openForReading(path);
  try {
    const { bytes } = await input.facts();
    const run = Math.max(1, Math.floor(PIECE_BYTES_MAX / pieceBytes)) * pieceBytes;
    const space = Buffer.allocUnsafeSlow(Math.min(bytes, run));
    const hashes: string[] = [];
    for (let from = 0; from < bytes; from += run) {
      const content = space.subarray(0, Math.min(run, bytes - from));
      if (!(await isFilled(input, content, from))) return [];
      for (const piece of cut(content, pieceBytes)) hashes.push(createHash('sha256').update(piece).digest('hex'));
    }
    return hashes;
  } finally {
    await input.close();
  }
}
