import { inBlocks, type Chunks } from './blocks.ts';
import { createByteQueue, type ByteQueue } from './byte-queue.ts';
import { measureFrame, UnpackFault, type FrameFacts } from './zstd-frame.ts';
import type { PackFrame, UnpackFrame } from './zstd.ts';

/** Bytes of a frame before it is packed: of 512 KiB the packed size is 1.5 % more, of 4 MiB 1 % less, and several frames are in memory. */
export const FRAME_BYTES = 1024 * 1024;

/** What a frame of a part may unpack to, whoever wrote it. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/** Frames that are packed or unpacked while others are hashed and encrypted: one for each core of a small machine. */
const AT_ONCE = 2;

/** Packs what flows by as frames one after the other: one at least, and of nothing one that is empty. */
export function packFrames(pack: PackFrame): (source: Chunks) => AsyncGenerator<Buffer> {
  return async function* (source) {
    for await (const frame of ahead(inBlocks(source, FRAME_BYTES), ({ block }) => pack(block))) yield* frame;
  };
}

/** Unpacks frames one after the other; never to more than that in all, and of each it is known before it is unpacked. */
export function unpackFrames(unpack: UnpackFrame, bytesMax: number): (source: Chunks) => AsyncGenerator<Buffer> {
  return (source) => ahead(framesIn(source, bytesMax), ({ content, bytes }) => unpack(content, bytes));
}

/** Does it with some at once, and gives out the results in the order of what came. */
async function* ahead<In, Out>(source: AsyncIterable<In>, act: (one: In) => Promise<Out>): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  for await (const one of source) {
    const work = act(one);
    work.catch(() => undefined); // looked at when its turn comes; an earlier one may end everything before
    running.push(work);
    if (running.length >= AT_ONCE) yield (await running.shift()) as Out;
  }
  for (const work of running) yield await work;
}

interface Frame {
  content: Buffer;
  /** What it unpacks to. */
  bytes: number;
}

/** Holds one frame at a time, and what came with its end. */
async function* framesIn(source: Chunks, bytesMax: number): AsyncGenerator<Frame> {
  const queue = createByteQueue();
  let left = bytesMax;
  let count = 0;
  for await (const chunk of source) {
    queue.push(chunk);
    for (let next = nextFrame(queue, left, count); next !== null; next = nextFrame(queue, left, count)) {
      yield { content: queue.take(next.end), bytes: next.bytes };
      left -= next.bytes;
      count += 1;
    }
  }
  if (queue.length > 0 || count === 0) throw new UnpackFault('a frame without its end');
}

/** null: its end has not come yet. */
function nextFrame(queue: ByteQueue, left: number, count: number): FrameFacts | null {
  if (queue.length > 0 && left === 0 && count > 0) throw new UnpackFault('more than its frames', { tooMuch: 'bytes' });
  const next = measureFrame(queue, Math.min(left, FRAME_BYTES_MAX));
  // Any number of empty ones would fit everywhere.
  if (next?.bytes === 0 && left > 0) throw new UnpackFault('an empty frame among others');
  return next !== null && next.end <= queue.length ? next : null;
}
