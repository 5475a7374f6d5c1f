import { dirname } from 'node:path';
import { errorCode } from './error-code.ts';
import { ensureDirectory, nameBeside, readText, removeTree, writeAtomically } from './files.ts';
import { hardLink } from './file-tree.ts';

/**
 * The text of a file that is made on first use, 0600. Two processes that both need it first end up with the same one: the first that gives it its
 * name wins. null: it was taken away while it was made.
 */
export async function madeOnce(path: string, make: () => string): Promise<string | null> {
  const there = await readText(path);
  if (there !== null) return there;
  await ensureDirectory(dirname(path));
  const beside = nameBeside(path);
  await writeAtomically(beside, make());
  try {
    await hardLink(beside, path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await removeTree(beside);
  }
  return readText(path);
}
