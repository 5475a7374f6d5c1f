import { join } from 'node:path';
import type { Effect } from '../../../../platform/effect.ts';
import { copyFileSynced, syncDirectory } from '../../../../platform/files.ts';
import { makeDirectory } from '../../../../platform/file-tree.ts';
import { giveTo } from '../../../../platform/ownership.ts';
import { MANIFEST, readDescription } from './description.ts';
import { openArchive } from './open-archive.ts';
import type { SavedCopy } from './prove-cluster.ts';

/**
 * The data directory as a folder `data`, as pg_basebackup would have left it: every file compared with the list of the server, and that list
 * beside them. It is not recovered; the server that is started on it does that.
 */
export async function extractCluster({ folder, recorded }: SavedCopy, into: string, effect: Effect): Promise<void> {
  const recordedOwner = (await readDescription(folder, recorded)).owner;
  const owner = process.getuid?.() === 0 ? recordedOwner : null;
  const root = join(into, 'data');
  await makeDirectory(root);
  if (owner !== null) await giveTo(root, owner);
  await openArchive(folder, recorded, { place: { root, owner, isSynced: true }, signal: effect.signal });
  await copyFileSynced(join(folder, MANIFEST), join(root, MANIFEST));
  if (owner !== null) await giveTo(join(root, MANIFEST), owner);
  await syncDirectory(into);
}
