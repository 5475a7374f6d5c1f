import type { MaintenanceConfig, MigrateConfig, NamedCheck } from '../../core/config/service-config.ts';
import type { JsonObject } from '../../core/release/json.ts';
import { problem } from '../../core/release/problem.ts';
import { joinProject, writeFlag } from './step-flag.ts';
import { refusal } from './run-checks.ts';
import { putTraffic, routerOf } from './shift-traffic.ts';
import type { Step, StepContext } from './step.ts';

/**
 * Makes the service refuse work, and believes it only when it is seen: the router is asked through its public port, what was declared by
 * its own check. Again after a crash: every means of it is harmless twice.
 */
export const beginMaintenanceStep: Step = {
  kind: 'begin-maintenance',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const means = meansOf(context);
    if (await isUntouched(context)) return { refuses: 'nothing: the schema is as it was' };
    if (means === 'router') return refuseByRouter(context);
    if ('file' in means.by) await writeFlag(joinProject(means.by.file, context), context);
    else await call(means.by.on, context);
    if (means.check === null) return { refuses: 'not looked at' };
    return { refuses: await call(means.check, context) };
  },
};

/** On the way back of a migration that had not changed anything nobody needs to be refused. What cannot be told counts as changed. */
async function isUntouched({ step, tools, effect }: StepContext): Promise<boolean> {
  const down = step.input['onlyIfMigrated'] as
    { migrate: MigrateConfig; version: string; revisionBefore: string | null } | undefined;
  if (down === undefined || down.revisionBefore === null) return false;
  const now = await tools.adapters
    .migrator(down.migrate)
    .revision(down.version, effect)
    .catch(() => null);
  return now === down.revisionBefore;
}

/** Of the plan: nothing else is turned on or off. */
export function meansOf({ step }: Pick<StepContext, 'step'>): MaintenanceConfig | 'router' {
  return step.input['maintenance'] as unknown as MaintenanceConfig | 'router';
}

/** Runs a call or a check to its end; anything but a pass is a failure of the step. */
export async function call(named: NamedCheck, context: StepContext): Promise<string> {
  const { plan, releaseId } = context;
  const subject = {
    VERSION: plan.version.number,
    PREVIOUS_VERSION: plan.previous?.version ?? '',
    RELEASE: releaseId,
    SERVICE: plan.service,
    ENVIRONMENT: plan.environment,
  };
  const result = await context.tools.adapters.runCheck(named, subject, context.effect);
  context.effect.report(`${result.outcome}: ${named.name}: ${result.sentence}`);
  if (result.outcome !== 'pass') throw refusal(named, result, context);
  return result.sentence;
}

async function refuseByRouter(context: StepContext): Promise<JsonObject> {
  const isRunning = (await routerOf(context).observe(context.effect)) !== null;
  await putTraffic([], context);
  if (!isRunning) return { refuses: 'nobody: the router does not run' };
  const answers = await routerOf(context).probe(1, context.effect);
  if (answers.length === 0) return { refuses: 'the router answers 503' };
  throw problem('router-failed', `${answers.join(', ')} still answers at the public port`, {
    where: context.step.id,
    next: 'Look at the router: shipway doctor',
  });
}
