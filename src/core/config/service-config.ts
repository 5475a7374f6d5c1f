import type { RetentionPolicy } from '../backup/retention.ts';
import type { Json } from '../release/json.ts';
import type { LockManners } from '../release/lock-manners.ts';
import type { Criterion } from '../verdict/criterion.ts';

/** One choice among the kinds of an adapter, with its settings already checked by the schema of that kind. */
export interface Chosen {
  kind: string;
  /** `$VARIABLES` are still unresolved in here: they are resolved at the moment of use and never stored. */
  settings: Json;
}

/** A named measurement: the title of a checklist line or of a verification. */
export interface NamedCheck extends Chosen {
  name: string;
  /** Tries in all, 1 = no retry. */
  tries: number;
  /** Pause between tries. */
  everySeconds: number;
  /** Limit of one try. */
  timeoutSeconds: number;
}

export interface NamedStore extends Chosen {
  name: string;
}

/** A migration tool, and how it waits for locks. */
export interface ChosenMigrator extends Chosen {
  /** Absent in plans of programs that knew none: then no limit is set. */
  locks?: LockManners;
}

export interface MigrateConfig extends ChosenMigrator {
  /** Relative to the start of the new version. */
  when: 'before-deploy' | 'after-deploy';
  /** Whether the version before runs correctly on the new schema; if so, a rollback leaves the schema alone. */
  compatible: boolean;
  /** Whether the migrator can go back down; decides how a rollback treats the data. */
  reversible: boolean;
  /** What takes away what no version needs any more, run once the version before is gone; null when nothing does. */
  contract: ChosenMigrator | null;
  /** What errors of the judge mean for a release. */
  unsafe: 'refuse' | 'warn';
  /** Rules of the judge that do not hold here, by name, each with the reason. */
  allow: Record<string, string>;
}

/** How a migration is tried on a restored copy of the data. */
export interface RehearsalConfig {
  /** What leads the commands to the copy instead of the live data; `$SCRATCH_…` is unresolved in here. */
  env: Record<string, string>;
  /** The store that the migration changes; null: the only one there is. */
  store: string | null;
  /** Run on the migrated copy. */
  checks: NamedCheck[];
  /** Limit of each pass, up or down. */
  limitSeconds: number;
  /** A query of somebody else that waits longer fails the rehearsal; null: it is told and nothing more. */
  stallSecondsMax: number | null;
  /** Tables in which the migration tool keeps its own record. */
  ignoreTables: string[];
  /** Whether a release with a migration is refused without it. */
  required: boolean;
  /** How long it counts; null: as long as version, migration and revision are the same. */
  validSeconds: number | null;
  /** Absent where the file says nothing of them, so that its fingerprint stays what it was. */
  statements?: StatementsConfig;
}

/** What the versions before and after ask of the data. */
export interface StatementsConfig {
  /** A file of SQL, relative to the project, or the statements themselves. */
  old: string | string[] | null;
  new: string | string[] | null;
  /** Pause between two tries of one while the migration runs. */
  everySeconds: number;
  /** What it means when one fails that the live server has counted (pg_stat_statements). */
  counted: 'fail' | 'warn' | 'ignore';
}

/** How a version is started on restored copies of the data. */
export interface ScratchConfig {
  /** What leads the components to the copies; `$SCRATCH_…` is unresolved in here. */
  env: Record<string, string>;
  /** Components of a process target; null: all of them. */
  components: string[] | null;
  /** The version as one program, where the target has no components of its own. */
  start: { command: string[]; directory: string; startWithinSeconds: number } | null;
  /** Stores that are not restored for it. */
  without: string[];
  /** null: the HTTP checks of `verify`. */
  checks: NamedCheck[] | null;
}

export interface WatchConfig {
  watchSeconds: number;
  everySeconds: number;
  /** Probes sent in every round; a failed one counts as a failed health check. */
  probes: NamedCheck[];
  /** Where the service answers its own metrics, or null: then only probes and resource use are known. */
  metrics: Chosen | null;
  criteria: Criterion[];
  /** Stricter criteria that hold only during the first `windowSeconds` of the watch. */
  releaseWindow: { windowSeconds: number; criteria: Criterion[] } | null;
}

/** A plain approval gate: how many people, which ones. */
export interface ApprovalConfig {
  count: number;
  /** Names that may approve; empty means anybody. */
  from: string[];
  /** Whether the person who started the release may approve it (single-operator mode, marked everywhere). */
  selfApproval: boolean;
}

/** How the service is made to refuse work while its data is taken back. */
export interface MaintenanceConfig {
  /** Two calls, or a file that is there as long as it has to refuse. */
  by: { on: NamedCheck; off: NamedCheck } | { file: string };
  /** Passes while the service refuses work, and not otherwise; null: nobody looks. */
  check: NamedCheck | null;
}

export interface EnvironmentConfig {
  name: string;
  /** The environment in which the version must have been stable before. */
  after: string | null;
  /** Path of a KEY=value file read when variables are resolved, or null. */
  envFile: string | null;
  target: Chosen;
  router: Chosen | null;
  /** Names of the stores that are backed up before the first change. */
  stores: string[];
  migrate: MigrateConfig | null;
  /** null: migrations are not rehearsed, and no release asks for it. */
  rehearsal: RehearsalConfig | null;
  /** Absent: no version is started on a copy; left out then, so that the fingerprint of such a file stays what it was. */
  scratch?: ScratchConfig;
  /** Must hold before anything is touched. */
  checklist: NamedCheck[];
  /** Asked through the public address after the switch, and again after a rollback. */
  verify: NamedCheck[];
  watch: WatchConfig | null;
  approval: ApprovalConfig | null;
  /** Absent: the builtin router refuses where there is one; left out then, so that the fingerprint of such a file stays what it was. */
  maintenance?: MaintenanceConfig;
  /**
   * Whether copies of the pre-release backup wait beside the live data until the release is over. Absent: none does; left out then, so that the
   * fingerprint of such a file stays what it was.
   */
  prestage?: true;
  /** How long the version before stays warm after the switch. */
  keepOld: 'until-stable' | 'until-verified';
  /** Limit of waiting for in-flight requests before an old version is cut off. */
  drainSeconds: number;
}

/** Who can read the backups, what reads them here, and who may sign them. */
export interface BackupKeys {
  /** age recipients; none: not encrypted. */
  recipients: string[];
  /** `$NAME` of a variable or a path, unresolved; null when nothing is read on this machine. */
  identity: string | null;
  /** Public keys besides the own one. */
  signers: string[];
}

/** A second place that backups are copied to. */
export interface CopyPlace extends Chosen {
  name: string;
  /** Whether a release stops when its backup cannot be copied there. */
  required: boolean;
  /** Whether backups that are not encrypted may go there. */
  unencrypted: boolean;
  /** Limit of copying one backup. */
  limitSeconds: number;
}

/** Where copies are tried when the release file names no other folder. */
export const DEFAULT_SCRATCH = '.shipway/scratch';

export interface BackupsConfig {
  /** Where backups are kept, relative to the project. */
  directory: string;
  /** Which of them `shipway backup prune` leaves. */
  keep: RetentionPolicy;
  /** How often a backup is to be proven by a restore; null: nobody asks. */
  drillSeconds: number | null;
  /** How thoroughly a drill looks; absent: it restores and compares (3). */
  drillLevel?: 4;
  /** Where they are restored to be proven, relative to the project. */
  scratch: string;
  /**
   * Absent: signed with the own key and not encrypted; left out then, so that the fingerprint of a file that says nothing of them stays what it was.
   */
  keys?: BackupKeys;
  /** How often a backup shares nothing with those before it. Absent, for the same reason: every 7 days. */
  fullSeconds?: number;
  /** Absent where there is none, for the same reason. */
  copies?: CopyPlace[];
}

/** The release file, checked and with every default filled in. */
export interface ServiceConfig {
  service: string;
  stores: NamedStore[];
  backups: BackupsConfig;
  variables: { secret: string[]; public: string[] };
  /** Settings that differ by release type; `regular` is always there. */
  releaseTypes: Record<string, { approval: ApprovalConfig | null; watchSeconds: number | null; skip: string[] }>;
  environments: Record<string, EnvironmentConfig>;
}
