import type { Json } from '../../core/release/json.ts';
import type { Instance } from '../../core/release/version.ts';
import type { Step, StepContext } from './step.ts';
import { allInstancesOf, numberInput, textInput } from './step-want.ts';

/** Waits until the version before has answered its last request, then stops it. Past the limit what is in flight is cut. */
export const retireVersionStep: Step = {
  kind: 'retire-version',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const release = textInput(context, 'release');
    const instances = release === null ? [] : await allInstancesOf(context, release);
    const drained = await drainAll(instances, context);
    const stopped = await context.tools.adapters.target(context.plan).stop(instances, context.effect);
    return { drained, stopped: stopped as unknown as Json };
  },
};

/** Drains every routed instance; says per instance whether it ended by itself. */
export async function drainAll(instances: Instance[], context: StepContext): Promise<Json> {
  const router = context.tools.adapters.router(context.plan);
  if (router === null) return [];
  const limitSeconds = numberInput(context, 'drainSeconds', 30);
  const routed = context.tools.adapters.routedComponent(context.plan);
  const results: { instance: string; how: string }[] = [];
  for (const instance of instances.filter((candidate) => candidate.component === routed)) {
    const how = await router.drained(instance.id, limitSeconds, context.effect);
    if (how === 'timeout') await router.cut(instance.id, context.effect);
    results.push({ instance: instance.id, how: how === 'drained' ? 'drained' : `cut after ${limitSeconds} s` });
  }
  return results;
}
