import type { Plan, PlannedStep } from '../core/plan/plan.ts';
import { stepsOf } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import { getRelease } from '../state/releases.ts';
import type { ReleaseRow, StepRunRow } from '../state/release-tables.ts';
import type { Executor } from './engine-parts.ts';

/** What the engine reads of a release again and again: everything but the plans, which never change under their digest. */
export type ReleaseHead = Omit<ReleaseRow, 'plan' | 'undo_plan'>;

/** A release as the engine works on it: its row, and the plan that is being executed (the approved one, or the way back). */
export interface LoadedRelease {
  row: ReleaseHead;
  plan: Plan;
  planDigest: string;
}

/** Reads the release and its approved plan. */
export async function loadRelease(executor: Executor, id: string): Promise<LoadedRelease> {
  const row = await readHead(executor, id);
  return { row, plan: await readPlan(executor, id, 'plan', row.plan_digest), planDigest: row.plan_digest };
}

/** Reads the release and the way back that was derived from its plan. */
export async function loadWayBack(executor: Executor, id: string): Promise<LoadedRelease> {
  const row = await readHead(executor, id);
  if (row.undo_digest === null) {
    throw problem('internal', `${id} has no way back written down`, { next: `Look at it: shipway show ${id}` });
  }
  return { row, plan: await readPlan(executor, id, 'undo_plan', row.undo_digest), planDigest: row.undo_digest };
}

/** Reads the release, its approved plan, and the row of one step, in one round trip. */
export async function loadReleaseAndStep(
  executor: Executor,
  id: string,
  stepId: string,
): Promise<LoadedRelease & { run: StepRunRow | null }> {
  const text = `SELECT ${HEAD}, (SELECT to_jsonb(s) FROM shipway.step_run s WHERE s.release_id = r.id AND s.step_id = $2) AS step
    FROM shipway.release r WHERE id = $1`;
  const query = { name: 'release and step', text, values: [id, stepId] };
  const { rows } = await executor.database.pool.query<ReleaseHead & { step: StepRunRow | null }>(query);
  const [found] = rows;
  if (found === undefined) return { ...(await loadRelease(executor, id)), run: null };
  const { step, ...row } = found;
  return { row, run: step, plan: await readPlan(executor, id, 'plan', row.plan_digest), planDigest: row.plan_digest };
}

const HEAD = `id, number, project, service, environment, kind, release_type, version, previous_version, state, state_since,
  plan_digest, undo_digest, requested_by, reason, speed, run, waiting_for, request, request_by, request_reason, request_data, cause, created_at, finished_at`;

async function readHead(executor: Executor, id: string): Promise<ReleaseHead> {
  const query = { name: 'release head', text: `SELECT ${HEAD} FROM shipway.release WHERE id = $1`, values: [id] };
  const { rows } = await executor.database.pool.query<ReleaseHead>(query);
  const [row] = rows;
  return row ?? getRelease(executor.database.db, id);
}

const PLANS_KEPT = 20; // an executor runs a handful of releases at once
const plans = new Map<string, Plan>();

/** A plan never changes under its digest, so it is read once. */
async function readPlan(executor: Executor, id: string, column: 'plan' | 'undo_plan', digest: string): Promise<Plan> {
  const known = plans.get(digest);
  if (known !== undefined) return known;
  const row = await getRelease(executor.database.db, id);
  const plan = JSON.parse(row[column] ?? '') as Plan;
  plans.set(digest, plan);
  const oldest = plans.keys().next().value;
  if (plans.size > PLANS_KEPT && oldest !== undefined) plans.delete(oldest);
  return plan;
}

/** The planned step with this id; nothing runs that was not planned. */
export function plannedStep(release: LoadedRelease, stepId: string): PlannedStep {
  const found = stepsOf(release.plan).find(({ step }) => step.id === stepId);
  if (found !== undefined) return found.step;
  throw problem('internal', `step ${stepId} is not in the plan of ${release.row.id}`, {
    next: `Look at it: shipway show ${release.row.id}`,
  });
}
