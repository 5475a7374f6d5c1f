import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { allowDeletion } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, ProvenCopy } from '../store.ts';
import { withScratchPlace } from '../scratch/scratch-place.ts';
import { checkTree, makeFoldersAbove, placesBelow } from './extract-tree.ts';
import { readTree } from './prove-tree.ts';
import type { TreeCopy } from './tree-copy.ts';
import { countersOf, rootsOf } from './tree-entries.ts';

/** Writes the tree below the places of its roots and reads it back. */
export async function restoreTree<Content extends object>(
  copy: TreeCopy<Content>,
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  for (const place of roots.values()) await makeFoldersAbove(place);
  const [first] = roots.values();
  if (first !== undefined) requireRoom(join(first, '..'), countersOf(copy.index)['bytes'] ?? 0, 'the restored files');
  const placeOf = placesBelow(roots);
  await copy.write(placeOf);
  await checkTree(copy, placeOf);
}

/** Every root of the tree under its own name below one folder. */
export function rootsBelow<Content extends object>(copy: TreeCopy<Content>, folder: string): Map<string, string> {
  return new Map(rootsOf(copy.index).map((root) => [root, join(folder, root)]));
}

/** Restores to scratch and compares the digest over all that is there; so a file too many is seen as well. */
export async function proveTree<Content extends object>(
  open: () => Promise<TreeCopy<Content>>,
  recorded: Capture,
  scratch: string,
  effect: Effect,
): Promise<ProvenCopy> {
  const root = { folder: join(scratch, 'files'), clear: (place: { folder: string }) => allowDeletion(place.folder) };
  return withScratchPlace(root, effect, async ({ folder }) => {
    const copy = await open();
    await restoreTree(copy, rootsBelow(copy, folder));
    await gap('stores.files.restored');
    if (copy.fingerprintOf(await readTree(copy, folder, effect)) !== recorded.fingerprint) {
      throw problem('backup-invalid', 'the restored files differ from what was captured', {
        where: folder,
        next: 'Use another backup: shipway backup list shows them.',
      });
    }
    const files = countersOf(copy.index)['files'];
    return {
      checked: [`${files} files restored and read back: names, rights and content as captured`],
      notChecked: [],
    };
  });
}
