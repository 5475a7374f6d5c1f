import type { BackupContext } from '../../core/backup/manifest.ts';
import type { BackupIdentity } from '../../core/plan/facts.ts';

/** A backup as a step or a person sees it. */
export interface BackupSummary extends BackupIdentity {
  stores: string[];
  /** As the stores wrote it. */
  bytes: number;
  /** As it lies where backups are kept. */
  storedBytes: number;
  /** Of these, what backups before it wrote: on the disk once, however many hold it. */
  sharedBytes: number;
  /** age recipients who can read it; none: not encrypted. */
  encryptedFor: string[];
  /** Public key of its signature; null for a backup of the format before. */
  signer: string | null;
  /** What it knows besides the data; null for a backup of a format before. */
  context: Omit<BackupContext, 'parts'> | null;
  /** Files of the way down that it holds, relative to the project. */
  downPaths: string[];
}
