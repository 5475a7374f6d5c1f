import { resolve } from 'node:path';
import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { realPathOf } from '../../../../platform/file-tree.ts';
import { scratchFolder, type StoreScope } from '../../scratch/scratch-folder.ts';
import type { Store } from '../../store.ts';
import { findReplaced } from '../../swap/find-replaced.ts';
import { recordOfSwap } from '../../swap/swap-journal.ts';
import { describeAddress, parseAddress } from '../address.ts';
import { captureCluster } from './capture-cluster.ts';
import { countClusterChanges } from './count-changes.ts';
import { extractCluster } from './extract-cluster.ts';
import { findServerProgram } from './find-programs.ts';
import { probeLive, type LocatedServer } from './live-server.ts';
import { openArchive } from './open-archive.ts';
import { proveCluster } from './prove-cluster.ts';
import type { PhysicalSettings } from './settings.ts';
import { stageCluster } from './stage-cluster.ts';
import { discardCluster, swapBackCluster, swapCluster, unstageCluster } from './swap-cluster.ts';
import type { SwitchedServer } from './switch-server.ts';

/** A store over the files of a whole PostgreSQL server. The place of a staged copy is a folder beside its data directory. */
export function openPhysicalStore(
  { url, physical }: { url: string; physical: PhysicalSettings },
  scope: StoreScope,
): Store {
  const locate = async (effect: Effect): Promise<LocatedServer> => ({
    settings: physical,
    address: parseAddress(effect.resolve(url)),
    directory:
      physical.directory === null
        ? null
        : await realPathOf(resolve(scope.projectDirectory, effect.resolve(physical.directory))),
  });
  const switched = async (effect: Effect): Promise<SwitchedServer> => requireSwitch(await locate(effect));
  return {
    kind: 'postgres',
    probe: async (effect) => {
      const { version, bytes, major } = await probeLive(await locate(effect), effect);
      await findServerProgram(physical.programs, major, effect);
      return { engine: `postgres ${version}`, bytes };
    },
    capture: async (folder, effect) =>
      captureCluster(await locate(effect), { folder, scratch: scratchFolder(scope, effect) }, effect),
    verify: async (folder, recorded, effect) => {
      await openArchive(folder, recorded, { place: null, signal: effect.signal });
    },
    extract: (folder, recorded, into, effect) => extractCluster({ folder, recorded }, into, effect),
    prove: async (folder, recorded, scratch, effect) =>
      proveCluster({ folder, recorded }, { server: await locate(effect), scratch }, effect),
    stage: async (folder, recorded, tag, effect) =>
      stageCluster(await switched(effect), { folder, recorded, tag, scratch: scratchFolder(scope, effect) }, effect),
    unstage: (staged) => unstageCluster(staged),
    swap: async (staged, effect) => swapCluster(await switched(effect), staged, effect),
    swapBack: async (record, effect) => swapBackCluster(await switched(effect), record, effect),
    recordOf: recordOfSwap,
    discard: (record) => discardCluster(record),
    replaced: async (effect) => {
      const { directory } = await locate(effect);
      return directory === null ? [] : findReplaced([directory], 'served');
    },
    changesSince: async (recorded, effect) => countClusterChanges(await locate(effect), recorded, effect),
  };
}

/** What a restore in place needs, or a refusal before anything is touched. */
function requireSwitch({ settings, address, directory }: LocatedServer): SwitchedServer {
  const { stop, start } = settings;
  if (directory !== null && stop !== null && start !== null) return { settings, address, directory, stop, start };
  throw problem('restore-failed', 'a copy of this server cannot be restored in place', {
    where: describeAddress(address),
    next: 'Name physical.directory with its stop and start commands in the release file, or restore into a folder and start a server on it.',
  });
}
