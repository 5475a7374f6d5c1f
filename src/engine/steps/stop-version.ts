import type { Json } from '../../core/release/json.ts';
import { drainAll } from './retire-version.ts';
import { putTraffic } from './shift-traffic.ts';
import type { Step } from './step.ts';
import { allInstancesOf, textInput } from './step-want.ts';

/** Stops the version that runs, so that nothing writes while data is swapped; the router answers 503 meanwhile. */
export const stopVersionStep: Step = {
  kind: 'stop-version',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const release = textInput(context, 'release');
    const instances = release === null ? [] : await allInstancesOf(context, release);
    if (context.plan.router !== null) await putTraffic([], context);
    const drained = await drainAll(instances, context);
    const stopped = await context.tools.adapters.target(context.plan).stop(instances, context.effect);
    return { drained, stopped: stopped as unknown as Json };
  },
};
