import { pipeline } from 'node:stream/promises';
import type { Part, StoredFile } from '../../../core/backup/manifest.ts';
import { encryptBlocks, keyOfPart, type PartName } from './blocks.ts';
import { packer } from './codecs.ts';
import { chunksOf, createMeter, flowInto, until } from './part-files.ts';
import { FRAME_BYTES } from './zstd-stream.ts';

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
  // In pieces of a frame: then none has to be put together.
  const source = typeof order.from === 'string' ? chunksOf(order.from, FRAME_BYTES) : [order.from];
  const { codec, stage } = await packer();
  await flowInto(order.to, (sink) => pipeline(raw.watch(until(order.signal, source)), stage, locked, sink, options));
  const before: StoredFile = raw.facts();
  return { path: name.path, ...before, stored: { codec, ...stored.facts() } };
}
