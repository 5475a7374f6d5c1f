import { changeOf, noteEnvironment, notedEnvironment } from './step-environment.ts';
import type { Step } from './step.ts';

/** Writes down with which environment the version is started, encrypted, so that a later rollback can put it back. */
export const keepEnvironmentStep: Step = {
  kind: 'keep-environment',
  observe: async () => ({ state: 'half' }),
  async act({ plan, releaseId, effect }) {
    const before = plan.previous === null ? null : await notedEnvironment(plan, plan.previous.release, effect);
    const { file } = await noteEnvironment(plan, releaseId, effect);
    const changed = before === null ? null : changeOf(before.file, file);
    return { file: plan.envFile, changed };
  },
};
