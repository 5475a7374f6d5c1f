import type { CopiedBackup } from '../../adapters/vaults/copied-backup.ts';
import type { Tombstone } from '../../core/backup/tombstone.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { Effect } from '../../platform/effect.ts';
import type { BackupSummary } from './step-summary.ts';

/** What copying one backup to one place came to. */
export interface CopyOutcome {
  backup: string;
  place: string;
  sentFiles: number;
  sentBytes: number;
  /** What lay there already. */
  keptFiles: number;
  keptBytes: number;
  seconds: number;
}

/** What can be done with what lies in a second place; the connection ends with it. */
export interface PlaceAct {
  /** Where it is, for people. */
  where: string;
  list(): Promise<CopiedBackup[]>;
  /** Checks every byte against the signed manifest before the backup is listed here. */
  bringBack(id: string): Promise<BackupSummary>;
  mark(tombstone: Tombstone): Promise<void>;
  unmark(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Writes, reads and deletes a small file. */
  probe(): Promise<void>;
}

/** The second places of the backups of a plan, by the names that the release file gives them. */
export interface CopyTools {
  /** Sends what is missing, and writes into the journal how it ended. Harmless when repeated. */
  copy(plan: Plan, request: { id: string; place: string }, effect: Effect): Promise<CopyOutcome>;
  at<Result>(
    plan: Plan,
    which: { place: string; limitSeconds: number },
    effect: Effect,
    use: (act: PlaceAct) => Promise<Result>,
  ): Promise<Result>;
}
