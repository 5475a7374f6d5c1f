import { formatBytes } from '../plan/format-bytes.ts';
import { formatDuration } from '../plan/format-duration.ts';

interface Described {
  id: string;
  stores: string[];
  bytes: number;
  storedBytes: number;
  /** Of the stored bytes; on the disk once, however many backups hold them. */
  sharedBytes: number;
  encryptedFor: string[];
  seconds: number;
}

/** The closing sentence of a backup: what it holds, how large, how long, how it was verified, and who can read it. */
export function describeBackup(backup: Described): string {
  const { id, stores, bytes, seconds } = backup;
  const size = `${formatBytes(bytes)} stored as ${storedWords(backup)}`;
  const proof = 'signed; opened again, every hash and every copy compared';
  return `${id}: ${stores.join(', ')}; ${size} in ${formatDuration(seconds)}; ${proof}; ${encryptionWords(backup.encryptedFor)}`;
}

/** How large it lies in the vault, and how much of that is its own. */
export function storedWords({ storedBytes, sharedBytes }: Pick<Described, 'storedBytes' | 'sharedBytes'>): string {
  const all = formatBytes(storedBytes);
  if (sharedBytes === 0) return all;
  return `${all} (${formatBytes(storedBytes - sharedBytes)} of its own, ${formatBytes(sharedBytes)} shared with backups before it)`;
}

/** For whom it is encrypted, said plainly also when it is not. */
export function encryptionWords(recipients: readonly string[]): string {
  if (recipients.length === 0) return 'NOT encrypted: whoever can read the folder can read the data';
  return `encrypted for ${recipients.join(', ')}`;
}
