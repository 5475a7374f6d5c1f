/** A backup as a step or a person sees it. */
export interface BackupSummary {
  id: string;
  reason: string;
  release: string | null;
  version: string | null;
  createdAt: string;
  stores: string[];
  /** As the stores wrote it. */
  bytes: number;
  /** As it lies where backups are kept. */
  storedBytes: number;
  /** age recipients who can read it; none: not encrypted. */
  encryptedFor: string[];
  /** Public key of its signature; null for a backup of the format before. */
  signer: string | null;
}
