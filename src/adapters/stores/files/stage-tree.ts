import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged } from '../store.ts';
import { freeTag, noteStaged } from '../swap/swap-data.ts';
import { swapNames } from '../swap/swap-journal.ts';

/** Restores each root of a copy beside the live one; what was begun is taken away when that fails. */
export async function stageTree(
  projectDirectory: string,
  { roots, tag }: { roots: readonly string[]; tag: string },
  restore: (places: ReadonlyMap<string, string>) => Promise<void>,
): Promise<Staged> {
  const anchor = roots[0];
  if (anchor === undefined)
    throw problem('backup-invalid', 'the copy is empty', { where: tag, next: 'Use another backup.' });
  const free = await freeTag(join(projectDirectory, anchor), tag);
  const names = swapNames(join(projectDirectory, anchor), free);
  const paths = roots.map((root) => {
    const live = join(projectDirectory, root);
    return { live, staged: `${live}.restore-${free}`, kept: `${live}.replaced-${free}` };
  });
  await removeTree(names.journal);
  for (const path of paths) await removeTree(path.staged);
  try {
    await restore(new Map(roots.map((root, at) => [root, paths[at]?.staged ?? ''])));
  } catch (error) {
    for (const path of paths) await removeTree(path.staged);
    throw error;
  }
  await gap('stores.files.staged');
  await noteStaged(names.journal, paths, []);
  return { place: names.place };
}
