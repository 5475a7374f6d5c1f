import { planBytes, planDigest } from '../core/plan/plan-digest.ts';
import { planUndo } from '../core/plan/plan-undo.ts';
import { stepsOf } from '../core/plan/plan.ts';
import type { ProblemRecord } from '../core/release/problem.ts';
import { fenceVersion, fencingEvents, setLive } from '../state/live.ts';
import { insertSteps, moveRelease, moveReleaseIn } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { Executor } from './engine-parts.ts';
import { loadRelease, loadWayBack, plannedStep } from './loaded-release.ts';
import { performStep } from './perform-step.ts';
import { actorOf, recordOf } from './run-release.ts';
import { contextFor } from './step-context.ts';
import { guarded } from './step-record.ts';

/** 1. Derive the way back from the approved plan, write it down, and say that it runs. Doing it again finds what was written. */
export async function beginRollback(executor: Executor, releaseId: string, cause: ProblemRecord): Promise<string[]> {
  const { db } = executor.database;
  const release = await loadRelease(executor, releaseId);
  const runs = await guarded(executor, () => stepRuns(db, releaseId));
  const begun = runs.filter((run) => run.attempt > 0).map((run) => run.step_id);
  const { request, request_data: wanted } = release.row;
  const wayBack = planUndo(release.plan, begun, cause.message, request === 'roll-back' ? wanted : null);
  const planned = stepsOf(wayBack).map(({ phase, step }) => ({
    id: step.id,
    phase,
    kind: step.kind,
    title: step.title,
  }));
  await guarded(executor, () =>
    db.transaction().execute(async (tx) => {
      if (release.row.undo_digest !== null) return;
      const digest = planDigest(wayBack);
      await tx
        .updateTable('shipway.release')
        .set({ undo_plan: planBytes(wayBack), undo_digest: digest })
        .where('id', '=', releaseId)
        .execute();
      await insertSteps(tx, releaseId, planned, runs.length);
      const data = { cause: { ...cause }, plan: digest };
      await moveReleaseIn(tx, releaseId, { to: 'rolling-back', actor: actorOf(executor), data, cause: { ...cause } });
    }),
  );
  const written = await loadWayBack(executor, releaseId);
  await guarded(executor, () => moveRelease(db, releaseId, { to: 'rolling-back', actor: actorOf(executor) }));
  return stepsOf(written.plan).map(({ step }) => step.id);
}

/** 2. One step of the way back. A failure is for a person: a rollback is never rolled back by itself. */
export async function performUndo(
  executor: Executor,
  releaseId: string,
  stepId: string,
): Promise<ProblemRecord | null> {
  const release = await loadWayBack(executor, releaseId);
  const step = plannedStep(release, stepId);
  const nobodyStops = new AbortController().signal;
  const outcome = await performStep(
    stepId,
    recordOf(executor, release, stepId),
    contextFor(executor, release, step, nobodyStops),
  );
  return outcome.state === 'finished' || step.onFailure === 'warn' ? null : outcome.problem;
}

/** 3. The version before is back: fence the bad one, hold automatic releases, free the lock, all in one transaction. */
export async function endRollback(executor: Executor, releaseId: string): Promise<void> {
  const release = await loadRelease(executor, releaseId);
  if (release.row.finished_at !== null) return;
  const { plan } = release;
  const actor = actorOf(executor);
  const fencing = {
    service: plan.service,
    environment: plan.environment,
    version: plan.version.number,
    release: releaseId,
    reason: (await loadWayBack(executor, releaseId)).plan.reason ?? 'rolled back',
  };
  const isFenced = release.row.request !== 'abort';
  await guarded(executor, () =>
    executor.database.db.transaction().execute(async (tx) => {
      await setLive(tx, { service: plan.service, environment: plan.environment }, plan.previous);
      // An abort says nothing about the version: only a bad one is fenced.
      if (isFenced) await fenceVersion(tx, fencing);
      const data = { version: plan.previous?.version ?? null, from: plan.version.number, quarantined: isFenced };
      await moveReleaseIn(tx, releaseId, {
        to: 'rolled-back',
        actor,
        data,
        also: isFenced ? fencingEvents(fencing, actor) : [],
      });
    }),
  );
}
