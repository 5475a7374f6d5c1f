import { storesOf } from './backup-data.ts';
import type { Step } from './step.ts';
import { takenBackup } from './step-taken-backup.ts';

/** Restores the backup that an earlier step has taken beside the live data, where it waits until the release is over. */
export const prestageRestoreStep: Step = {
  kind: 'prestage-restore',
  // A copy that a dead attempt began is replaced by the next.
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const id = await takenBackup(context, 'let wait beside the live data');
    return context.tools.backups.prestage(context.plan, { id, stores: storesOf(context) }, context.effect);
  },
};
