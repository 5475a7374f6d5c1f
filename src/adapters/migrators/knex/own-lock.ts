import { dirname, join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, readText, removeTree, writeAtomically } from '../../../platform/files.ts';

/**
 * Knex locks by a row that stays when it is killed, and cannot tell whose it was. So it is noted that a run of this release began, and
 * taken off when the run ended by itself. A note that is still there: our own run was killed, and its lock may be broken.
 */
function noteOf(effect: Effect): string {
  const [release = ''] = effect.token.split('/');
  return join(effect.stateDirectory, 'migrators', `knex-${release.replaceAll(/[^\w.-]/g, '_')}`);
}

export async function noteRun(effect: Effect): Promise<void> {
  const note = noteOf(effect);
  await ensureDirectory(dirname(note));
  await writeAtomically(note, `${effect.token}\n`);
}

export async function forgetRun(effect: Effect): Promise<void> {
  await removeTree(noteOf(effect));
}

/** Whether a run of this release was cut short, here on this machine. */
export async function wasCutShort(effect: Effect): Promise<boolean> {
  return (await readText(noteOf(effect))) !== null;
}
