import { summaries } from './apply-version.ts';
import type { Step } from './step.ts';
import { wantOf } from './step-want.ts';

/** Takes `retire-version` back: starts the version before again, under its own release. */
export const startPreviousStep: Step = {
  kind: 'start-previous',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const instances = await context.tools.adapters.target(context.plan).apply(wantOf(context), context.effect);
    return { instances: summaries(instances) };
  },
};
