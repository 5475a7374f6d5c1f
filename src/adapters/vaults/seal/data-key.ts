import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { problem } from '../../../core/release/problem.ts';

const KEY_BYTES = 32;

export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** Encrypts the data key of a backup for the recipients, in the form of age: who has one of their identities reads it with any age program. */
export async function wrapDataKey(backup: string, dataKey: Buffer, recipients: readonly string[]): Promise<Buffer> {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(keyText(backup, dataKey)));
}

/** What is wrapped: bound to its backup, so that the keys of another one are named as what they are. */
function keyText(backup: string, dataKey: Buffer): string {
  return canonicalize({ format: 1, backup, key: dataKey.toString('hex') }) ?? '';
}

/** The data key that `keys.age` holds. Throws `not-permitted` when the identity is none of the recipients'. */
export async function unwrapDataKey(
  wrapped: Buffer,
  { backup, identity, where }: { backup: string; identity: string; where: string },
): Promise<Buffer> {
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  let text: string;
  try {
    text = await decrypter.decrypt(new Uint8Array(wrapped), 'text');
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    if (said.startsWith('no identity matched')) throw wrongIdentity(backup);
    throw problem('backup-invalid', 'the keys of the backup cannot be read', { where, next: NEXT, cause: error });
  }
  const key = parseKey(text, backup);
  if (key !== null) return key;
  throw problem('backup-invalid', 'the keys are those of another backup', { where, next: NEXT });
}

const NEXT = 'Use another backup: shipway backup list shows them.';

function wrongIdentity(backup: string): Error {
  return problem('not-permitted', 'the backup is encrypted for others: this identity opens none of its keys', {
    where: backup,
    next: 'Set backups.encryption.identity to the identity of one of those whom `shipway backup show` names.',
  });
}

/** The key in the text, if it is the one of this backup. */
export function parseKey(text: string, backup: string): Buffer | null {
  try {
    const value = JSON.parse(text) as { backup: unknown; key: unknown };
    const isKey = value.backup === backup && typeof value.key === 'string' && /^[0-9a-f]{64}$/.test(value.key);
    return isKey ? Buffer.from(value.key as string, 'hex') : null;
  } catch {
    return null;
  }
}
