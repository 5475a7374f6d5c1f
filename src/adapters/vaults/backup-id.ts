import { formatBackupId, type BackupReason } from '../../core/backup/backup-id.ts';
import { randomId } from '../../platform/ids.ts';

/** A new id; two made in the same second differ. Whoever may be killed keeps it before calling `createBackup`. */
export function newBackupId(of: { service: string; environment: string; reason: BackupReason }, nowMs: number): string {
  return formatBackupId({ ...of, takenAtMs: nowMs, random: randomId(4).slice(0, 6) });
}
