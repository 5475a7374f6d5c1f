import type { Generated } from 'kysely';
import type { ProofOutcome } from '../core/backup/proof-run.ts';

/** One store of one look at a backup. `number` is a bigint and arrives as text. */
export interface BackupProofTable {
  number: Generated<string>;
  run: string;
  service: string;
  environment: string;
  backup: string;
  store: string | null;
  level: number;
  outcome: ProofOutcome;
  fault: string | null;
  seconds: number;
  at: Generated<string>;
  person: string | null;
  release_id: string | null;
  tool: string;
  complete: boolean;
  /** JSON array of texts, like `not_checked`. */
  checked: string;
  not_checked: string;
}

/** The table of migrations/0004_backup_proofs.sql. */
export interface ProofTables {
  'shipway.backup_proof': BackupProofTable;
}
