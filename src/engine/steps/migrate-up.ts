import type { MigrateConfig } from '../../core/config/service-config.ts';
import type { Observation, Step, StepContext } from './step.ts';

/**
 * Migrates the schema up with the project's own tool. The tool goes to its newest revision and does nothing when it is there already,
 * so a run that was cut short is simply finished. Without a revision to ask, nobody can tell what a cut-short run did.
 */
export const migrateUpStep: Step = {
  kind: 'migrate-up',
  async observe(context): Promise<Observation> {
    const { migrator, version } = opened(context);
    const now = await migrator.revision(version, context.effect);
    if (now === null)
      return { state: 'cannot-tell', why: 'the release file gives no command that tells the schema revision' };
    return now === context.step.input['revisionBefore'] ? { state: 'not-begun' } : { state: 'half' };
  },
  async act(context) {
    const { migrator, version } = opened(context);
    const before = await migrator.revision(version, context.effect);
    await migrator.up(version, context.effect);
    return { before, after: await migrator.revision(version, context.effect) };
  },
};

function opened(context: StepContext) {
  const migrate = context.step.input['migrate'] as unknown as MigrateConfig;
  return { migrator: context.tools.adapters.migrator(migrate), version: context.plan.version.number };
}
