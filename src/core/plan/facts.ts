import type { Discarded } from '../rehearsal/compare-states.ts';
import type { Atomicity } from '../release/lock-manners.ts';
import type { RehearsalOutcome } from '../rehearsal/rehearsal.ts';
import type { DataWayName } from './data-way.ts';
import type { PendingMigration } from './pending-migration.ts';
import type { SchemaHistory } from './schema-history.ts';

/** What was seen in the world before the plan was made. Only names, versions and command lines: never a secret. */
export interface Facts {
  /** The version that is live according to the record and to the target itself, or null for a first release. */
  running: { version: string; release: string } | null;
  /** Versions that were stable in this environment, newest first; a rollback goes only to one of these that is not in quarantine. */
  stableVersions: { version: string; release: string; quarantined: boolean; finishedAt?: string }[];
  /** Environments in which the wanted version was stable. */
  stableElsewhere: string[];
  quarantine: { version: string; release: string; reason: string; since: string } | null;
  hold: { release: string; reason: string; since: string } | null;
  /** A release; without one somebody who restores by hand. */
  lock: { release: string | null; person: string; why: string; since: string } | null;
  /** The schema revision before anything runs, or null when the project's tool does not tell. */
  revision: string | null;
  /** How the schema came to be what it is; looked at for a rollback by hand only. */
  schema?: SchemaHistory;
  /** What the migration would run, with what is known of the data; null when it is not shown before it runs. */
  pending: PendingMigration | null;
  /** Whether the way up leaves the data as it was when it fails; null where no limit for locks would hold. */
  atomicity: Atomicity | null;
  /** The same two of what the contract would run at the end. */
  contract: { pending: PendingMigration | null; atomicity: Atomicity | null };
  /** The newest rehearsal of the wanted version here, or null. */
  rehearsal: RehearsalFact | null;
  /** What could not be found out; shown as warnings of the plan. */
  problems: string[];
  /** How long the newest restore of a backup of this place took that was a proof of it; null: there was none. */
  restoreSeconds: number | null;
  /** Those that are there, oldest first. */
  backups: BackupFact[];
  /** Command lines and requests of the chosen adapters, asked from them without running anything. */
  commands: {
    apply: string[][];
    revert: string[][];
    migrateUp: string[][];
    migrateDown: string[][];
    contract: string[][];
    /** By `checkKey` of the check. */
    checks: Record<string, string>;
  };
  /** Components of the target with their own health question. */
  components: { name: string; hasPort: boolean; startWithinSeconds: number }[];
  /** Whether the new version runs beside the old one. */
  placement: 'side-by-side' | 'in-place';
  /** null, or left out: no env file is named, or nothing was released here yet. */
  environmentFile?: EnvironmentFileFact | null;
}

/** What tells one backup from another. */
export interface BackupIdentity {
  id: string;
  reason: string;
  release: string | null;
  version: string | null;
  /** When it was written to its end. */
  createdAt: string;
  /** What was written after this moment may not be in it. */
  consistentAt: string;
}

/** A backup that could be restored. */
export interface BackupFact extends BackupIdentity {
  /** Where it is known, the revision that the data was at just before; null, or left out: nobody asked. */
  revision?: string | null;
  /** Its last check found it damaged. */
  failed?: boolean;
  /** Much smaller than the one before it. */
  suspicious?: boolean;
}

/** Where the env file stands, as names of variables: values never come this far. */
export interface EnvironmentFileFact {
  path: string;
  /** Whether it is as the version that runs was started with it; null: nobody wrote that down. */
  isAsStarted: boolean | null;
  /** By release: what going back to the file with which it started its version would change; null: nothing. Only what is known is in it. */
  changes: Record<string, string | null>;
}

/** The newest rehearsal of a version in an environment. */
export interface RehearsalFact {
  id: string;
  ageSeconds: number;
  outcome: RehearsalOutcome;
  subject: string;
  revisionBefore: string;
  tookMs: { up: number | null; down: number | null };
  stallMs: number | null;
  /** The first thing that spoke against it, or null. */
  fault: string | null;
  /** What its way down threw away; left out where nothing was. */
  discards?: Discarded[];
}

/** What a person asked for. */
export interface ReleaseRequest {
  version: string;
  commit: string | null;
  environment: string;
  releaseType: string;
  reason: string | null;
  /** Whether a rollback of it leaves the env file alone. */
  keepEnvironment?: boolean;
}

export interface RollbackRequest {
  environment: string;
  /** null: the version that was stable before the one that runs. */
  to: string | null;
  /** `quick` brings back code and traffic; `full` also the data, in the way that loses least. */
  depth: 'quick' | 'full';
  /** Backup to restore; null: the one taken before the version that runs, where one is restored. */
  backup: string | null;
  /** The way that a person chose; absent: the least lossy one. */
  data?: DataWayName | null;
  /** The schema revision to go back to, with the newest version that ran on it. */
  revision?: string | null;
  reason: string;
  /** `keep`: the env file stays as it is. `return`: it goes back also when somebody changed it since. Absent: it goes back unless somebody did. */
  envFile?: 'keep' | 'return';
  /** false: the present data is not backed up first, because it cannot be read any more. true: also where the swap keeps all of it. */
  safetyBackup?: boolean;
}
