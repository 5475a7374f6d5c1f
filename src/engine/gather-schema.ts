import type { MigrateConfig } from '../core/config/service-config.ts';
import { downEvidence, migrationSubject } from '../core/plan/judge-down.ts';
import { stepsOf, type Plan, type PlannedStep } from '../core/plan/plan.ts';
import type { MigratedRelease, SchemaHistory } from '../core/plan/schema-history.ts';
import type { Database } from '../state/open-database.ts';
import { rehearsalOf } from '../state/rehearsals.ts';
import { plansOf, schemaEvents } from '../state/schema-events.ts';

/** How the schema of an environment came to be what it is, with what is known of the way down of each change. Reads our own record alone. */
export async function gatherSchema(
  database: Database | null,
  place: { service: string; environment: string },
  nowMs: number,
): Promise<SchemaHistory> {
  if (database === null) return { events: [], releases: {} };
  const events = await schemaEvents(database.db, place);
  const ids = [...new Set(events.flatMap(({ kind, release }) => (kind === 'up' && release !== null ? [release] : [])))];
  const releases: SchemaHistory['releases'] = {};
  for (const [id, plan] of await plansOf(database.db, ids)) {
    const step = stepsOf(plan).find((one) => one.step.id === 'migrate.up')?.step;
    if (step !== undefined) releases[id] = await describe(database, plan, step, nowMs);
  }
  return { events, releases };
}

/** By what was planned and approved then: the release file may say something else now. */
async function describe(database: Database, plan: Plan, step: PlannedStep, nowMs: number): Promise<MigratedRelease> {
  const migrate = step.input['migrate'] as unknown as MigrateConfig;
  const judged = step.input['judgedSql'];
  const subject = migrationSubject(step, typeof judged === 'string' ? judged : null);
  const place = { service: plan.service, environment: plan.environment, version: plan.version.number };
  const rehearsal = await rehearsalOf(database.db, place, subject, nowMs);
  return {
    version: plan.version.number,
    compatible: migrate.compatible,
    reversible: migrate.reversible,
    down: downEvidence(migrate.reversible, rehearsal),
  };
}
