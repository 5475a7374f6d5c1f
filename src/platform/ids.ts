import { randomBytes } from 'node:crypto';

// RFC 4648 in lower case: survives DNS labels, file systems that ignore case, and being read aloud.
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** A random id in lower-case base32; 6 bytes give 10 characters, a collision in a million ids has a chance of 1 in 560. */
export function randomId(bytes = 6): string {
  let bits = 0;
  let value = 0;
  let id = '';
  for (const byte of randomBytes(bytes)) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += ALPHABET[(value >> bits) & 31];
    }
  }
  return bits > 0 ? id + ALPHABET[(value << (5 - bits)) & 31] : id;
}
