import { createHash } from 'node:crypto';

// Hashes are lower-case hexadecimal text here, so that they compare, print and travel in JSON alike.

/** The hash before the first entry: SHA-256 of the ASCII text "shipway journal 1". */
export const GENESIS_HASH = '578bec0d1a6a083c945d9198affbf403e47af35e72812240c7d36cf259837dd8';

/** SHA-256 over the 32 bytes of the hash before and the bytes of the entry: fixes the entry and everything before it. */
export function chainHash(previousHash: string, bytes: string | Uint8Array): string {
  return createHash('sha256').update(previousHash, 'hex').update(bytes).digest('hex');
}

/** RFC 6962 leaf hash of the entry alone: SHA-256 over a zero byte and its bytes. */
export function leafHash(bytes: string | Uint8Array): string {
  return createHash('sha256').update(LEAF_PREFIX).update(bytes).digest('hex');
}

const LEAF_PREFIX = new Uint8Array([0]); // keeps leaves apart from the inner nodes of a Merkle tree, which begin with 1
