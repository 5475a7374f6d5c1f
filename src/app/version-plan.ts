import type { Plan } from '../core/plan/plan.ts';
import { stableVersions } from '../state/live.ts';
import type { Database } from '../state/open-database.ts';
import { getRelease } from '../state/releases.ts';

/** The plan with the target that the release of the version had: its components may have been others than those of today. */
export async function planOfVersion(database: Database, plan: Plan, version: string): Promise<Plan> {
  const known = await stableVersions(database.db, plan.service, plan.environment);
  const release = known.find((one) => one.version === version)?.release ?? null;
  if (release === null) return plan;
  const then = JSON.parse((await getRelease(database.db, release)).plan) as Plan;
  return then.version.number === version ? { ...plan, target: then.target } : plan;
}
