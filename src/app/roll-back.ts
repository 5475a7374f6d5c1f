import type { RollbackRequest } from '../core/plan/facts.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import { prestageOf, whyNoData, type DataOfUndo } from '../core/plan/undo-with-data.ts';
import { problem } from '../core/release/problem.ts';
import { openReleases, requestOfRelease } from '../state/releases.ts';
import type { ReleaseRow, StepRunRow } from '../state/release-tables.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { App } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';
import { ensureExecutor } from './ensure-executor.ts';
import { planRollBack, type PlanView } from './plan-release.ts';
import { startPlanned } from './start-release.ts';
import { planOf } from './release-view.ts';
import { runAgain } from './steer-release.ts';

export type RollBackWish = Omit<RollbackRequest, 'environment'> & { environment: string | null };

/** What rolling back means now: turning an unfinished release around, or a rollback of its own with a plan. */
export type RollBackMeaning =
  { how: 'turn-around'; release: ReleaseRow; data: DataOfUndo | null } | { how: 'plan'; view: PlanView };

/** Finds out what rolling back means now, and changes nothing. */
export async function meaningOfRollBack(app: App, wish: RollBackWish): Promise<RollBackMeaning> {
  const database = await app.existingDatabase();
  const { config } = await app.releaseFile();
  const environment = chooseEnvironment(config, wish.environment);
  const open = database === null ? [] : await openReleases(database.db);
  const running = open.find(
    (row) => row.service === config.service && row.environment === environment.name && hasBegun(row),
  );
  if (running === undefined) return { how: 'plan', view: await planRollBack(app, wish, database) };
  if (running.state === 'rolling-back' || running.kind === 'rollback' || running.undo_plan !== null) {
    throw problem('refused', `${running.id} is on its way back already`, {
      next: `Watch it: shipway attach ${running.id}; go on: shipway resume ${running.id}`,
    });
  }
  if (wish.envFile !== undefined) {
    throw problem(
      'refused',
      `${running.id} is not over: what its way back does with the env file was approved with it`,
      {
        next: `Leave --${wish.envFile}-environment out; what is replaced stays beside the file.`,
      },
    );
  }
  return { how: 'turn-around', release: running, data: await dataOfTurnAround(app, running, wish) };
}

/**
 * What becomes of the data of a release that is turned around; null: what its plan says. With `--full` it is restored only where the plan knows
 * no other way back for it. Throws `refused` for what its plan does not prepare.
 */
async function dataOfTurnAround(app: App, row: ReleaseRow, wish: RollBackWish): Promise<DataOfUndo | null> {
  const { db } = await app.database();
  const plan = planOf(row);
  const runs = await stepRuns(db, row.id);
  const begun = runs.filter((run) => run.attempt > 0).map((run) => run.step_id);
  const why = whyNoData(plan, begun);
  const isWanted = wish.data === 'restore' || (wish.depth === 'full' && why === null && hasNoOtherWay(plan, begun));
  const { to, backup, revision = null, data = null, safetyBackup } = wish;
  const isElsewhere = [to, backup, revision].some((one) => one !== null);
  if (isElsewhere || (isWanted ? why !== null : data !== null || safetyBackup !== undefined)) {
    throw onlyBack(row, isElsewhere || !isWanted ? null : why);
  }
  if (!isWanted) return null;
  const first = safetyBackup ?? !isAllWaiting(runs, prestageOf(plan)?.id ?? '');
  return first ? 'restore-after-backup' : 'restore';
}

function onlyBack(row: ReleaseRow, why: string | null): Error {
  const start = row.previous_version ?? 'nothing';
  const because = why === null ? '' : `; with its data it cannot, because ${why}`;
  return problem(
    'refused',
    `${row.id} is not over: it can only go back to ${start}, its own start, as its plan says${because}`,
    { next: 'Leave --to, --backup, --data, --revision and --no-safety-backup out, or wait until it is over.' },
  );
}

/** The plan leaves the schema as it is although the version before does not run on it. */
function hasNoOtherWay(plan: Plan, begun: readonly string[]): boolean {
  return stepsOf(plan).some(
    ({ step }) => begun.includes(step.id) && step.kind === 'migrate-up' && step.reversibility === 'irreversible',
  );
}

/** Then the swap keeps everything that is replaced, as it is when nobody writes any more: more than a backup before it would hold. */
function isAllWaiting(runs: readonly StepRunRow[], stepId: string): boolean {
  const run = runs.find((one) => one.step_id === stepId);
  if (run?.state !== 'finished' || run.result === null) return false;
  const { later, waiting } = JSON.parse(run.result) as { later?: unknown; waiting?: unknown };
  return Array.isArray(later) && later.length === 0 && Array.isArray(waiting) && waiting.length > 0;
}

function hasBegun(row: ReleaseRow): boolean {
  return row.state !== 'planned';
}

/** Rolls back as found out before; returns the release to follow. */
export async function rollBack(app: App, wish: RollBackWish, meaning: RollBackMeaning): Promise<string> {
  if (meaning.how === 'plan') {
    return startPlanned(app, meaning.view, { expectedPlan: null, speed: 1, reason: wish.reason });
  }
  const { release, data } = meaning;
  const { db } = await app.database();
  await requestOfRelease(db, release, { word: 'roll-back', person: app.person, reason: wish.reason, data });
  if (release.state === 'needs-human') await runAgain(app, release);
  await ensureExecutor(app);
  return release.id;
}
