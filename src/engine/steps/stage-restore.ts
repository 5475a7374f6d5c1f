import { storesOf } from './backup-data.ts';
import type { Step } from './step.ts';
import { textInput } from './step-want.ts';

/** Restores the backup beside the live data and verifies it there; the live data is not touched. */
export const stageRestoreStep: Step = {
  kind: 'stage-restore',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const { backups } = context.tools;
    const backup = await backups.find(context.plan, textInput(context, 'backup') ?? '');
    return backups.stage(context.plan, { id: backup.id, stores: storesOf(context) }, context.effect);
  },
};
