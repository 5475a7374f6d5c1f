import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { createByteQueue } from './byte-queue.ts';

// Blocks in the way of the STREAM construction: every block has its own nonce, which holds its number and whether it is the last. So blocks
// cannot be taken away, added, exchanged or put in another order, and the end cannot be cut off, without a block failing.

/** Bytes of a block before it is encrypted: what is held at once, several times over. */
export const BLOCK_BYTES = 256 * 1024;
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';

/** Which part of which backup; bound to every block, so that a part of another backup is not taken for it. */
export interface PartName {
  backup: string;
  path: string;
}

/** The key of what is encrypted, and what every block of it is bound to. */
export interface BlockKey {
  key: Buffer;
  bound: Buffer;
}

export type Chunks = AsyncIterable<Buffer> | Iterable<Buffer>;

/** A block failed: it was changed, or is not the block that belongs there. */
export class BlockFault extends Error {
  readonly block: number;
  constructor(block: number) {
    super(`block ${block} does not belong there`);
    this.block = block;
  }
}

/** The key of one part, from the data key of its backup. */
export function keyOfPart(dataKey: Buffer, { backup, path }: PartName): BlockKey {
  const key = Buffer.from(hkdfSync('sha256', dataKey, backup, `shipway backup part\n${path}`, KEY_BYTES));
  return { key, bound: Buffer.from(`${backup}\n${path}`, 'utf8') };
}

/** An object has a key of its own and belongs to no backup: every backup that holds it knows its key. */
export function keyOfObject(key: Buffer, path: string): BlockKey {
  return { key, bound: Buffer.from(`shipway object\n${path}`, 'utf8') };
}

/** Six bytes hold the number: 2^48 blocks are more than any disk. */
function nonceOf(block: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(block, 5, 6);
  nonce.writeUInt8(isLast ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}

/** Encrypts block after block; holds one of them at a time. */
export async function* encryptBlocks(source: Chunks, lock: BlockKey): AsyncGenerator<Buffer> {
  for await (const { block, ...place } of inBlocks(source, BLOCK_BYTES)) yield* encryptBlock([block], place, lock);
}

/** Encrypts what is in memory as a whole, as the one block that it is: its contents, one after the other, and the tag. */
export function encryptWhole(contents: readonly Buffer[], lock: BlockKey): Buffer[] {
  return encryptBlock(contents, { number: 0, isLast: true }, lock);
}

function encryptBlock(contents: readonly Buffer[], place: Omit<Block, 'block'>, { key, bound }: BlockKey): Buffer[] {
  const cipher = createCipheriv(CIPHER, key, nonceOf(place.number, place.isLast)).setAAD(bound);
  const encrypted = contents.map((content) => cipher.update(content));
  cipher.final();
  return [...encrypted, cipher.getAuthTag()];
}

/** Gives out only blocks that are the right ones in the right place; throws a BlockFault otherwise, also when the end is missing. */
export async function* decryptBlocks(source: Chunks, lock: BlockKey, blockBytes: number): AsyncGenerator<Buffer> {
  for await (const block of inBlocks(source, blockBytes + TAG_BYTES)) yield decryptBlock(block, lock);
}

/** The content of `encryptWhole`; throws a BlockFault when it is not what was encrypted. */
export function decryptWhole(source: Buffer, lock: BlockKey): Buffer {
  return decryptBlock({ block: source, number: 0, isLast: true }, lock);
}

function decryptBlock({ block, number, isLast }: Block, { key, bound }: BlockKey): Buffer {
  if (block.length < TAG_BYTES) throw new BlockFault(number);
  const decipher = createDecipheriv(CIPHER, key, nonceOf(number, isLast), { authTagLength: TAG_BYTES });
  decipher.setAAD(bound).setAuthTag(block.subarray(block.length - TAG_BYTES));
  const plain = decipher.update(block.subarray(0, block.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw new BlockFault(number);
  }
  return plain;
}

export interface Block {
  block: Buffer;
  number: number;
  isLast: boolean;
}

/** All blocks but the last are full; nothing at all is one empty block. */
export async function* inBlocks(source: Chunks, size: number): AsyncGenerator<Block> {
  const queue = createByteQueue();
  let number = 0;
  for await (const chunk of source) {
    queue.push(chunk);
    // A full block is the last one if nothing follows, so it waits for the next byte.
    for (; queue.length > size; number += 1) yield { block: queue.take(size), number, isLast: false };
  }
  yield { block: queue.take(queue.length), number, isLast: true };
}
