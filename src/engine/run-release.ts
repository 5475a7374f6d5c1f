import { afterFailure, type AfterFailure } from '../core/plan/after-failure.ts';
import { stepsOf, type PlannedStep } from '../core/plan/plan.ts';
import type { JsonObject } from '../core/release/json.ts';
import type { ProblemRecord } from '../core/release/problem.ts';
import type { ReleaseState } from '../core/release/release-state.ts';
import { fenceVersion, fencingEvents, setLive } from '../state/live.ts';
import { moveRelease, moveReleaseIn } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import { waitWhilePaused, type ActiveRequests } from './active-requests.ts';
import type { Executor } from './engine-parts.ts';
import { loadRelease, loadReleaseAndStep, plannedStep, type LoadedRelease } from './loaded-release.ts';
import { performStep } from './perform-step.ts';
import { contextFor } from './step-context.ts';
import { guarded, stepRecord } from './step-record.ts';
import { STEPS } from './steps/index.ts';
import { observeNothing } from './steps/step.ts';

/** What the workflow needs to know of a step: which one, and whether it is the watch. */
export interface StepToRun {
  id: string;
  isWatch: boolean;
}

/** What follows a step. */
export type Next = { next: 'go-on' } | { next: Exclude<AfterFailure, 'go-on'>; cause: ProblemRecord };

/** 1. Read the approved plan and say that it runs. */
export async function beginRelease(executor: Executor, release: LoadedRelease): Promise<StepToRun[]> {
  const releaseId = release.row.id;
  await guarded(executor, () =>
    moveRelease(executor.database.db, releaseId, { to: runningState(release), actor: actorOf(executor) }),
  );
  return stepsOf(release.plan).map(({ step }) => ({ id: step.id, isWatch: step.kind === 'watch-version' }));
}

/** 2. Do one step, unless somebody wants it paused or stopped first. */
export async function performPlanned(
  executor: Executor,
  requests: ActiveRequests,
  releaseId: string,
  stepId: string,
): Promise<Next> {
  const release = await loadReleaseAndStep(executor, releaseId, stepId);
  const step = plannedStep(release, stepId);
  const signal = requests.signalOf(releaseId);
  const stopped = await stopBefore(executor, release, signal);
  if (stopped !== null) return followUp(executor, release, { ...step, onFailure: 'stop' }, stopped);
  const outcome = await performStep(
    stepId,
    recordOf(executor, release, stepId),
    contextFor(executor, release, step, signal),
    release.run,
  );
  if (outcome.state === 'finished') return { next: 'go-on' };
  if (outcome.state === 'stopped-by-person')
    return followUp(executor, release, { ...step, onFailure: 'stop' }, outcome.problem);
  return followUp(executor, release, step, outcome.problem);
}

/** 3a. The plan is done: the version is stable, or the older one is back. */
export async function endRelease(executor: Executor, releaseId: string): Promise<void> {
  const release = await loadRelease(executor, releaseId);
  const { plan, row } = release;
  const { service, environment } = plan;
  const actor = actorOf(executor);
  await guarded(executor, () =>
    executor.database.db.transaction().execute(async (tx) => {
      if (row.finished_at !== null) return;
      await setLive(tx, { service, environment }, { version: plan.version.number, release: releaseId });
      if (plan.kind === 'release')
        return moveReleaseIn(tx, releaseId, { to: 'stable', actor, data: { version: plan.version.number } });
      const left = plan.previous?.version ?? '';
      const fencing = {
        service,
        environment,
        version: left,
        release: releaseId,
        reason: row.reason ?? 'rolled back by hand',
      };
      await fenceVersion(tx, fencing);
      const data = { version: plan.version.number, from: left };
      return moveReleaseIn(tx, releaseId, { to: 'rolled-back', actor, data, also: fencingEvents(fencing, actor) });
    }),
  );
}

/** 3b. It stopped before anything changed, or a person has to look. */
export async function stopRelease(
  executor: Executor,
  releaseId: string,
  to: 'cancelled' | 'needs-human',
  cause: ProblemRecord,
): Promise<void> {
  const data: JsonObject = { cause: { ...cause } };
  await guarded(executor, () =>
    moveRelease(executor.database.db, releaseId, { to, actor: actorOf(executor), data, cause: { ...cause } }),
  );
}

export function actorOf(executor: Executor): { kind: 'executor'; id: string } {
  return { kind: 'executor', id: executor.executorId };
}

export function recordOf(executor: Executor, release: LoadedRelease, stepId: string) {
  const { service, environment } = release.plan;
  const address = { releaseId: release.row.id, stepId, service, environment, executor: executor.executorId };
  // A step with nothing to observe only measures.
  const isHarmlessTwice = STEPS[plannedStep(release, stepId).kind].observe === observeNothing;
  return stepRecord(executor, address, isHarmlessTwice);
}

function runningState(release: LoadedRelease): ReleaseState {
  return release.plan.kind === 'rollback' ? 'rolling-back' : 'running';
}

/** A person's word to roll back is followed even where the automatic rollback is disarmed; what cannot be taken back stays. */
function personWantsBack(release: LoadedRelease): boolean {
  return release.row.request === 'roll-back' && release.plan.kind === 'release';
}

/** Between two steps: waits while paused; says so when a person wants the release stopped. */
async function stopBefore(
  executor: Executor,
  release: LoadedRelease,
  signal: AbortSignal,
): Promise<ProblemRecord | null> {
  const { id, request } = release.row;
  if (request === 'pause') {
    const waitingFor = { kind: 'pause', by: release.row.request_by, reason: release.row.request_reason };
    await guarded(executor, () =>
      moveRelease(executor.database.db, id, { to: 'waiting', actor: actorOf(executor), waitingFor, data: waitingFor }),
    );
    const stop = AbortSignal.any([signal, executor.lost]);
    await waitWhilePaused(executor, id, executor.clock, stop).catch((error: unknown) => {
      if (!stop.aborted) throw error;
    });
    await guarded(executor, () =>
      moveRelease(executor.database.db, id, { to: runningState(release), actor: actorOf(executor) }),
    );
  }
  const now = request === 'pause' ? await loadRelease(executor, id) : release;
  if (now.row.request !== 'abort' && now.row.request !== 'roll-back') return null;
  return { kind: 'stopped', message: stopMessage(now), where: null, next: `See: shipway show ${id}` };
}

/** Who stopped it and why, in one sentence. */
export function stopMessage(release: LoadedRelease): string {
  const { request, request_by: by, request_reason: reason } = release.row;
  return `${request === 'roll-back' ? 'rolled back' : 'aborted'} by ${by ?? 'a person'}${reason === null ? '' : `: ${reason}`}`;
}

/** What follows a failure, by the plan and by what was begun. */
export async function followUp(
  executor: Executor,
  release: LoadedRelease,
  step: PlannedStep,
  cause: ProblemRecord,
): Promise<Next> {
  const now = await loadRelease(executor, release.row.id);
  const said = cause.kind === 'stopped' && now.row.request !== null ? { ...cause, message: stopMessage(now) } : cause;
  const runs = await guarded(executor, () => stepRuns(executor.database.db, release.row.id));
  const begun = runs.filter((run) => run.attempt > 0).map((run) => run.step_id);
  // What no probe can tell is never answered by a rollback that builds on a guess.
  if (said.kind === 'cannot-tell' && step.onFailure !== 'warn') return { next: 'needs-human', cause: said };
  const next = personWantsBack(now) ? 'roll-back' : afterFailure(release.plan, begun, step);
  return next === 'go-on' ? { next } : { next, cause: said };
}
