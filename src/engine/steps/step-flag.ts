import { dirname, resolve } from 'node:path';
import { ensureDirectory, readText, removeTree, writeAtomically } from '../../platform/files.ts';
import { bindVariables } from '../../core/release/bind-variables.ts';
import type { StepContext } from './step.ts';

const FOLDER_MODE = 0o755; // the service may run as another user, and has to see the file
const FILE_MODE = 0o644;

/** The path as the release file has it, in the project. */
export function joinProject(path: string, { plan, effect }: Pick<StepContext, 'plan' | 'effect'>): string {
  const bound = bindVariables(path, { SERVICE: plan.service, ENVIRONMENT: plan.environment });
  return resolve(effect.projectDirectory, effect.resolve(bound));
}

/** The file by which the service knows that it has to refuse work; it says who wrote it. */
export async function writeFlag(path: string, { releaseId }: Pick<StepContext, 'releaseId'>): Promise<void> {
  await ensureDirectory(dirname(path), FOLDER_MODE);
  await writeAtomically(path, `maintenance by ${releaseId}\n`, FILE_MODE);
}

/** Says whether it was there. A folder of that name is not ours: reading it as a file fails. */
export async function removeFlag(path: string): Promise<boolean> {
  if ((await readText(path)) === null) return false;
  await removeTree(path);
  return true;
}
