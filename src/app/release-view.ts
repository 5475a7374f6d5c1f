import type { Plan } from '../core/plan/plan.ts';
import type { JsonObject } from '../core/release/json.ts';
import type { ProblemRecord } from '../core/release/problem.ts';
import type { ReleaseState } from '../core/release/release-state.ts';
import type { ReleaseRow, StepRunRow } from '../state/release-tables.ts';

/** A release as it is shown: plain data, ready for a screen or for JSON. */
export interface ReleaseView {
  id: string;
  /** Which project (machine and folder) it is run from. */
  project: string;
  kind: 'release' | 'rollback';
  service: string;
  environment: string;
  version: string;
  previousVersion: string | null;
  releaseType: string;
  state: ReleaseState;
  /** Times are RFC 3339 in UTC. */
  stateSince: string;
  createdAt: string;
  finishedAt: string | null;
  requestedBy: string;
  reason: string | null;
  planDigest: string;
  /** What it waits for: an approval, or a person who paused it; null when it does not wait. */
  waitingFor: JsonObject | null;
  request: { word: 'abort' | 'pause' | 'roll-back'; by: string; reason: string | null } | null;
  cause: ProblemRecord | null;
  /** Whether its way back was begun. */
  isGoingBack: boolean;
}

/** One step of a release, done or still to come. */
export interface StepView {
  id: string;
  phase: string;
  kind: string;
  title: string;
  state: 'pending' | 'started' | 'finished' | 'failed' | 'skipped';
  attempt: number;
  startedAt: string | null;
  finishedAt: string | null;
  /** Real seconds between begin and end; null while it is not over. */
  tookSeconds: number | null;
  result: JsonObject | null;
  problem: ProblemRecord | null;
  /** Whether it belongs to the way back. */
  isUndo: boolean;
}

export function viewRelease(row: ReleaseRow): ReleaseView {
  return {
    id: row.id,
    project: row.project,
    kind: row.kind,
    service: row.service,
    environment: row.environment,
    version: row.version,
    previousVersion: row.previous_version,
    releaseType: row.release_type,
    state: row.state,
    stateSince: row.state_since,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    requestedBy: row.requested_by,
    reason: row.reason,
    planDigest: row.plan_digest,
    waitingFor: parsed<JsonObject>(row.waiting_for),
    request:
      row.request === null ? null : { word: row.request, by: row.request_by ?? 'a person', reason: row.request_reason },
    cause: parsed<ProblemRecord>(row.cause),
    isGoingBack: row.undo_plan !== null || row.kind === 'rollback',
  };
}

export function viewStep(row: StepRunRow): StepView {
  const isOver = row.state === 'finished' || row.state === 'failed';
  return {
    id: row.step_id,
    phase: row.phase,
    kind: row.kind,
    title: row.title,
    state: row.state,
    attempt: row.attempt,
    startedAt: row.started_at,
    finishedAt: isOver ? row.finished_at : null,
    tookSeconds:
      isOver && row.started_at !== null && row.finished_at !== null
        ? secondsBetween(row.started_at, row.finished_at)
        : null,
    result: parsed<JsonObject>(row.result),
    problem: parsed<ProblemRecord>(row.problem),
    isUndo: row.step_id.startsWith('undo.'),
  };
}

/** The approved plan of a release. */
export function planOf(row: ReleaseRow): Plan {
  return JSON.parse(row.plan) as Plan;
}

/** Seconds from one RFC 3339 time to another, never negative. */
export function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}

function parsed<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}
