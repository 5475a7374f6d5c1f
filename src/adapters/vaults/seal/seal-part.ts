import { pipeline } from 'node:stream/promises';
import type { Part, StoredFile } from '../../../core/backup/manifest.ts';
import { encryptBlocks, keyOfPart, type PartName } from './blocks.ts';
import { PACKED_WITH, packer } from './codecs.ts';
import { chunksOf, createMeter, flowInto } from './part-files.ts';

export interface SealOrder {
  /** The file as the store wrote it, or the bytes themselves. */
  from: string | Buffer;
  /** Where it goes, packed and encrypted; nothing is there yet. */
  to: string;
  name: PartName;
  /** null: packed only. */
  dataKey: Buffer | null;
  signal: AbortSignal | undefined;
}

/** Packs and encrypts one part, piece by piece, and returns what the manifest says of it. */
export async function sealPart(order: SealOrder): Promise<Part> {
  const { name, dataKey } = order;
  const raw = createMeter();
  const stored = createMeter();
  const locked = (source: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
    stored.watch(dataKey === null ? source : encryptBlocks(source, keyOfPart(dataKey, name)));
  const options = order.signal === undefined ? {} : { signal: order.signal };
  const source = typeof order.from === 'string' ? chunksOf(order.from) : oneChunk(order.from);
  await flowInto(order.to, (sink) => pipeline(raw.watch(source), packer(), locked, sink, options));
  const before: StoredFile = raw.facts();
  return { path: name.path, ...before, stored: { codec: PACKED_WITH, ...stored.facts() } };
}

async function* oneChunk(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes;
}
