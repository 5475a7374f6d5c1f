import type { Tombstone } from '../../core/backup/tombstone.ts';
import type { Sealed } from './vault.ts';

/** A backup that lies in a second place. It is laid out there as in the vault: a folder, its manifest sent last, a tombstone beside it. */
export interface CopiedBackup {
  id: string;
  /** `half`: it has no manifest yet, so that it counts for nothing; `whole`: it can be fetched; `pruned`: whole, and to be deleted. */
  state: 'half' | 'whole' | 'pruned';
  /** null when it is half, or its manifest cannot be trusted. */
  sealed: Sealed | null;
  /** Why it cannot be trusted, or null. */
  reason: string | null;
  tombstone: Tombstone | null;
}
