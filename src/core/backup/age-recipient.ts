const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
// 32 bytes are 52 characters of 5 bits, and 6 are the checksum.
const RECIPIENT = /^age1([02-9ac-hj-np-z]{58})$/;

/** Whether the text is an age X25519 recipient whose checksum (BIP 173) holds: a slip of one character is found before anything is encrypted for nobody. */
export function isAgeRecipient(text: string): boolean {
  const [, data] = RECIPIENT.exec(text) ?? [];
  if (data === undefined) return false;
  const values = Array.from(data, (character) => ALPHABET.indexOf(character));
  // The four bits that 32 bytes leave over are 0, so that every recipient has one spelling.
  if (((values[51] ?? 0) & 0b1111) !== 0) return false;
  return checksum([...expanded('age'), ...values]) === 1;
}

function expanded(prefix: string): number[] {
  const codes = Array.from(prefix, (character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function checksum(values: readonly number[]): number {
  return values.reduce((sum, value) => {
    const top = sum >> 25;
    const next = ((sum & 0x1ffffff) << 5) ^ value;
    return GENERATORS.reduce((mixed, generator, bit) => ((top >> bit) & 1 ? mixed ^ generator : mixed), next);
  }, 1);
}
