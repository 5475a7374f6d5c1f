import type { RollbackRequest } from '../core/plan/facts.ts';
import { problem } from '../core/release/problem.ts';
import { openReleases, requestOfRelease } from '../state/releases.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import type { App } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';
import { ensureExecutor } from './ensure-executor.ts';
import { planRollBack, type PlanView } from './plan-release.ts';
import { startPlanned } from './start-release.ts';
import { runAgain } from './steer-release.ts';

export type RollBackWish = Omit<RollbackRequest, 'environment'> & { environment: string | null };

/** What rolling back means now: turning an unfinished release around, or a rollback of its own with a plan. */
export type RollBackMeaning = { how: 'turn-around'; release: ReleaseRow } | { how: 'plan'; view: PlanView };

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
  if (isMoreThanBack(wish)) {
    throw problem(
      'refused',
      `${running.id} is not over: it can only go back to ${running.previous_version ?? 'nothing'}, its own start, as its plan says`,
      {
        next: 'Leave --to, --backup, --data, --revision and --no-safety-backup out, or wait until it is over.',
      },
    );
  }
  return { how: 'turn-around', release: running };
}

/** Whether the person wants something that only a rollback with a plan of its own can do. */
function isMoreThanBack({ to, backup, data, revision, safetyBackup }: RollBackWish): boolean {
  const named = [to, backup, data ?? null, revision ?? null].some((one) => one !== null);
  return named || safetyBackup === false;
}

function hasBegun(row: ReleaseRow): boolean {
  return row.state !== 'planned';
}

/** Rolls back as found out before; returns the release to follow. */
export async function rollBack(app: App, wish: RollBackWish, meaning: RollBackMeaning): Promise<string> {
  if (meaning.how === 'plan') {
    return startPlanned(app, meaning.view, { expectedPlan: null, speed: 1, reason: wish.reason });
  }
  const { release } = meaning;
  const { db } = await app.database();
  await requestOfRelease(db, release, { word: 'roll-back', person: app.person, reason: wish.reason });
  if (release.state === 'needs-human') await runAgain(app, release);
  await ensureExecutor(app);
  return release.id;
}
