import { createHash, randomBytes } from 'node:crypto';
import type { Codec, SealedObject } from '../../../core/backup/manifest.ts';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { BlockFault, decryptWhole, encryptWhole, keyOfObject } from './blocks.ts';
import { bytesIn, isUnpackError, mayShrink, packWhole, unpackWhole } from './codecs.ts';

const KEY_BYTES = 32;

/** What packing must save at least: below that the time to unpack is not worth it. */
const SAVED_SHARE_MIN = 0.02;

export function newObjectKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** Packs and encrypts an object (without a key: packs it), and returns what the manifest says of it and what goes into the vault. */
export async function sealObject(
  path: string,
  raw: Buffer,
  key: Buffer | null,
): Promise<{ object: SealedObject; stored: Buffer[] }> {
  const { codec, content } = await packed(raw);
  const stored = key === null ? content : encryptWhole(content, keyOfObject(key, path));
  const hash = createHash('sha256');
  for (const chunk of stored) hash.update(chunk);
  const sha256 = hash.digest('hex');
  return { object: { path, bytes: raw.length, stored: { codec, bytes: bytesIn(stored), sha256 } }, stored };
}

async function packed(raw: Buffer): Promise<{ codec: Codec; content: Buffer[] }> {
  if (!(await mayShrink(raw))) return { codec: 'none', content: [raw] };
  const found = await packWhole(raw);
  return bytesIn(found.content) <= raw.length * (1 - SAVED_SHARE_MIN) ? found : { codec: 'none', content: [raw] };
}

/** The bytes of an object from those in the vault. Throws `backup-invalid` unless every byte on the way is the one that was sealed. */
export async function openObject(
  { path, bytes, stored }: SealedObject,
  found: Buffer,
  key: Buffer | null,
): Promise<Buffer> {
  if (found.length !== stored.bytes || createHash('sha256').update(found).digest('hex') !== stored.sha256)
    throw invalid('is not as it was sealed', path);
  try {
    const content = key === null ? found : decryptWhole(found, keyOfObject(key, path));
    const raw = await unpackWhole(stored.codec, content, bytes);
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
