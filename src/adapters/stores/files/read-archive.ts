import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Parser, type ReadEntry } from 'tar';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { openForReading } from '../../../platform/file-tree.ts';
import type { IndexEntry } from './file-index.ts';
import { archiveName } from './write-archive.ts';

/** Gets each entry with its content; called one after another. */
export type Receive = (entry: IndexEntry, content: AsyncIterable<Buffer>) => Promise<void>;

const CHUNK_BYTES = 1024 * 1024;
const TYPES: Record<IndexEntry['type'], string> = { file: 'File', directory: 'Directory', link: 'SymbolicLink' };

/** Reads the whole archive against its index; throws `backup-invalid` naming the first entry that differs. Nothing else is handed on. */
export async function readArchive(path: string, index: readonly IndexEntry[], receive: Receive): Promise<void> {
  let position = 0;
  let failure: unknown = null;
  let current: Promise<void> = Promise.resolve();
  let open: ReadEntry | null = null;
  const fail = (error: unknown): void => void (failure ??= error);
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const expected = index[position];
      position += 1;
      open = entry;
      // The content is always read to its end: the parser waits for it.
      current = (failure === null ? takeEntry(entry, expected, receive, path) : drain(entry)).catch(
        async (error: unknown) => {
          fail(error);
          await drain(entry);
        },
      );
    },
  });
  parser.on('error', (error: unknown) => {
    fail(invalid(`the archive is damaged: ${String(error)}`, path));
    // The parser gives up; an entry that was cut off would be waited for without end.
    open?.destroy(error);
  });
  await feed(path, parser, () => failure !== null);
  await current;
  if (failure !== null) throw isProblem(failure) ? failure : wrapped(failure, path);
  const missing = index[position];
  if (missing !== undefined) throw invalid(`${missing.path} is missing from the archive`, path);
}

async function feed(path: string, parser: Parser, isOver: () => boolean): Promise<void> {
  const file = await openForReading(path);
  const ended = new Promise<void>((resolve) => {
    parser.on('end', resolve);
    parser.on('error', () => resolve());
  });
  try {
    for (let position = 0; !isOver();) {
      const buffer = Buffer.alloc(CHUNK_BYTES); // a new one each time: the parser keeps parts of it
      const read = await file.read(buffer, position);
      if (read === 0) break;
      position += read;
      if (!parser.write(buffer.subarray(0, read)) && !isOver()) await Promise.race([once(parser, 'drain'), ended]);
    }
    parser.end();
    if (!isOver()) await ended;
  } finally {
    await file.close();
  }
}

async function takeEntry(
  entry: ReadEntry,
  expected: IndexEntry | undefined,
  receive: Receive,
  where: string,
): Promise<void> {
  if (expected === undefined)
    throw invalid(`${JSON.stringify(entry.path)} is in the archive but not in its index`, where);
  const isSame =
    entry.path === archiveName(expected) &&
    entry.type === TYPES[expected.type] &&
    (entry.linkpath ?? '') === (expected.type === 'link' ? expected.target : '') &&
    entry.size === (expected.type === 'file' ? expected.bytes : 0) &&
    entry.mode === expected.mode;
  if (!isSame)
    throw invalid(
      `${JSON.stringify(entry.path)} in the archive is not ${JSON.stringify(expected.path)} of the index`,
      where,
    );
  const hash = createHash('sha256');
  await receive(expected, hashed(entry, hash));
  await drain(entry);
  if (expected.type === 'file' && hash.digest('hex') !== expected.sha256) {
    throw invalid(`the content of ${expected.path} has changed in the archive`, where);
  }
}

async function* hashed(entry: ReadEntry, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
}

async function drain(entry: ReadEntry): Promise<void> {
  if (entry.emittedEnd) return;
  entry.resume();
  await entry.promise().catch(() => undefined);
}

function wrapped(error: unknown, where: string): Error {
  return error instanceof Error ? error : invalid(`the archive is damaged: ${String(error)}`, where);
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
