import { problem } from '../../core/release/problem.ts';
import { observeNothing, type Step } from './step.ts';
import { textInput } from './step-want.ts';

/** Copies the backup that an earlier step has taken to a second place. What was sent before a crash is not sent again. */
export const copyBackupStep: Step = {
  kind: 'copy-backup',
  observe: observeNothing,
  async act(context) {
    const { plan, step, effect, tools, releaseId } = context;
    const taken = await tools.memory.resultOf(releaseId, textInput(context, 'takenBy') ?? '');
    const id = taken?.['id'];
    if (typeof id !== 'string') {
      throw problem('internal', 'there is no backup of this release to copy', {
        where: step.id,
        next: 'Start the release again.',
      });
    }
    const place = textInput(context, 'place') ?? '';
    return { ...(await tools.backups.copies.copy(plan, { id, place }, effect)) };
  },
};
