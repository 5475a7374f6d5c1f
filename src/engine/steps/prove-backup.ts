import { faultOf, outcomeOf, secondsOf } from '../../core/backup/proof-run.ts';
import { RESTORE_LEVEL } from '../../core/backup/verification-level.ts';
import { problem } from '../../core/release/problem.ts';
import { observeNothing, type Step } from './step.ts';
import { takenBackup } from './step-taken-backup.ts';
import { textInput } from './step-want.ts';

/** Restores the backup that an earlier step has taken to a scratch place. Anything but a proof stops the release before what cannot be taken back. */
export const proveBackupStep: Step = {
  kind: 'prove-backup',
  // What an interrupted proof left at its scratch place goes with the next one.
  observe: observeNothing,
  async act(context) {
    const { plan, step, effect, tools } = context;
    const id = await takenBackup(context, 'prove');
    const stores = step.input['stores'] as string[];
    const scratch = textInput(context, 'scratch') ?? '';
    const run = await tools.backups.prove(plan, { id, level: RESTORE_LEVEL, stores, scratch, by: null }, effect);
    const fault = faultOf(run);
    if (fault === null) return { id, level: run.level, seconds: secondsOf(run) };
    const how =
      outcomeOf(run) === 'fail' ? 'is not what was captured when it is restored' : 'could not be proven by a restore';
    throw problem('backup-invalid', `the backup ${how}: ${fault}`, {
      where: id,
      next: `Mend what it says, see it pass with shipway backup verify ${id} --level 3, and release again. Nothing was changed.`,
    });
  },
};
