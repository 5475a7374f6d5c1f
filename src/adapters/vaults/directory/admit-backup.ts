import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { removeTree, rename } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Sealed } from '../vault.ts';
import { verifyParts } from './check-sealed.ts';
import { syncTree } from './find-parts.ts';
import { invalid, readSealed } from './read-sealed.ts';
import { readTombstone, recoverTrashed, REMOVING } from './trash.ts';
import type { VaultPlace } from './vault-place.ts';

/** The backup of that id if it lies here whole, also in the trash; null when it does not. Throws when it is here and is not whole. */
export async function admitted(place: VaultPlace, id: string): Promise<Sealed | null> {
  const { directory } = place;
  if ((await factsOf(join(directory, id))) === null) return null;
  try {
    const sealed = await readSealed(place, id);
    await verifyParts(place, sealed);
    await bringToLight(directory, id);
    return sealed;
  } catch (error) {
    throw problem('refused', `${id} lies here already, and is not whole: ${(error as Error).message}`, {
      where: join(directory, id),
      next: `Move it away, and fetch again: mv ${join(directory, id)} ${join(directory, id)}.broken`,
      cause: error,
    });
  }
}

/** Checks every byte of what was filled into a folder beside, and gives it its name; what is wrong is never listed. */
export async function admit(
  place: VaultPlace,
  { id, partial }: { id: string; partial: string },
  fill: (folder: string) => Promise<void>,
): Promise<Sealed> {
  const { directory, keys } = place;
  const folder = join(partial, id);
  await fill(folder);
  await gap('vaults.filled');
  // Read as if it were a vault of its own, so that it is judged like any other backup.
  const beside = { directory: partial, keys };
  const sealed = await readSealed(beside, id);
  if (sealed.manifest.seal === undefined)
    throw invalid('it is of the format that nobody signs, so its origin is not known', id);
  await verifyParts(beside, sealed);
  await syncTree(partial, () => false);
  await removeTree(join(directory, id + REMOVING)); // of an earlier one of that id, whose deletion was begun
  await rename(folder, join(directory, id));
  await gap('vaults.admitted');
  await bringToLight(directory, id);
  return sealed;
}

/** Somebody wants it back: it is in the trash no more. */
async function bringToLight(directory: string, id: string): Promise<void> {
  if ((await readTombstone(directory, id)) !== null) await recoverTrashed(directory, id);
}
