import { relative } from 'node:path';
import { isSameFile } from '../../core/backup/environment-snapshot.ts';
import type { JsonObject } from '../../core/release/json.ts';
import { replacedPath } from '../../platform/replace-file.ts';
import { changeOf, fileNow, notedEnvironment, putBack, replacedFile } from './step-environment.ts';
import type { Step, StepContext } from './step.ts';
import { textInput } from './step-want.ts';

/**
 * Puts the env file back as the version that returns was started with it. Only a file that is as the version that goes was started with it is
 * replaced: what somebody else changed meanwhile is not ours, it stays and is said. Unless a person wants it replaced, whatever it is.
 */
export const returnEnvironmentStep: Step = {
  kind: 'return-environment',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const { plan, releaseId, effect } = context;
    const wanted = await notedEnvironment(plan, textInput(context, 'release') ?? '', effect);
    const ours = await notedEnvironment(plan, textInput(context, 'from') ?? releaseId, effect);
    const now = await fileNow(plan, effect);
    if (wanted?.file === undefined || wanted.file === null) {
      return said(
        context,
        'left',
        `nobody wrote down with which one ${textInput(context, 'version') ?? ''} was started`,
      );
    }
    const changed = changeOf(now, wanted.file);
    const replaced = await replacedFile(plan, releaseId, effect);
    if (changed === null) {
      // An attempt that was killed may have done it already: what it put aside shows that.
      if (replaced === null) return said(context, 'same', null);
      return returned(context, changeOf(replaced, wanted.file), replacedPath(plan.envFile ?? '', releaseId));
    }
    const isOurs = ours !== null && isSameFile(now, ours.file);
    // What an attempt that was killed has put aside is kept; what was written since then is not, so it is nobody's to replace.
    const isWanted = textInput(context, 'replaces') === 'anything' && (replaced === null || isSameFile(now, replaced));
    if (!isOurs && !isWanted) {
      const why = `somebody changed it meanwhile; going back would mean: ${changed}`;
      effect.report(`${plan.envFile ?? ''} stays as it is: ${why}`);
      return said(context, 'left', why);
    }
    const aside = relative(effect.projectDirectory, await putBack(wanted.file, releaseId, effect));
    effect.report(`${plan.envFile ?? ''} is back as it was (${changed}); what was there: ${aside}`);
    return returned(context, changed, aside);
  },
};

function returned(context: StepContext, changed: string | null, keptAt: string): JsonObject {
  return { ...said(context, 'put-back', null), changed, keptAt };
}

function said({ plan, step }: StepContext, outcome: 'put-back' | 'same' | 'left', why: string | null): JsonObject {
  return { file: plan.envFile, version: step.input['version'] ?? null, outcome, why };
}
