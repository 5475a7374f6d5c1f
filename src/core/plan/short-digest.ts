import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'; // base32 as in RFC 4648, lower case

/** Six characters that are always the same for the same text: 30 bits, enough to tell the backups of one second apart. */
export function shortDigest(text: string): string {
  const bytes = createHash('sha256').update(text).digest();
  return Array.from({ length: 6 }, (_, place) => ALPHABET[(bytes[place] ?? 0) % 32]).join('');
}
