import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf, openForReading, type FileFacts, type OpenFile } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { ObjectPool } from './object-pool.ts';
import type { Found } from './walk-tree.ts';
import { PIECE_BYTES, pieceBytes, pieceCount, type Piece } from './piece-index.ts';

const TRIES = 4; // one and three retries: a file that changes in each of them is a log or a database, and needs its own kind of store
const RETRY_PAUSE_MS = 50;

/** A file that stayed the same while it was read. */
export interface ReadFile {
  facts: FileFacts;
  pieces: Piece[];
}

/** Reads a file into the pool, piece by piece; null when it has vanished. Throws when it changed during every try. */
export async function readPieces(
  { path, facts }: Found,
  projectDirectory: string,
  pool: ObjectPool,
  effect: Effect,
): Promise<ReadFile | null> {
  const source = join(projectDirectory, path);
  // As it was found, most of the time; then it is looked at once only, afterwards.
  const asFound = await readOnce(source, pool, facts);
  if (asFound !== 'torn') return asFound === 'vanished' ? null : asFound;
  for (let tries = 1; tries <= TRIES; tries += 1) {
    effect.signal.throwIfAborted();
    const found = await readOnce(source, pool, null);
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
  pool: ObjectPool,
  known: FileFacts | null,
): Promise<ReadFile | 'torn' | 'vanished'> {
  const input = await openOrVanished(source);
  if (input === null) return 'vanished';
  try {
    const before = known ?? (await input.facts());
    if (before.type !== 'file') return 'torn';
    const pieces: Piece[] = [];
    const count = pieceCount(before.bytes);
    for (let index = 0; index < count; index += 1) {
      const content = await pool.room(pieceBytes(before.bytes, index));
      const isWhole = await isFilled(input, content, index * PIECE_BYTES);
      // Before the last piece is given away: a small file that changed meanwhile leaves no trace in its pack.
      if (!isWhole || (index === count - 1 && !(await isSame(input, before)))) {
        pool.drop(content);
        return 'torn';
      }
      pieces.push(await pool.put(content));
    }
    if (count === 0 && !(await isSame(input, before))) return 'torn';
    return { facts: before, pieces };
  } finally {
    await input.close();
  }
}

async function isSame(input: OpenFile, before: FileFacts): Promise<boolean> {
  await gap('stores.files.read');
  const after = await input.facts();
  return after.bytes === before.bytes && after.mtimeNs === before.mtimeNs && after.identity === before.identity;
}

async function openOrVanished(source: string): Promise<OpenFile | null> {
  try {
    return await openForReading(source);
  } catch (error) {
    if ((await factsOf(source)) === null) return null;
    throw error;
  }
}

/** False when the file ends before the piece does. */
async function isFilled(input: OpenFile, content: Buffer, from: number): Promise<boolean> {
  for (let done = 0; done < content.length;) {
    const count = await input.read(content.subarray(done), from + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** The hash of every piece of a file that nobody writes. */
export async function pieceHashes(path: string): Promise<string[]> {
  const input = await openForReading(path);
  try {
    const { bytes } = await input.facts();
    const space = Buffer.allocUnsafeSlow(pieceBytes(bytes, 0));
    const hashes: string[] = [];
    for (let index = 0; index < pieceCount(bytes); index += 1) {
      const content = space.subarray(0, pieceBytes(bytes, index));
      if (!(await isFilled(input, content, index * PIECE_BYTES))) return [];
      hashes.push(createHash('sha256').update(content).digest('hex'));
    }
    return hashes;
  } finally {
    await input.close();
  }
}
