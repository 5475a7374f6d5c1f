import type { Kysely } from 'kysely';
import type { RetentionNeeds } from '../core/backup/retention.ts';
import type { Plan, PlannedStep } from '../core/plan/plan.ts';
import { changesInEffect } from '../core/plan/schema-history.ts';
import type { Place } from './backup-record.ts';
import { holdOf, liveVersion, stableVersions, type StableVersion } from './live.ts';
import { openReleases } from './releases.ts';
import { schemaEvents } from './schema-events.ts';
import type { ReleaseRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

const RELEASES_MAX = 1000; // five for each of the 200 versions that a rollback may lead to

/** What the record says must stay of the backups of a place, whatever the policy. */
export async function backupNeeds(db: Kysely<Tables>, { service, environment }: Place): Promise<RetentionNeeds> {
  const [live, stable, hold, open] = await Promise.all([
    liveVersion(db, service, environment),
    stableVersions(db, service, environment),
    holdOf(db, service, environment),
    openReleases(db),
  ]);
  const brought = await broughtBy(db, { service, environment });
  const trusted = stable.filter((one) => !one.quarantined);
  const targets = trusted.map(({ version, release }) => ({ version, release: brought.get(version) ?? release }));
  const changes = changesInEffect(await schemaEvents(db, { service, environment }));
  return {
    live: live === null ? null : { version: live.version, release: live.release },
    targets: [...targets, ...changedAfter(trusted, changes)],
    open: open
      .filter((row) => row.service === service && row.environment === environment)
      .map((row) => ({ release: row.id, backups: backupsNamed(row) })),
    held: hold?.release ?? null,
  };
}

/**
 * A rollback restores what was taken before a change that the version has not seen. The release that made it need not have become stable: its
 * schema may have stayed when it was rolled back.
 */
function changedAfter(
  stable: readonly StableVersion[],
  changes: readonly { release: string; at: string }[],
): RetentionNeeds['targets'] {
  return changes.flatMap(({ release, at }) => {
    const ran = stable.find(({ finishedAt }) => finishedAt !== undefined && Date.parse(finishedAt) <= Date.parse(at));
    return ran === undefined ? [] : [{ version: ran.version, release }];
  });
}

/** By version, the newest release that brought it and was stable: a rollback to a version takes no backup before that version. */
async function broughtBy(db: Kysely<Tables>, place: Place): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('shipway.release')
    .select(['id', 'version'])
    .where('service', '=', place.service)
    .where('environment', '=', place.environment)
    .where('kind', '=', 'release')
    .where('state', '=', 'stable')
    .orderBy('number', 'desc')
    .limit(RELEASES_MAX)
    .execute();
  const newest = new Map<string, string>();
  for (const { id, version } of rows) if (!newest.has(version)) newest.set(version, id);
  return newest;
}

/** The backups that the plan of a release, or its way back, names: to restore, or for the files of the way down. */
function backupsNamed(row: ReleaseRow): string[] {
  const plans = [row.plan, row.undo_plan].flatMap((text) => (text === null ? [] : [JSON.parse(text) as Partial<Plan>]));
  const steps = plans.flatMap((plan) => (plan.phases ?? []).flatMap((phase): PlannedStep[] => phase.steps));
  const inputs = steps.flatMap((step) => [step.input, step.undo?.input ?? {}]);
  const named = inputs.flatMap(({ backup, downFrom }) => [backup, downFrom]);
  return [...new Set(named.filter((one) => typeof one === 'string'))];
}
