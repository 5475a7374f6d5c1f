import { pipeline } from 'node:stream/promises';
import { storedOf, type Part } from '../../../core/backup/manifest.ts';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { BlockFault, decryptBlocks, keyOfPart, TAG_BYTES, type PartName } from './blocks.ts';
import { isUnpackError, unpacker } from './codecs.ts';
import { UnpackFault } from './zstd-frame.ts';
import { chunksOf, createMeter, flowInto, isCutOff } from './part-files.ts';

export interface OpenOrder {
  from: string;
  part: Part;
  backup: string;
  /** null: it is not encrypted. */
  lock: { dataKey: Buffer; blockBytes: number } | null;
}

type Chunks = AsyncIterable<Buffer>;
type Sink = (source: Chunks) => Promise<void>;

/** Decrypts and unpacks one part into a new file, piece by piece. Throws `backup-invalid` unless every byte on the way is the one that was sealed. */
export async function openPart(order: OpenOrder & { to: string }): Promise<void> {
  await open(order, (run) => flowInto(order.to, run));
}

/** The same into nowhere: whether it could be opened. */
export async function checkPart(order: OpenOrder): Promise<void> {
  const forget: Sink = async (source) => {
    for await (const _chunk of source); // compared on the way
  };
  await open(order, (run) => run(forget));
}

/** The same into memory, for parts that must not lie plain on a disk. */
export async function readPart(order: OpenOrder): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect: Sink = async (source) => {
    for await (const chunk of source) chunks.push(chunk);
  };
  await open(order, (run) => run(collect));
  return Buffer.concat(chunks);
}

async function open(order: OpenOrder, flow: (run: (sink: Sink) => Promise<void>) => Promise<void>): Promise<void> {
  const { part, lock } = order;
  const name: PartName = { backup: order.backup, path: part.path };
  const stored = createMeter();
  const raw = createMeter();
  const unpack = await unpacker(storedOf(part).codec, part.bytes);
  const decrypted = (source: Chunks): Chunks =>
    lock === null ? source : decryptBlocks(source, keyOfPart(lock.dataKey, name), lock.blockBytes);
  const measured = (source: Chunks): Chunks => raw.watch(limited(source, order));
  // In pieces of a block: then none has to be put together.
  const from = stored.watch(chunksOf(order.from, lock === null ? undefined : lock.blockBytes + TAG_BYTES));
  try {
    await flow((sink) => {
      const write = (source: Chunks): Promise<void> => sink(measured(source));
      return unpack === null ? pipeline(from, decrypted, write) : pipeline(from, decrypted, unpack, write);
    });
  } catch (error) {
    throw faultOf(error, order);
  }
  for (const [is, said] of [
    [stored.facts(), storedOf(part)],
    [raw.facts(), part],
  ] as const) {
    if (is.sha256 !== said.sha256 || is.bytes !== said.bytes) throw invalid('is not as it was sealed', order);
  }
}

/** A few bytes can unpack to any number of them: what is more than the part had is never written. */
async function* limited(source: Chunks, order: OpenOrder): Chunks {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > order.part.bytes) throw tooLarge(order);
    yield chunk;
  }
}

function faultOf(error: unknown, order: OpenOrder): unknown {
  if (error instanceof BlockFault) {
    return invalid(
      `was changed, cut off, or belongs to another backup: block ${error.block} cannot be decrypted`,
      order,
    );
  }
  const tooMuch = error instanceof UnpackFault ? error.tooMuch : null;
  if (tooMuch === 'content') return tooLarge(order);
  // Nobody else cuts it off: the packed data had ended, and there was more.
  if (tooMuch === 'bytes' || isCutOff(error)) return invalid('goes on behind its end', order);
  return isUnpackError(error) ? invalid('cannot be unpacked', order) : error;
}

function tooLarge(order: OpenOrder): Problem {
  return invalid(`unpacks to more than its ${order.part.bytes} bytes`, order);
}

function invalid(what: string, { part, from }: OpenOrder): Problem {
  return problem('backup-invalid', `part ${part.path} ${what}`, {
    where: from,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
