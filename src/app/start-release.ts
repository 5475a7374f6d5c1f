import { planBytes } from '../core/plan/plan-digest.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import type { Database } from '../state/open-database.ts';
import { createRelease, openReleases } from '../state/releases.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import type { App } from './app.ts';
import { ensureExecutor, isExecutorAlive } from './ensure-executor.ts';
import { fullStateDisk } from './state-disk.ts';
import { planRelease, type PlanReleaseRequest, type PlanView } from './plan-release.ts';

export interface StartRequest extends PlanReleaseRequest {
  /** Refuses when the plan made now is not the one with this digest. */
  expectedPlan: string | null;
  /** How many times faster the watch's clock runs; 1 except in tests and the demo. */
  speed: number;
}

/** Which release runs now; `continued` when it was an unfinished one whose executor had died. */
export interface Started {
  id: string;
  continued: boolean;
}

const JUST_STARTED_MS = 15_000; // a release younger than this is still waiting for its executor to come up

/**
 * Starts a release and returns at once; an executor in the background runs it. Asking again for a release whose executor died
 * continues that one. Throws `refused` with who, why and since when somebody else is at it.
 */
export async function startRelease(app: App, request: StartRequest): Promise<Started> {
  const memory = await app.existingDatabase();
  const unfinished = memory === null ? null : await findAbandoned(app, memory, request);
  if (unfinished !== null) {
    await app.startExecutor();
    return { id: unfinished.id, continued: true };
  }
  const view = await planRelease(app, request, memory);
  return { id: await startPlanned(app, view, request), continued: false };
}

/** Writes the planned release down and makes sure that somebody runs it. Shared by releases and rollbacks by hand. */
export async function startPlanned(
  app: App,
  view: PlanView,
  request: { expectedPlan: string | null; speed: number; reason: string | null },
): Promise<string> {
  if (request.expectedPlan !== null && request.expectedPlan !== view.digest) {
    throw problem('refused', `the plan changed: expected ${request.expectedPlan}, now ${view.digest}`, {
      next: 'Look at the new plan and start again with its digest: shipway plan',
    });
  }
  if (view.refusal !== null) throw view.refusal;
  // What cannot be recorded is not begun: half way through, only waiting would be left.
  const full = fullStateDisk(app);
  if (full !== null) throw full;
  const { plan } = view;
  // The first thing that makes a memory: a slip of the hand in the wrong folder leaves nothing behind.
  const { db } = await app.database();
  const id = await createRelease(db, {
    project: app.project,
    service: plan.service,
    environment: plan.environment,
    kind: plan.kind,
    releaseType: plan.releaseType,
    version: plan.version.number,
    previousVersion: plan.previous?.version ?? null,
    plan: planBytes(plan),
    planDigest: view.digest,
    requestedBy: app.person,
    reason: request.reason,
    speed: request.speed,
    steps: plannedSteps(plan),
  });
  await ensureExecutor(app);
  return id;
}

function plannedSteps(plan: Plan): { id: string; phase: string; kind: string; title: string }[] {
  return stepsOf(plan).map(({ phase, step }) => ({ id: step.id, phase, kind: step.kind, title: step.title }));
}

/** An unfinished release of the same version and place that nobody runs any more. */
async function findAbandoned(app: App, database: Database, request: StartRequest): Promise<ReleaseRow | null> {
  const { config } = await app.releaseFile();
  const number = request.version.replace(/^v/, '');
  const open = (await openReleases(database.db)).find(
    (row) =>
      row.service === config.service &&
      row.version === number &&
      (request.environment === null || row.environment === request.environment),
  );
  if (open === undefined || open.kind !== 'release' || open.state === 'needs-human') return null;
  if (app.nowMs() - Date.parse(open.created_at) < JUST_STARTED_MS && open.state === 'planned') return null;
  return (await isExecutorAlive(app)) ? null : open;
}
