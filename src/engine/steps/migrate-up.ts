import { withoutBrackets } from '../../core/plan/contract-sql.ts';
import { sqlDigest } from '../../core/plan/pending-migration.ts';
import { problem } from '../../core/release/problem.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import { nameHolders } from './step-holders.ts';
import { noteShapes, partsAdded, placeOfStep, readShapes, type Shapes } from './step-loss.ts';
import { migratorOf } from './step-migrator.ts';
import type { Observation, Step, StepContext } from './step.ts';
import { textInput } from './step-want.ts';

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
    await requireJudged(context, before);
    const shapes = await shapesBefore(context, before);
    if (isFirstAttempt(context)) await noteShapes(context, shapes);
    await nameHolders(context, 'up', () => migrator.up(version, context.effect));
    return { before, after: await migrator.revision(version, context.effect), ...(await addedSince(context, shapes)) };
  },
};

function opened(context: StepContext) {
  return { migrator: migratorOf(context), version: context.plan.version.number };
}

/** null: what is there already may be the work of a run of ours that was cut short, or nothing goes down from here. */
async function shapesBefore(context: StepContext, revision: string | null): Promise<Shapes | null> {
  const isUntouched =
    isFirstAttempt(context) || (revision !== null && revision === textInput(context, 'revisionBefore'));
  return isUntouched && !isContract(context) ? readShapes(placeOfStep(context)) : null;
}

/** What a way down will have no place for; nothing where no store has columns, or where nobody could look. */
async function addedSince(context: StepContext, before: Shapes | null): Promise<JsonObject> {
  if (before === null || Object.keys(before).length === 0) return {};
  const added = partsAdded(before, await readShapes(placeOfStep(context)));
  return added === null ? {} : { added: added as unknown as Json };
}

/** What was judged and approved is what runs: the SQL is asked for once more, and nothing is touched when it is another. */
async function requireJudged(context: StepContext, revision: string | null): Promise<void> {
  const judged = textInput(context, 'judgedSql');
  if (judged === null) return;
  const planned = await plannedRevision(context);
  // A run of ours that was cut short has gone a part of the way; what is left is no longer the text that was judged.
  if (revision !== planned && !isFirstAttempt(context)) return;
  const { migrator, version } = opened(context);
  const seen = await migrator.preview(version, context.effect);
  // The contract was seen behind the way up, without the brackets of a run.
  const found = 'unseen' in seen ? null : sqlDigest(isContract(context) ? withoutBrackets(seen.sql) : seen.sql);
  if (found === judged) return;
  const moved =
    revision === planned
      ? ''
      : `; the data was at ${planned ?? 'an unknown revision'} then and is at ${revision ?? 'an unknown one'} now`;
  const what =
    'unseen' in seen
      ? `cannot be seen any more: ${seen.unseen}`
      : 'is not the SQL that was judged when the plan was made';
  throw problem(
    'migration-failed',
    `what migrate up of ${version} would run now ${what}${moved}; nothing of it was run`,
    {
      where: context.step.id,
      next: `Find out what changed (the migration files, or the data), then plan again: shipway plan ${version} --env ${context.plan.environment}`,
    },
  );
}

/** The one that the plan was made for; for the contract the one that the way up of this release led to. */
async function plannedRevision(context: StepContext): Promise<string | null> {
  const after = textInput(context, 'after');
  if (after === null) return textInput(context, 'revisionBefore');
  const result = await context.tools.memory.resultOf(context.releaseId, after);
  const revision = result?.['after'];
  return typeof revision === 'string' ? revision : null;
}

function isContract(context: StepContext): boolean {
  return textInput(context, 'after') !== null;
}

/** The token is `<release>/<step>/<attempt>`. */
function isFirstAttempt(context: StepContext): boolean {
  return context.effect.token.endsWith('/1');
}
