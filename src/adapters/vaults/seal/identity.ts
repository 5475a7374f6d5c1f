import { problem } from '../../../core/release/problem.ts';

const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/;

/** A new pair: the recipient may be known to all, the identity reads what is encrypted for it. */
export async function newIdentity(): Promise<{ recipient: string; identity: string }> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

export function isIdentity(text: string): boolean {
  return IDENTITY.test(text);
}

/** The identity in a key file as `age-keygen` and `shipway backup keygen` write it: comments, and one line. */
export function identityIn(text: string, where: string): string {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const [only = '', second] = found;
  if (second === undefined && isIdentity(only)) return only;
  // What stands there instead may be a secret of another sort, so it is not shown.
  throw problem('config-invalid', 'it does not hold one age identity', {
    where,
    next: 'Name a file with one line that begins with AGE-SECRET-KEY-1, or that line itself: shipway backup keygen makes one.',
  });
}
