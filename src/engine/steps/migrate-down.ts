import type { MigrateConfig } from '../../core/config/service-config.ts';
import type { Observation, Step, StepContext } from './step.ts';
import { textInput } from './step-want.ts';

/** Takes the schema back with the NEWER version's files: the older ones lack the file that describes the way down. */
export const migrateDownStep: Step = {
  kind: 'migrate-down',
  async observe(context): Promise<Observation> {
    const { migrator, newer, target } = opened(context);
    const now = await migrator.revision(newer, context.effect);
    if (now === null)
      return { state: 'cannot-tell', why: 'the release file gives no command that tells the schema revision' };
    return now === target ? { state: 'done', result: { revision: now } } : { state: 'half' };
  },
  async act(context) {
    const { migrator, newer, target } = opened(context);
    // The way up may have failed before it began: then there is nothing to take back.
    const now = await migrator.revision(newer, context.effect);
    if (now !== null && now === target) return { revision: now };
    await migrator.down(newer, target, context.effect);
    return { revision: await migrator.revision(newer, context.effect) };
  },
};

function opened(context: StepContext) {
  const migrate = context.step.input['migrate'] as unknown as MigrateConfig;
  const newer = textInput(context, 'version') ?? context.plan.version.number;
  return { migrator: context.tools.adapters.migrator(migrate), newer, target: textInput(context, 'revisionBefore') };
}
