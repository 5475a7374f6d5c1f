import { mayConcern } from '../core/config/config-problem.ts';
import { buildPlan, planHead } from '../core/plan/build-plan.ts';
import type { Facts, ReleaseRequest, RollbackRequest } from '../core/plan/facts.ts';
import { mayProceed } from '../core/plan/may-proceed.ts';
import { parseVersion } from '../core/plan/parse-version.ts';
import { planDigest } from '../core/plan/plan-digest.ts';
import { rehearsalStanding, type RehearsalStanding } from '../core/plan/rehearsal-standing.ts';
import { planRollback } from '../core/plan/plan-rollback.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problem, type Problem } from '../core/release/problem.ts';
import { deployCommands, gatherFacts } from '../engine/gather-facts.ts';
import { gatherPending } from '../engine/gather-pending.ts';
import { gatherSchema } from '../engine/gather-schema.ts';
import type { Database } from '../state/open-database.ts';
import { liveVersion } from '../state/live.ts';
import type { App, LoadedReleaseFile } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';
import type { Loss } from './describe-loss.ts';

/** A plan as it is shown, with its digest and with what stands in its way. */
export interface PlanView {
  plan: Plan;
  digest: string;
  /** The first reason against starting it now, or null. */
  refusal: Problem | null;
  /** Where it stands with the rehearsal of its migration; null where none is declared or none is needed. */
  rehearsal: RehearsalStanding | null;
  facts: Facts;
  /** Of a rollback, where it was looked for: what it would throw away. */
  loss?: Loss;
  /** Of the environment that is planned and of the file as a whole; those of other environments belong to their plans. */
  fileWarnings: string[];
}

export interface PlanReleaseRequest {
  version: string;
  environment: string | null;
  releaseType: string;
  reason: string | null;
  commit: string | null;
  keepEnvironment?: boolean;
}

/** Plans a release and changes nothing: reads the release file, looks at the world, decides. */
export async function planRelease(app: App, request: PlanReleaseRequest, database: Database | null): Promise<PlanView> {
  const file = await app.releaseFile();
  const { config, fingerprint } = file;
  const environment = chooseEnvironment(config, request.environment);
  if (config.releaseTypes[request.releaseType] === undefined) {
    const types = Object.keys(config.releaseTypes).join(', ');
    throw problem('usage', `there is no release type "${request.releaseType}"`, {
      next: `Choose one with --type: ${types}`,
    });
  }
  const version = parseVersion(request.version);
  const head = planHead(config, environment, { version, commit: request.commit });
  const effect = await app.effect(head, 'look/facts/0');
  const from = { database, ...(await app.tools()), effect };
  const seen = await gatherFacts(from, { config, environment, version, head });
  const facts = await gatherPending(from, { config, environment, version }, seen);
  const wanted: ReleaseRequest = { ...request, version, environment: environment.name };
  const plan = buildPlan(config, wanted, facts, fingerprint);
  return viewOf(app, file, plan, facts);
}

/** Plans a rollback by hand and changes nothing. */
export async function planRollBack(
  app: App,
  request: Omit<RollbackRequest, 'environment'> & { environment: string | null },
  database: Database | null,
): Promise<PlanView> {
  const file = await app.releaseFile();
  const { config, fingerprint } = file;
  const environment = chooseEnvironment(config, request.environment);
  const live = database === null ? null : await liveVersion(database.db, config.service, environment.name);
  const head = planHead(config, environment, { version: live?.version ?? '0.0.0', commit: null });
  const effect = await app.effect(head, 'look/facts/0');
  const from = { database, ...(await app.tools()), effect };
  const look = { config, environment, version: head.version.number, head };
  const seen = await gatherFacts(from, look);
  const schema = await gatherSchema(database, { service: config.service, environment: environment.name }, app.nowMs());
  const planFrom = (known: Facts): Plan =>
    planRollback(config, { ...request, environment: environment.name }, known, fingerprint);
  // Which version it goes back to is decided by the plan, so what brings that one up can only be asked for afterwards.
  const { version } = planFrom({ ...seen, schema });
  const commands = deployCommands(from.adapters, { ...look, version: version.number }, seen.running);
  const facts = { ...seen, schema, commands: { ...seen.commands, ...commands } };
  const plan = planFrom(facts);
  return viewOf(app, file, plan, facts);
}

function viewOf(app: App, file: LoadedReleaseFile, plan: Plan, facts: Facts): PlanView {
  return {
    plan,
    digest: planDigest(plan),
    refusal: mayProceed(plan, file.config, facts, app.startedBy),
    rehearsal: rehearsalStanding(plan, file.config, facts),
    facts,
    fileWarnings: file.warnings.filter((warning) => mayConcern(warning, plan.environment)),
  };
}
