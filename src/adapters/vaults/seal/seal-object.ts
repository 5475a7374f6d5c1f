import { createHash, randomBytes } from 'node:crypto';
import type { Codec, SealedObject } from '../../../core/backup/manifest.ts';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { BlockFault, decryptWhole, encryptedBytes, encryptWhole, keyOfObject } from './blocks.ts';
import { isUnpackError, PACKED_WITH, packWhole, unpackWhole } from './codecs.ts';

const KEY_BYTES = 32;

/** What packing must save at least: below that the time to unpack is not worth it. */
const SAVED_SHARE_MIN = 0.02;

export function newObjectKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** What an encrypted object of so many bytes can take at most. */
export function spaceFor(bytes: number): number {
  return encryptedBytes(bytes);
}

/**
 * Packs and encrypts an object (without a key: packs it), and returns what the manifest says of it. What goes into the vault may lie in
 * `space`, which is used again for every object: new memory for each costs as much time as the encryption.
 */
export async function sealObject(
  path: string,
  raw: Buffer,
  key: Buffer | null,
  space: Buffer,
): Promise<{ object: SealedObject; stored: Buffer }> {
  const packed = await packWhole(raw);
  const isWorthIt = packed.length <= raw.length * (1 - SAVED_SHARE_MIN);
  const codec: Codec = isWorthIt ? PACKED_WITH : 'none';
  const content = isWorthIt ? packed : raw;
  const stored = key === null ? content : encryptWhole(content, keyOfObject(key, path), space);
  const sha256 = createHash('sha256').update(stored).digest('hex');
  return { object: { path, bytes: raw.length, stored: { codec, bytes: stored.length, sha256 } }, stored };
}

/** The bytes of an object from those in the vault. Throws `backup-invalid` unless every byte on the way is the one that was sealed. */
export async function openObject(
  { path, bytes, stored }: SealedObject,
  found: Buffer,
  lock: { key: Buffer; blockBytes: number } | null,
): Promise<Buffer> {
  if (found.length !== stored.bytes || createHash('sha256').update(found).digest('hex') !== stored.sha256)
    throw invalid('is not as it was sealed', path);
  try {
    const packed = lock === null ? found : decryptWhole(found, keyOfObject(lock.key, path), lock.blockBytes);
    const raw = await unpackWhole(stored.codec, packed, bytes);
    if (raw.length === bytes) return raw;
  } catch (error) {
    if (error instanceof BlockFault) throw invalid('was changed, cut off, or has another key', path);
    if (!isUnpackError(error)) throw error;
  }
  throw invalid('cannot be unpacked', path);
}

function invalid(what: string, path: string): Problem {
  return problem('backup-invalid', `object ${path} ${what}`, {
    where: path,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
