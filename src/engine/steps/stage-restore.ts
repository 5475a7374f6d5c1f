import { storesOf } from './backup-data.ts';
import type { Step, StepContext } from './step.ts';
import { takenBackup } from './step-taken-backup.ts';
import { textInput } from './step-want.ts';

/** Restores the backup beside the live data and verifies it there, where no copy of it waits already; the live data is not touched. */
export const stageRestoreStep: Step = {
  kind: 'stage-restore',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const { tools, plan, effect, releaseId } = context;
    const id = await backupMeant(context);
    const prestagedBy = textInput(context, 'prestagedBy');
    const waiting = prestagedBy === null ? null : await tools.memory.resultOf(releaseId, prestagedBy);
    return tools.backups.stage(plan, { id, stores: storesOf(context), waiting }, effect);
  },
};

/** The one that the release itself took, or the one that the plan names. */
async function backupMeant(context: StepContext): Promise<string> {
  if (textInput(context, 'takenBy') !== null) return takenBackup(context, 'restore');
  const { tools, plan } = context;
  return (await tools.backups.find(plan, textInput(context, 'backup') ?? '')).id;
}
