import type { Step } from './step.ts';

const SWAPPED_BY = 'data.swap';

/** Swaps the replaced data back to its place. */
export const undoRestoreStep: Step = {
  kind: 'undo-restore',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const swapped = await context.tools.memory.resultOf(context.releaseId, SWAPPED_BY);
    if (swapped !== null) await context.tools.backups.swapBack(context.plan, swapped, context.effect);
    return {};
  },
};
