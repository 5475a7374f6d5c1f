import { z } from 'zod';
import { isAgeRecipient } from '../backup/age-recipient.ts';
import { isSigner } from '../backup/signer.ts';
import type { BackupKeys } from './service-config.ts';

/** More is a slip: each of them can read everything. */
const RECIPIENTS_MAX = 20;
const EXAMPLE = 'age1hry635hhy4fl7p85v4lcy6e7f6lm5u48eh0f80ghjnpl329lh4xsqktw5e';

const recipient = () =>
  z
    .string()
    .refine(
      isAgeRecipient,
      'is not an age recipient\nWrite what `shipway backup keygen` printed: age1 and 58 characters.',
    );

const identity = () =>
  z
    .string()
    .min(1, 'is empty\nWrite $NAME of a variable, or a path.')
    .max(1024)
    .refine(
      (text) => !/AGE-SECRET-KEY-/i.test(text),
      'is the identity itself, which has no place in a file that others read\nPut it into a variable and write $NAME, or into a file (0600) and write its path.',
    );

/** `backups.encryption`. */
export function encryptionWords() {
  return z.strictObject({
    recipients: z
      .array(recipient())
      .min(1, 'is empty\nName at least one recipient, or leave out encryption.')
      .max(RECIPIENTS_MAX)
      .refine((all) => new Set(all).size === all.length, 'names a recipient twice\nRemove one of them.')
      .describe('Who can read the backups: age recipients. Their identities belong on another machine.')
      .meta({ examples: [[EXAMPLE]] }),
    identity: identity()
      .optional()
      .describe(
        'Where the identity is that reads them, asked for only when an encrypted backup is opened: $NAME of a variable that holds it or a path, or a path.',
      )
      .meta({ examples: ['$SHIPWAY_BACKUP_IDENTITY'] }),
  });
}

/** `backups.signers`. */
export function signersWords() {
  return z
    .array(
      z
        .string()
        .refine(isSigner, 'is not a signer\nWrite it as `shipway backup show` prints it: ed25519: and 64 hex digits.'),
    )
    .max(RECIPIENTS_MAX)
    .describe('Keys of other machines that may sign backups of this service; the own key is always trusted.')
    .meta({ examples: [[`ed25519:${'5f'.repeat(32)}`]] });
}

interface Written {
  encryption?: z.output<ReturnType<typeof encryptionWords>> | undefined;
  signers?: string[] | undefined;
}

/** null when the file says nothing of keys: backups are then signed with the own key and not encrypted. */
export function backupKeysOf(written: Written | undefined): BackupKeys | null {
  const { encryption, signers = [] } = written ?? {};
  if (encryption === undefined && signers.length === 0) return null;
  return { recipients: encryption?.recipients ?? [], identity: encryption?.identity ?? null, signers };
}
