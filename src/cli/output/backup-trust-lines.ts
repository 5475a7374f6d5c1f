import type { BackupKeyPair } from '../../app/make-backup-keys.ts';
import type { Untrusted } from '../../app/list-backups.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** Ids of backups before which one is missing. */
export function brokenLines(style: Style, broken: readonly string[]): string[] {
  return broken.map(
    (id) => `${style.bad('FAIL')}  the backup before ${id} is neither here nor pruned: it was taken away or exchanged`,
  );
}

/** What was sealed here, and does not lie there any more. */
export function missingLines(style: Style, missing: readonly string[]): string[] {
  return missing.map(
    (id) => `${style.bad('FAIL')}  ${id} is neither here nor pruned: it was taken away or lost (shipway backup fetch)`,
  );
}

/** What lies there and cannot be trusted. */
export function untrustedLines(style: Style, untrusted: readonly Untrusted[]): string[] {
  return untrusted.map(({ id, reason }) => `${style.bad('UNTRUSTED')}  ${id}: ${printable(reason)}`);
}

/** What to do with a new pair of keys. */
export function keyLines({ recipient, file }: BackupKeyPair): string[] {
  return [
    `recipient  ${recipient}`,
    `identity   written to ${printable(file)}, for this user alone; without it nobody can read what is encrypted`,
    'next: keep that file away from the machine whose backups it reads, and write into the release file:',
    `      backups: { encryption: { recipients: [${recipient}], identity: $SHIPWAY_BACKUP_IDENTITY } }`,
  ];
}
