import type { BackupContext, EnvironmentFacts } from './manifest.ts';
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
  context: Pick<BackupContext, 'environment'> | null;
}

/** The closing sentence of a backup: what it holds, how large, how long, how it was verified, and who can read it. */
export function describeBackup(backup: Described): string {
  const { id, stores, bytes, seconds } = backup;
  const size = `${formatBytes(bytes)} stored as ${storedWords(backup)}`;
  const proof = 'signed; opened again, every hash and every copy compared';
  const environment = backup.context?.environment ?? null;
  const words = [`${id}: ${stores.join(', ')}`, `${size} in ${formatDuration(seconds)}`, proof];
  words.push(encryptionWords(backup.encryptedFor));
  return [...words, ...(environment === null ? [] : [`environment: ${environmentWords(environment)}`])].join('; ');
}

/** Whether the environment is in it; names are counted, values never shown. */
export function environmentWords(environment: EnvironmentFacts | null): string {
  if (environment === null) return 'there is neither an env file nor a variable';
  const { file, names, startedBy, notStored } = environment;
  if (notStored !== null) return `NOT stored: ${notStored}`;
  const what = `${file === null ? '' : `${file}, `}${names.length} ${names.length === 1 ? 'variable' : 'variables'}`;
  return `${what}, encrypted${startedBy === null ? '' : `; also the one of ${startedBy}, which the version that ran was started with`}`;
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
