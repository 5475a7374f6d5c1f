import type { ProofRun, StoreProof } from '../../core/backup/proof-run.ts';
import type { VerificationLevel } from '../../core/backup/verification-level.ts';
import type { NamedStore } from '../../core/config/service-config.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';

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

/** A backup as whoever took it knows it. */
export interface TakenBackup extends BackupSummary {
  /** How long it took, verification included. */
  seconds: number;
}

/** One backup to take; `key` and `begunAt` fix its id, so that asking again after a crash means the same backup. */
export interface BackupRequest {
  key: string;
  begunAt: string;
  reason: string;
  release: string | null;
  stores: NamedStore[];
}

/** One look at a backup. */
export interface ProofRequest {
  id: string;
  level: VerificationLevel;
  /** Names; null: every store of the backup. */
  stores: string[] | null;
  /** Folder for restores to scratch, relative to the project. */
  scratch: string;
  /** Who asks; null: a release by itself. */
  by: string | null;
}

/** Backups of the stores of a plan. Every call is harmless when repeated and finishes what a crash left half done. */
export interface BackupTools {
  create(plan: Plan, request: BackupRequest, effect: Effect): Promise<TakenBackup>;
  /** The backup meant by an id, a unique prefix, or `before:<release>`. */
  find(plan: Plan, reference: string): Promise<BackupSummary>;
  list(plan: Plan): Promise<BackupSummary[]>;
  /** Looks at a backup again, and keeps what it found for good. Live data is not touched. */
  prove(plan: Plan, request: ProofRequest, effect: Effect): Promise<ProofRun>;
  /** Keeps what a look found that was made elsewhere: at a version that was started on copies of it. */
  keepProof(
    plan: Plan,
    look: Pick<ProofRequest, 'id' | 'level' | 'by'> & { proofs: StoreProof[] },
    effect: Effect,
  ): Promise<ProofRun>;
  /** Deletes the data keys that were kept for releases that are over and have no hold. */
  forgetKeys(place: { service: string; environment: string }): Promise<void>;
  /** What restoring it would throw away, by store: rows or files changed since. */
  loss(
    plan: Plan,
    backup: Pick<BackupSummary, 'id' | 'stores'>,
    effect: Effect,
  ): Promise<{ since: string; stores: Record<string, JsonObject> }>;
  /** Writes the data of these stores of a backup into an empty folder, a folder a store, and verifies it there. Touches nothing else. */
  extract(plan: Plan, request: { id: string; stores: string[]; into: string }, effect: Effect): Promise<void>;
  /** Restores beside the live data and verifies; what it returns is what the swap needs. */
  stage(plan: Plan, request: { id: string; stores: NamedStore[] }, effect: Effect): Promise<JsonObject>;
  swap(plan: Plan, staged: JsonObject, effect: Effect): Promise<JsonObject>;
  swapBack(plan: Plan, swapped: JsonObject, effect: Effect): Promise<void>;
}
