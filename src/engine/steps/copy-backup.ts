import { observeNothing, type Step } from './step.ts';
import { takenBackup } from './step-taken-backup.ts';
import { textInput } from './step-want.ts';

/** Copies the backup that an earlier step has taken to a second place. What was sent before a crash is not sent again. */
export const copyBackupStep: Step = {
  kind: 'copy-backup',
  observe: observeNothing,
  async act(context) {
    const { plan, effect, tools } = context;
    const id = await takenBackup(context, 'copy');
    const place = textInput(context, 'place') ?? '';
    return { ...(await tools.backups.copies.copy(plan, { id, place }, effect)) };
  },
};
