import { problem } from '../../core/release/problem.ts';
import type { StepContext } from './step.ts';
import { textInput } from './step-want.ts';

/** Id of the backup that an earlier step of the release has taken, as the step names it; `deed` says what it is wanted for. */
export async function takenBackup(context: StepContext, deed: string): Promise<string> {
  const { step, tools, releaseId } = context;
  const id = (await tools.memory.resultOf(releaseId, textInput(context, 'takenBy') ?? ''))?.['id'];
  if (typeof id === 'string') return id;
  throw problem('internal', `there is no backup of this release to ${deed}`, {
    where: step.id,
    next: 'Start the release again.',
  });
}
