import type { Json, JsonObject } from '../../core/release/json.ts';
import { problem } from '../../core/release/problem.ts';
import type { Instance } from '../../core/release/version.ts';
import { refusal } from './run-checks.ts';
import { observeNothing, type Step, type StepContext } from './step.ts';
import type { ComponentHealth } from './step-tools.ts';
import { instancesOf, wantOf } from './step-want.ts';

const EVERY_SECONDS = 0.25; // fast enough to add little to the start, slow enough not to disturb it

/** Asks every started instance directly, at its own address, until it answers as the release file says; no user is sent to it before. */
export const checkHealthStep: Step = {
  kind: 'check-health',
  observe: observeNothing,
  act: async (context) => ({ healthy: await awaitHealth(context, wantOf(context).release) }),
};

/** Waits until every instance of the release answers as the release file says; fails when one is gone or its time to start is over. */
export async function awaitHealth(context: StepContext, release: string): Promise<Json> {
  const instances = await instancesOf(context, release);
  const results: JsonObject[] = [];
  for (const component of context.tools.adapters.components(context.plan)) {
    const own = instances.filter((instance) => instance.component === component.name);
    if (own.length === 0) throw gone(component.name, context);
    for (const instance of own) results.push(await askHealth(component, instance, context));
  }
  return results;
}

/** Asks again and again until it answers as wanted, it is gone, or the time to start is over. */
async function askHealth(component: ComponentHealth, instance: Instance, context: StepContext): Promise<JsonObject> {
  if (component.health === null || instance.address === null)
    return { instance: instance.id, sentence: 'runs; it has no health question' };
  const { host, port } = instance.address;
  const subject = {
    VERSION: instance.version,
    HOST: host,
    PORT: String(port),
    BASE: `http://${host}:${port}`,
    RELEASE: instance.release,
  };
  const once = { ...component.health, tries: 1, name: `health of ${component.name}` };
  const { clock, signal } = context.effect;
  const until = clock.nowMs() + component.startWithinSeconds * 1000;
  for (;;) {
    const result = await context.tools.adapters.runCheck(once, subject, context.effect);
    if (result.outcome === 'pass') return { instance: instance.id, sentence: result.sentence };
    if (clock.nowMs() > until) {
      throw refusal(
        once,
        { ...result, sentence: `${result.sentence} (for ${component.startWithinSeconds} s)` },
        context,
      );
    }
    const alive = await instancesOf(context, instance.release);
    if (!alive.some((other) => other.id === instance.id)) throw gone(component.name, context);
    await clock.sleep(EVERY_SECONDS * 1000, signal);
  }
}

function gone(component: string, context: StepContext): Error {
  return problem('target-failed', `no instance of ${component} runs any more`, {
    where: context.step.id,
    next: `Look at its last lines: shipway show ${context.releaseId}`,
  });
}
