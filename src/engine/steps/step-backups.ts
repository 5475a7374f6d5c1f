import type { BackupContext } from '../../core/backup/manifest.ts';
import type { ProofRun, StoreProof } from '../../core/backup/proof-run.ts';
import type { VerificationLevel } from '../../core/backup/verification-level.ts';
import type { NamedStore } from '../../core/config/service-config.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';
import type { BackupSummary } from './step-summary.ts';
import type { CopyTools } from './step-copies.ts';

/** What a backup is to know besides the data; the files are copied and the secrets sealed by whoever takes it. */
export interface GatheredContext {
  facts: Omit<BackupContext, 'parts'>;
  /** Relative to the project. */
  down: string[];
  secrets: { path: string; bytes: Buffer }[];
}

export type { BackupSummary };

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
  context: GatheredContext;
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
  /** Ids of all that are there and not in the trash, oldest first, also of those whose manifest cannot be trusted. */
  ids(plan: Plan): Promise<string[]>;
  /** The files of the way down that a backup holds, by their path in the project. */
  readDown(plan: Plan, id: string): Promise<{ path: string; bytes: Buffer }[]>;
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
  /** Writes the data of these stores of a backup into an empty folder, a folder a store, and verifies it there; with its context when asked for. Touches nothing else. */
  extract(
    plan: Plan,
    request: { id: string; stores: string[]; into: string; withContext: boolean },
    effect: Effect,
  ): Promise<void>;
  /** Writes one store of a backup into a new place of its own kind, such as a database that must not exist; returns the place for people. */
  restoreInto(plan: Plan, request: { id: string; store: string; place: string }, effect: Effect): Promise<string>;
  /**
   * Restores beside the live data and verifies; what it returns is what the swap needs. Copies that `prestage` has left there are used when
   * they are of this backup and nobody has touched them since.
   */
  stage(
    plan: Plan,
    request: { id: string; stores: NamedStore[]; waiting?: JsonObject | null },
    effect: Effect,
  ): Promise<JsonObject>;
  /** Lets copies wait beside the live data, of the stores that can; what it returns is what `stage` takes as `waiting`. */
  prestage(plan: Plan, request: { id: string; stores: NamedStore[] }, effect: Effect): Promise<JsonObject>;
  /** Deletes the copies of this backup that wait, also half ones. */
  discardWaiting(plan: Plan, id: string, effect: Effect): Promise<void>;
  /** Deletes what `stage` has made and nobody has swapped in. */
  unstage(plan: Plan, staged: JsonObject, effect: Effect): Promise<void>;
  /** Puts every store in place, or none: when one fails, those before it are put back, and the error says so. */
  swap(plan: Plan, staged: JsonObject, effect: Effect): Promise<JsonObject>;
  /** The second places of the backups. */
  readonly copies: CopyTools;
}
