import type { ColumnType, Generated, Selectable } from 'kysely';
import type { DataOfUndo } from '../core/plan/undo-with-data.ts';
import type { ReleaseState } from '../core/release/release-state.ts';

/** What a person asked a running release to do; the executor obeys at the next safe place. */
export type ReleaseRequestWord = 'abort' | 'pause' | 'roll-back';

export interface ReleaseTable {
  id: string;
  number: string;
  /** Which project (machine and folder) it is run from. */
  project: string;
  service: string;
  environment: string;
  kind: 'release' | 'rollback';
  release_type: string;
  version: string;
  previous_version: string | null;
  state: ReleaseState;
  state_since: string;
  plan: string;
  plan_digest: string;
  undo_plan: string | null;
  undo_digest: string | null;
  requested_by: string;
  reason: string | null;
  speed: number;
  run: number;
  waiting_for: string | null;
  request: ReleaseRequestWord | null;
  request_by: string | null;
  request_reason: string | null;
  /** Of a `roll-back`: what is to become of the data; null: what the plan says. */
  request_data: ColumnType<DataOfUndo | null, DataOfUndo | null | undefined, DataOfUndo | null>;
  cause: string | null;
  created_at: string;
  finished_at: string | null;
}

export type StepState = 'pending' | 'started' | 'finished' | 'failed' | 'skipped';

export interface StepRunTable {
  release_id: string;
  step_id: string;
  position: number;
  phase: string;
  kind: string;
  title: string;
  state: StepState;
  attempt: number;
  executor: string | null;
  started_at: string | null;
  finished_at: string | null;
  result: string | null;
  problem: string | null;
  ruling: 'done' | 'not-done' | null;
}

export interface StepLineTable {
  release_id: string;
  step_id: string;
  line_no: Generated<string>;
  at: string;
  line: string;
}

export interface ApprovalTable {
  release_id: string;
  person: string;
  decision: 'approved' | 'rejected';
  reason: string | null;
  plan_digest: string;
  at: string;
}

export interface ReleaseLockTable {
  service: string;
  environment: string;
  release_id: string;
  person: string;
  why: string;
  since: string;
}

export interface LiveTable {
  service: string;
  environment: string;
  version: string;
  release_id: string;
  since: string;
}

export interface QuarantineTable {
  service: string;
  version: string;
  release_id: string;
  reason: string;
  since: string;
  lifted_at: string | null;
  lifted_by: string | null;
  lift_reason: string | null;
}

export interface HoldTable {
  service: string;
  environment: string;
  release_id: string;
  reason: string;
  since: string;
}

export interface ExecutorTable {
  id: string;
  project: string;
  host: string;
  pid: number;
  process_started_at: string;
  started_at: string;
  gone_at: string | null;
}

export interface WatchSampleTable {
  release_id: string;
  round: number;
  at_seconds: number;
  taken_at_ms: number;
  sample: string;
  verdicts: string;
  action: string | null;
}

export interface RouterStateTable {
  service: string;
  environment: string;
  generation: string;
  release_id: string;
  state: string;
}

/** The tables of migrations/0001_releases.sql. */
export interface ReleaseTables {
  'shipway.release': ReleaseTable;
  'shipway.step_run': StepRunTable;
  'shipway.step_line': StepLineTable;
  'shipway.approval': ApprovalTable;
  'shipway.release_lock': ReleaseLockTable;
  'shipway.live': LiveTable;
  'shipway.quarantine': QuarantineTable;
  'shipway.hold': HoldTable;
  'shipway.executor': ExecutorTable;
  'shipway.watch_sample': WatchSampleTable;
  'shipway.router_state': RouterStateTable;
}

export type ReleaseRow = Selectable<ReleaseTable>;
export type StepRunRow = Selectable<StepRunTable>;
export type ApprovalRow = Selectable<ApprovalTable>;
export type LockRow = Selectable<ReleaseLockTable>;
export type ExecutorRow = Selectable<ExecutorTable>;
