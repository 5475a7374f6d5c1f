import { changesService } from '../core/plan/after-failure.ts';
import { planDigest } from '../core/plan/plan-digest.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import type { DataOfUndo } from '../core/plan/undo-with-data.ts';
import { planUndo } from '../core/plan/plan-undo.ts';
import { getRelease } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { App } from './app.ts';
import { existingMemory } from './existing-memory.ts';
import { planOf, viewRelease, type ReleaseView } from './release-view.ts';

/** What stopping a release now would do. */
export interface WayBack {
  release: ReleaseView;
  /** The plan of the way back; null when nothing was changed yet and it would only be cancelled. */
  plan: Plan | null;
  digest: string | null;
}

/** Finds out what stopping or turning around a release would do now, and changes nothing. */
export async function showWayBack(
  app: App,
  id: string,
  reason: string,
  data: DataOfUndo | null = null,
): Promise<WayBack> {
  const { db } = await existingMemory(app);
  const row = await getRelease(db, id);
  const plan = planOf(row);
  const begun = (await stepRuns(db, id)).filter((run) => run.attempt > 0).map((run) => run.step_id);
  const release = viewRelease(row);
  if (!stepsOf(plan).some(({ step }) => begun.includes(step.id) && changesService(step))) {
    return { release, plan: null, digest: null };
  }
  const back = row.undo_plan === null ? planUndo(plan, begun, reason, data) : (JSON.parse(row.undo_plan) as Plan);
  return { release, plan: back, digest: planDigest(back) };
}
