import { join } from 'node:path';
import { stepsOf } from '../../core/plan/plan.ts';
import { isProblem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { exists } from '../../platform/files.ts';
import { withOverlay } from '../../platform/overlay-folder.ts';
import type { StepContext } from './step.ts';
import { textInput } from './step-want.ts';

/**
 * Lets the way down run where its files are: in the project while they are all there, so that a script somebody has mended is used; otherwise in
 * a folder that looks like the project with the files of the backup over it. Which image or checkout lies in the project then does not matter.
 */
export async function withWayDown<Result>(
  context: StepContext,
  use: (effect: Effect, keptBy: string | null) => Promise<Result>,
): Promise<Result> {
  const { effect } = context;
  const stored = await storedFiles(context);
  const missing = stored.paths.find((path) => !exists(join(effect.projectDirectory, path)));
  if (missing === undefined) return use(effect, null);
  const files = await stored.read();
  if (files === null) return use(effect, null);
  effect.report(
    `${missing} is not in the project any more: the way down uses the files that ${stored.backup} has kept`,
  );
  const place = join(effect.stateDirectory, 'way-down');
  return withOverlay(effect.projectDirectory, files, place, (overlaid) =>
    use({ ...effect, projectDirectory: overlaid }, stored.backup),
  );
}

interface StoredFiles {
  backup: string;
  paths: string[];
  /** null, and said: they cannot be read here. */
  read(): Promise<{ path: string; bytes: Buffer }[] | null>;
}

/** Of the backup that the plan names; else of the one that the release itself took; else, by hand, of the one before the version that runs. */
async function storedFiles(context: StepContext): Promise<StoredFiles> {
  const { plan, tools, effect } = context;
  const reference = await backupMeant(context);
  const nothing: StoredFiles = { backup: '', paths: [], read: async () => null };
  if (reference === null) return nothing;
  try {
    const { id, downPaths } = await tools.backups.find(plan, reference);
    const read = async () => {
      try {
        return await tools.backups.readDown(plan, id);
      } catch (error) {
        if (!isProblem(error)) throw error;
        effect.report(`the files that ${id} has kept for the way down cannot be read: ${error.message}`);
        return null;
      }
    };
    return { backup: id, paths: downPaths, read };
  } catch (error) {
    if (!isProblem(error)) throw error;
    effect.report(`the backup with the files of the way down cannot be used: ${error.message}`);
    return nothing;
  }
}

async function backupMeant(context: StepContext): Promise<string | null> {
  const { plan, releaseId, tools } = context;
  const named = textInput(context, 'downFrom');
  if (named !== null) return named;
  const own = (await tools.memory.resultOf(releaseId, 'backup.pre-release'))?.['id'];
  if (typeof own === 'string') return own;
  // The way back out of a release has no step of its own that names one; a rollback by hand undoes what an older release did.
  const isByHand = plan.kind === 'rollback' && stepsOf(plan).every(({ step }) => !step.id.startsWith('undo.'));
  return isByHand && plan.previous !== null ? `before:${plan.previous.release}` : null;
}
