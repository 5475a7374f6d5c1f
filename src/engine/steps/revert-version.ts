import type { Json } from '../../core/release/json.ts';
import type { Step } from './step.ts';
import { wantOf } from './step-want.ts';

/** Takes `apply-version` back: stops what this release started, or deploys in place what ran before. */
export const revertVersionStep: Step = {
  kind: 'revert-version',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const reports = await context.tools.adapters.target(context.plan).revert(wantOf(context), context.effect);
    return { stopped: reports as unknown as Json };
  },
};
