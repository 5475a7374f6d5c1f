import { problem } from '../../core/release/problem.ts';
import type { Step } from './step.ts';
import { textInput } from './step-want.ts';

const STAGED_BY = 'data.stage';

/** Swaps the staged data in, one rename per path; the replaced data is kept aside. */
export const swapRestoreStep: Step = {
  kind: 'swap-restore',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const staged = await context.tools.memory.resultOf(context.releaseId, textInput(context, 'stagedBy') ?? STAGED_BY);
    if (staged === null) {
      throw problem('internal', 'nothing was staged to swap in', {
        where: context.step.id,
        next: 'Start the rollback again.',
      });
    }
    return context.tools.backups.swap(context.plan, staged, context.effect);
  },
};
