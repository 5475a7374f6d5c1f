import type { App } from '../app/app.ts';
import { existingMemory } from '../app/existing-memory.ts';
import { meantRelease } from '../app/steer-release.ts';
import type { DataOfUndo } from '../core/plan/undo-with-data.ts';
import { problem } from '../core/release/problem.ts';
import { exitCode } from './exit-codes.ts';
import { follow } from './follow.ts';
import type { Session } from './session.ts';

/** What is said of a release that was steered. */
interface Said {
  release: string;
  /** `done`: it was asked. `would`: with --dry-run. */
  how: 'done' | 'would';
  what: string;
}

/** Approves or rejects; the release goes on by itself wherever it is followed. */
export async function decide(
  session: Session,
  id: string | null,
  given: { reject?: boolean; reason?: string },
): Promise<number> {
  const { decideGate } = await import('../app/decide-gate.ts');
  const app = await openMemory(session);
  const rejected = given.reject === true;
  if (session.options.dryRun) return sayPlanToDecide(session, app, id);
  const decision = rejected ? 'rejected' : 'approved';
  const row = await decideGate(app, { releaseId: id, decision, reason: given.reason ?? null });
  const what = `${app.person} ${decision} ${row.service} ${row.version} to ${row.environment}`;
  return say(session, { release: row.id, how: 'done', what });
}

/** The plan that a decision would be about. */
async function sayPlanToDecide(session: Session, app: App, id: string | null): Promise<number> {
  const { showRelease } = await import('../app/show-release.ts');
  const { plan, release } = await showRelease(app, id);
  await printPlanOf(session, { release: release.id, plan, digest: release.planDigest });
  return exitCode('done');
}

/** Stops a release and follows it until it has stopped. */
export async function abort(
  session: Session,
  id: string | null,
  given: { reason?: string; detach?: boolean },
): Promise<number> {
  const { abortRelease } = await import('../app/steer-release.ts');
  const app = await openMemory(session);
  if (session.options.dryRun) return sayWayBack(session, app, (await meantRelease(app, id)).id);
  const row = await abortRelease(app, id, given.reason ?? null);
  const what = `${row.id} stops at the next safe place`;
  if (given.detach === true) return say(session, { release: row.id, how: 'done', what });
  if (!session.screen.isJson) session.screen.line(what);
  return follow(session, { id: row.id, detach: false, endings: 'as asked' });
}

/** What stopping the release would do: nothing to take back, or the plan of the way back. */
export async function sayWayBack(
  session: Session,
  app: App,
  id: string,
  data: DataOfUndo | null = null,
): Promise<number> {
  const { showWayBack } = await import('../app/show-way-back.ts');
  const { plan, digest } = await showWayBack(app, id, 'asked for by a person', data);
  if (plan !== null) await printPlanOf(session, { release: id, plan, digest: digest ?? '' });
  else say(session, { release: id, how: 'would', what: `${id} would be cancelled: it has changed nothing yet` });
  return exitCode('done');
}

export async function pause(session: Session, id: string | null, given: { reason?: string }): Promise<number> {
  const { pauseRelease } = await import('../app/steer-release.ts');
  const app = await openMemory(session);
  if (session.options.dryRun) {
    const row = await meantRelease(app, id);
    return say(session, { release: row.id, how: 'would', what: `${row.id} would pause before its next step` });
  }
  const row = await pauseRelease(app, id, given.reason ?? null);
  return say(session, {
    release: row.id,
    how: 'done',
    what: `${row.id} pauses before its next step; go on: shipway resume ${row.id}`,
  });
}

export async function resume(
  session: Session,
  id: string | null,
  given: { step?: string; was?: 'done' | 'not-done'; detach?: boolean },
): Promise<number> {
  const { resumeRelease } = await import('../app/steer-release.ts');
  const ruling = readRuling(given);
  const app = await openMemory(session);
  if (session.options.dryRun) {
    const row = await meantRelease(app, id);
    const word = ruling === null ? '' : `, with ${ruling.stepId} taken as ${ruling.was}`;
    return say(session, { release: row.id, how: 'would', what: `${row.id} (${row.state}) would go on${word}` });
  }
  const row = await resumeRelease(app, { id, ruling });
  if (given.detach === true) return say(session, { release: row.id, how: 'done', what: `${row.id} goes on` });
  return follow(session, { id: row.id, detach: false });
}

function readRuling(given: { step?: string; was?: 'done' | 'not-done' }) {
  if (given.step === undefined && given.was === undefined) return null;
  if (given.step !== undefined && given.was !== undefined) return { stepId: given.step, was: given.was };
  throw problem('usage', '--step and --was belong together', {
    next: 'Write both: --step migrate.up --was done',
  });
}

/** The app, where something was released already: steering makes no new memory. */
async function openMemory(session: Session): Promise<App> {
  const app = await session.app();
  await existingMemory(app);
  return app;
}

function say(session: Session, said: Said): number {
  if (session.screen.isJson) session.screen.json(said);
  else session.screen.line(said.what);
  return exitCode('done');
}

/** Prints a plan as data or as lines. */
async function printPlanOf(
  session: Session,
  shown: {
    release: string;
    plan: Parameters<typeof import('../core/plan/render-plan.ts').renderPlan>[0];
    digest: string;
  },
): Promise<void> {
  const { renderPlan } = await import('../core/plan/render-plan.ts');
  if (session.screen.isJson) session.screen.json(shown);
  else session.screen.lines(renderPlan(shown.plan, shown.digest));
}
