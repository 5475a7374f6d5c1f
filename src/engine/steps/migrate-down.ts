import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';
import { problem } from '../../core/release/problem.ts';
import { nameHolders } from './step-holders.ts';
import {
  countLoss,
  goneUncounted,
  leftHalf,
  lossRecord,
  lossWords,
  placeOfStep,
  readShapes,
  type CountedLoss,
  type Shapes,
} from './step-loss.ts';
import { migratorOf } from './step-migrator.ts';
import type { Observation, Step, StepContext } from './step.ts';
import { textInput } from './step-want.ts';
import { withWayDown } from './step-way-down.ts';

/** Takes the schema back with the NEWER version's files, those of the project or those that the backup kept: the older ones lack the file that describes the way down. */
export const migrateDownStep: Step = {
  kind: 'migrate-down',
  async observe(context): Promise<Observation> {
    const { migrator, newer, target } = opened(context);
    const now = await withWayDown(context, (effect) => migrator.revision(newer, effect));
    if (now === null)
      return { state: 'cannot-tell', why: 'the release file gives no command that tells the schema revision' };
    if (now !== target || (await whatIsLeft(context)).length > 0) return { state: 'half' };
    return { state: 'done', result: { revision: now } };
  },
  act: (context) => withWayDown(context, (effect, keptBy) => goDown(context, effect, keptBy)),
};

async function goDown(context: StepContext, effect: Effect, keptBy: string | null): Promise<JsonObject> {
  const { migrator, newer, target } = opened(context);
  // The way up may have failed before it began: then there is nothing to take back.
  const now = await migrator.revision(newer, effect);
  if (now !== null && now === target) {
    const left = await whatIsLeft(context);
    if (left.length > 0) throw halfWay(context, now, left);
    return { revision: now };
  }
  const before = await readShapes(placeOfStep(context));
  const loss = before === null || Object.keys(before).length === 0 ? null : await tellLoss(context);
  await nameHolders(context, 'down', () => migrator.down(newer, target, effect));
  const revision = await migrator.revision(newer, effect);
  const lost = loss === null ? {} : { lost: await lossOf(context, before, loss) };
  return { revision, ...(keptBy === null ? {} : { keptBy }), ...lost };
}

/** Of the way up of this release, where that is what is taken back. */
async function whatIsLeft(context: StepContext): Promise<string[]> {
  const wayUp = textInput(context, 'undoes');
  return wayUp === null ? [] : leftHalf(context, wayUp);
}

function halfWay({ step, releaseId, plan }: StepContext, revision: string, left: string[]): Error {
  const what = `the migration stopped half way, without a transaction: the revision is ${revision} as before, but ${left.join(', ')}`;
  return problem('migration-failed', what, {
    where: step.id,
    next: `Take back by hand what is named, then: shipway resume ${releaseId}. What it was before: shipway backup restore before:${releaseId} --env ${plan.environment} --into FOLDER`,
  });
}

/** Counted when nobody writes any more, and in the journal before it is thrown away. */
async function tellLoss(context: StepContext): Promise<CountedLoss> {
  const { effect, tools, releaseId, step } = context;
  const loss = await countLoss(context);
  for (const line of lossWords(loss)) effect.report(line);
  await tools.memory.tellLoss(releaseId, step.id, lossRecord(loss));
  return loss;
}

/** What was counted, and what else is gone. */
async function lossOf(context: StepContext, before: Shapes | null, loss: CountedLoss): Promise<JsonObject> {
  const others = goneUncounted(before, await readShapes(placeOfStep(context)), loss);
  if (others.length === 0 || loss.uncounted !== null) return lossRecord(loss);
  const uncounted = `${others.join(', ')} went too, which the way up had not brought`;
  context.effect.report(uncounted);
  return lossRecord({ ...loss, uncounted });
}

function opened(context: StepContext) {
  const newer = textInput(context, 'version') ?? context.plan.version.number;
  return { migrator: migratorOf(context), newer, target: textInput(context, 'revisionBefore') };
}
