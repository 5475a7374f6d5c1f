import { problem } from '../core/release/problem.ts';
import {
  getRelease,
  moveReleaseIn,
  openReleases,
  personActor,
  requestOfRelease,
  startNextRun,
} from '../state/releases.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import { ruleOnStep, stepRuns } from '../state/step-runs.ts';
import type { App } from './app.ts';
import { ensureExecutor } from './ensure-executor.ts';

/** The release that is meant: the named one, or the only one that is not over. */
export async function meantRelease(app: App, id: string | null): Promise<ReleaseRow> {
  const { db } = await app.database();
  if (id !== null) return getRelease(db, id);
  const open = await openReleases(db);
  const only = open[0];
  if (only !== undefined && open.length === 1) return only;
  if (only === undefined) throw problem('not-found', 'no release runs', { next: 'See the past ones: shipway history' });
  throw problem('usage', `${open.length} releases are not over`, {
    next: `Name one: ${open.map((row) => row.id).join(', ')}`,
  });
}

function refuseFinished(row: ReleaseRow): void {
  if (row.finished_at === null) return;
  throw problem('refused', `${row.id} is over (${row.state})`, { next: `Look at it: shipway show ${row.id}` });
}

/** Stops a release at the next safe place: cancelled when nothing was changed, rolled back otherwise. */
export async function abortRelease(app: App, id: string | null, reason: string | null): Promise<ReleaseRow> {
  const row = await meantRelease(app, id);
  refuseFinished(row);
  if (row.state === 'rolling-back') {
    throw problem('refused', `${row.id} is rolling back, and a rollback is not aborted half way`, {
      next: `Watch it: shipway attach ${row.id}`,
    });
  }
  const { db } = await app.database();
  if (!(await requestOfRelease(db, row, { word: 'abort', person: app.person, reason }))) {
    const now = await getRelease(db, row.id);
    refuseFinished(now);
    await ensureExecutor(app); // that nobody is left to obey may be why it is asked again
    const why = now.request_reason === null ? '' : `: "${now.request_reason}"`;
    throw problem('refused', `${row.id} is being aborted already, asked by ${now.request_by ?? 'somebody'}${why}`, {
      next: `Watch it: shipway attach ${row.id}`,
    });
  }
  if (row.state === 'needs-human') await runAgain(app, row);
  await ensureExecutor(app);
  return row;
}

/** Holds a release before its next step, or its watch before the next round. */
export async function pauseRelease(app: App, id: string | null, reason: string | null): Promise<ReleaseRow> {
  const row = await meantRelease(app, id);
  refuseFinished(row);
  if (row.state === 'rolling-back' || row.state === 'needs-human') {
    throw problem('refused', `${row.id} is ${row.state} and cannot be paused`, {
      next: `Look at it: shipway show ${row.id}`,
    });
  }
  const { db } = await app.database();
  if (await requestOfRelease(db, row, { word: 'pause', person: app.person, reason })) return row;
  throw problem('refused', `${row.id} was asked to stop meanwhile, and is not paused`, {
    next: `Watch it: shipway attach ${row.id}`,
  });
}

export interface ResumeRequest {
  id: string | null;
  /** A person's word on a step whose outcome no probe can tell. */
  ruling: { stepId: string; was: 'done' | 'not-done' } | null;
}

/** Lets a release go on: one that is paused, one that needed a person, or one whose executor died. */
export async function resumeRelease(app: App, request: ResumeRequest): Promise<ReleaseRow> {
  const row = await meantRelease(app, request.id);
  refuseFinished(row);
  const { db } = await app.database();
  if (request.ruling !== null) await rule(app, row, request.ruling);
  if (row.request === 'pause') await requestOfRelease(db, row, { word: null, person: app.person, reason: null });
  if (row.state === 'needs-human') await runAgain(app, row);
  await ensureExecutor(app);
  return row;
}

async function rule(app: App, row: ReleaseRow, ruling: { stepId: string; was: 'done' | 'not-done' }): Promise<void> {
  const { db } = await app.database();
  const step = (await stepRuns(db, row.id)).find((run) => run.step_id === ruling.stepId);
  if (step === undefined || step.attempt === 0 || step.state === 'finished') {
    throw problem('usage', `${row.id} has no unsettled step ${ruling.stepId}`, {
      next: `Look at its steps: shipway show ${row.id}`,
    });
  }
  await ruleOnStep(db, row, ruling, personActor(app.person));
}

/** A new run keeps what was recorded and continues after it; a release that was on its way back goes on going back. */
export async function runAgain(app: App, row: ReleaseRow): Promise<void> {
  const { db } = await app.database();
  const to = row.undo_plan !== null || row.kind === 'rollback' ? 'rolling-back' : 'running';
  await db.transaction().execute(async (tx) => {
    await startNextRun(tx, row.id);
    await moveReleaseIn(tx, row.id, { to, actor: personActor(app.person) });
  });
}
