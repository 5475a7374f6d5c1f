import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

// Blocks in the way of the STREAM construction: every block has its own nonce, which holds its number and whether it is the last. So blocks
// cannot be taken away, added, exchanged or put in another order, and the end cannot be cut off, without a block failing.

/** Bytes of a block before it is encrypted: what is held at once, several times over. */
export const BLOCK_BYTES = 256 * 1024;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';

/** Which part of which backup; bound to every block, so that a part of another backup is not taken for it. */
export interface PartName {
  backup: string;
  path: string;
}

type Chunks = AsyncIterable<Buffer>;

/** A block failed: it was changed, or is not the block that belongs there. */
export class BlockFault extends Error {
  readonly block: number;
  constructor(block: number) {
    super(`block ${block} does not belong there`);
    this.block = block;
  }
}

/** The key of one part, from the data key of its backup. */
function partKey(dataKey: Buffer, { backup, path }: PartName): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, backup, `shipway backup part\n${path}`, KEY_BYTES));
}

function boundData({ backup, path }: PartName): Buffer {
  return Buffer.from(`${backup}\n${path}`, 'utf8');
}

/** Six bytes hold the number: 2^48 blocks are more than any disk. */
function nonceOf(block: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(block, 5, 6);
  nonce.writeUInt8(isLast ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}

/** Encrypts block after block; holds one of them at a time. */
export async function* encryptBlocks(source: Chunks, dataKey: Buffer, name: PartName): Chunks {
  const [key, bound] = [partKey(dataKey, name), boundData(name)];
  for await (const { block, number, isLast } of inBlocks(source, BLOCK_BYTES)) {
    const cipher = createCipheriv(CIPHER, key, nonceOf(number, isLast)).setAAD(bound);
    yield cipher.update(block);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/** Gives out only blocks that are the right ones in the right place; throws a BlockFault otherwise, also when the end is missing. */
export async function* decryptBlocks(
  source: Chunks,
  { dataKey, blockBytes }: { dataKey: Buffer; blockBytes: number },
  name: PartName,
): Chunks {
  const [key, bound] = [partKey(dataKey, name), boundData(name)];
  for await (const { block, number, isLast } of inBlocks(source, blockBytes + TAG_BYTES)) {
    if (block.length < TAG_BYTES) throw new BlockFault(number);
    const decipher = createDecipheriv(CIPHER, key, nonceOf(number, isLast), { authTagLength: TAG_BYTES });
    decipher.setAAD(bound).setAuthTag(block.subarray(block.length - TAG_BYTES));
    const plain = decipher.update(block.subarray(0, block.length - TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new BlockFault(number);
    }
    yield plain;
  }
}

interface Block {
  block: Buffer;
  number: number;
  isLast: boolean;
}

/** All blocks but the last are full; nothing at all is one empty block. */
async function* inBlocks(source: Chunks, size: number): AsyncGenerator<Block> {
  let pending: Buffer[] = [];
  let bytes = 0;
  let number = 0;
  for await (const chunk of source) {
    pending.push(chunk);
    bytes += chunk.length;
    // A full block is the last one if nothing follows, so it waits for the next byte.
    if (bytes <= size) continue;
    const whole = Buffer.concat(pending);
    let from = 0;
    for (; whole.length - from > size; from += size, number += 1) {
      yield { block: whole.subarray(from, from + size), number, isLast: false };
    }
    pending = [whole.subarray(from)];
    bytes = whole.length - from;
  }
  yield { block: Buffer.concat(pending), number, isLast: true };
}
