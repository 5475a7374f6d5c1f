import type { Effect } from '../../../../platform/effect.ts';
import { gap } from '../../../../platform/gap.ts';
import type { UserIds } from '../../../../platform/ownership.ts';
import type { Capture, ProvenCopy } from '../../store.ts';
import { invalid } from '../description.ts';
import { clusterDifference, countersOf, fingerprintOf, readCluster, requestsAt } from './cluster-content.ts';
import { withCopyServer, type CopyOnDisk } from './copy-server.ts';
import { majorOf, readDescription, type Description } from './description.ts';
import { findServerProgram } from './find-programs.ts';
import type { LocatedServer } from './live-server.ts';
import { archiveBytes, openArchive } from './open-archive.ts';
import { withScratchCopy } from './scratch-copy.ts';
import { serverUser } from './server-user.ts';

const READ_FAILURE = { kind: 'backup-invalid', what: 'the restored copy cannot be read' } as const;

/** A copy of a backup. */
export interface SavedCopy {
  folder: string;
  recorded: Capture;
}

/** What a machine needs to start a saved copy. */
export async function machineFor(
  { settings, directory }: LocatedServer,
  description: Description,
  effect: Effect,
): Promise<Pick<CopyOnDisk, 'user' | 'program' | 'major' | 'superuser' | 'preparedMax' | 'timeoutSeconds'>> {
  const user: UserIds | null = await serverUser(directory, description.owner, effect);
  const major = majorOf(description);
  const program = await findServerProgram(settings.programs, major, effect);
  const { superuser, preparedMax } = description;
  return { user, program, major, superuser, preparedMax, timeoutSeconds: settings.timeoutSeconds };
}

/** Writes the copy to a scratch folder, recovers it with a server of our own, and compares everything in it with the capture. */
export async function proveCluster(
  { folder, recorded }: SavedCopy,
  { server, scratch }: { server: LocatedServer; scratch: string },
  effect: Effect,
): Promise<ProvenCopy> {
  const machine = await machineFor(server, await readDescription(folder, recorded), effect);
  const bytes = await archiveBytes(folder);
  const order = { scratch, user: machine.user, directory: server.directory, bytes };
  return withScratchCopy(order, effect, async (place, inner) => {
    const tree = { root: place.directory, owner: machine.user, isSynced: false };
    const description = await openArchive(folder, recorded, { place: tree, signal: inner.signal });
    await gap('stores.postgres.extracted');
    await recoverAndCompare({ ...place, ...machine, fate: 'scratch' }, description, inner);
    const tables = Object.keys(countersOf(description.content)).length - 1;
    return {
      checked: [
        `restored to a folder and recovered by a server of its own up to ${description.endLsn}: every row of ${tables} tables in ${description.content.databases.length} databases as in the copy when it was taken`,
      ],
      notChecked: [
        'indexes of the restored copy',
        'rows against the live server: the fingerprint is of the copy itself',
      ],
    };
  });
}

/** Starts a server on the extracted copy; throws `backup-invalid` with the first thing that differs from the capture. */
export async function recoverAndCompare(copy: CopyOnDisk, description: Description, effect: Effect): Promise<void> {
  await withCopyServer(copy, effect, async (address) => {
    const { format } = description;
    const found = await readCluster(requestsAt(address, effect, READ_FAILURE), 'template1', { of: 'copy', format });
    const difference = clusterDifference(found, description.content);
    if (difference !== null) throw invalid(difference, copy.directory);
    if (fingerprintOf(found) !== fingerprintOf(description.content))
      throw invalid('the restored server is not what was captured', copy.directory);
  });
}
