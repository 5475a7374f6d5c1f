import { basename, join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, listDirectory, removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { stopByEnvironment } from '../../../platform/process-table.ts';
import type { Capture, Rehearsing, Scratch } from '../store.ts';
import { withDatabase } from './connection.ts';
import { readState } from './read-state.ts';
import { statementsIn } from './try-statements.ts';

const GRACE_SECONDS = 5;

/** What of the store a rehearsal needs. */
interface FileStore {
  locate(effect: Effect): Promise<string>;
  /** Writes a consistent copy of the live data into the folder and gives its path. */
  copyLive(folder: string, effect: Effect): Promise<string>;
  extract(folder: string, capture: Capture, into: string, effect: Effect): Promise<void>;
}

/**
 * Rehearsals on a copy in a folder of the project. Only one rehearsal of a project runs at a time, so that every folder that is found
 * before one begins is left over.
 */
export function rehearseFile(store: FileStore): Rehearsing {
  return {
    sweep: async (effect) => {
      const removed: string[] = [];
      for (const name of listDirectory(folderOf(effect))) {
        const token = `rehearsal/${name.split('-')[0]}/`;
        await stopByEnvironment('SHIPWAY_STEP', (value) => value.startsWith(token), GRACE_SECONDS, effect.clock);
        await removeTree(join(folderOf(effect), name));
        removed.push(join(folderOf(effect), name));
      }
      return removed;
    },
    nowhere: async (id, effect) => {
      // The folder is not there, so that no tool can make the file it does not find.
      return { SCRATCH_PATH: join(folderOf(effect), `${id}-nowhere`, basename(await store.locate(effect))) };
    },
    restore: async ({ folder, capture }, id, effect) => {
      const into = join(folderOf(effect), id);
      await ensureDirectory(into);
      try {
        await store.extract(folder, capture, into, effect);
      } catch (error) {
        await removeTree(into);
        throw error;
      }
      await gap('stores.sqlite.rehearsal-restored');
      return scratchAt(into, basename(await store.locate(effect)));
    },
    readLive: async (id, effect) => {
      const into = join(folderOf(effect), `${id}-live`);
      await ensureDirectory(into);
      try {
        return await withDatabase(await store.copyLive(into, effect), 'sealed', readState);
      } finally {
        await removeTree(into);
      }
    },
  };
}

const folderOf = (effect: Effect): string => join(effect.stateDirectory, 'rehearsals');

function scratchAt(folder: string, name: string): Scratch {
  const path = join(folder, name);
  return {
    variables: { SCRATCH_PATH: path },
    place: path,
    hasLocks: false,
    // May roll back what a migration that was killed has left.
    read: () => withDatabase(path, 'repair', readState),
    watch: async (act) => ({ result: await act(), locks: null }),
    statements: statementsIn(path),
    quiet: () => Promise.resolve(),
    remove: async () => {
      await removeTree(folder);
      await removeTree(`${folder}-nowhere`);
    },
  };
}
