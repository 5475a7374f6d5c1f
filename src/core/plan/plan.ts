import type { BackupKeys, Chosen, CopyPlace, MaintenanceConfig, NamedStore } from '../config/service-config.ts';
import type { JsonObject } from '../release/json.ts';
import type { Version } from '../release/version.ts';
import type { DataWay } from './data-way.ts';

/** The phases of a release, in the plan's own order. */
export type PhaseName =
  | 'prepare'
  | 'gate'
  | 'lock'
  | 'backup'
  | 'data'
  | 'maintenance'
  | 'migrate'
  | 'deploy'
  | 'verify'
  | 'watch'
  | 'retire';

/** What a step can be; each word is the name of its file in src/engine/steps. */
export type StepKindName =
  | 'run-checks'
  | 'await-approval'
  | 'take-lock'
  | 'backup-data'
  | 'prove-backup'
  | 'prestage-restore'
  | 'keep-environment'
  | 'return-environment'
  | 'copy-backup'
  | 'migrate-up'
  | 'migrate-down'
  | 'apply-version'
  | 'revert-version'
  | 'check-health'
  | 'shift-traffic'
  | 'return-traffic'
  | 'watch-version'
  | 'retire-version'
  | 'start-previous'
  | 'stage-restore'
  | 'stop-version'
  | 'swap-restore'
  | 'begin-maintenance'
  | 'end-maintenance'
  | 'do-nothing';

/** What taking the step back means; shown to everybody who approves the plan. */
export type Reversibility = 'nothing to undo' | 'reversible' | 'reversible until first write' | 'irreversible';

/** The way back of one step, decided before the step runs and part of what is approved. */
export interface PlannedUndo {
  kind: StepKindName;
  title: string;
  input: JsonObject;
  commands: string[][];
  limitSeconds: number;
}

export interface PlannedStep {
  /** Unique in the plan: `<phase>.<word>`. */
  id: string;
  kind: StepKindName;
  title: string;
  /** Everything the step needs besides the plan's head; `$VARIABLES` unresolved. */
  input: JsonObject;
  /** The exact commands and requests, secrets unresolved. */
  commands: string[][];
  /** What else whoever approves must know, one line each: the criteria of a watch. */
  notes?: string[];
  undo: PlannedUndo | null;
  reversibility: Reversibility;
  /** Time budget of the step; passing it is a failure of the step. */
  limitSeconds: number;
  /** What a failure means: roll everything back, stop before anything changed, or note it and go on. */
  onFailure: 'roll-back' | 'stop' | 'warn';
}

export interface PlannedPhase {
  name: PhaseName;
  steps: PlannedStep[];
}

/** What a rollback by hand does with the data, chosen before anybody confirms. */
export interface PlannedData extends DataWay {
  /** The backup that is restored, or null. */
  backup: string | null;
  /** The ways that were not chosen. */
  others: DataWay[];
}

/** What will be done, as data. The same object is printed, approved, executed, undone, shown and journalled. */
export interface Plan {
  format: 1;
  kind: 'release' | 'rollback';
  service: string;
  environment: string;
  releaseType: string;
  version: Version;
  /** What runs now, and the release that put it there; null for the first release. */
  previous: { version: string; release: string } | null;
  reason: string | null;
  target: Chosen;
  router: Chosen | null;
  /** Left out when the release file says nothing of it: then the router refuses work where there is one. */
  maintenance?: MaintenanceConfig;
  stores: NamedStore[];
  backupDirectory: string;
  /** Left out when the release file says nothing of keys: backups are signed and not encrypted. */
  backupKeys?: BackupKeys;
  /** How often a backup shares nothing with those before it. Left out when the release file does not say: the vault's own rhythm. */
  backupFullSeconds?: number;
  /** Where copies are tried, relative to the project. Left out when the release file does not say: `.shipway/scratch`. */
  scratchDirectory?: string;
  /** Second places of backups; left out where there is none. */
  backupCopies?: CopyPlace[];
  envFile: string | null;
  variables: { secret: string[]; public: string[] };
  phases: PlannedPhase[];
  /** Of a rollback by hand, and only there. */
  data?: PlannedData;
  /** Whether a failure after the first change rolls back by itself, and why not when it does not. */
  automaticRollback: { armed: boolean; why: string };
  timeBudgetSeconds: number;
  configFingerprint: string;
  warnings: string[];
}

/** All steps in the order in which they run. */
export function stepsOf(plan: Plan): { phase: PhaseName; step: PlannedStep }[] {
  return plan.phases.flatMap((phase) => phase.steps.map((step) => ({ phase: phase.name, step })));
}
