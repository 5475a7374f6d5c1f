import { isAbsolute } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { StoreScope } from '../scratch/scratch-folder.ts';
import type { Capture, ReplacedData, Store } from '../store.ts';
import { isClusterFingerprint } from './physical/cluster-content.ts';
import { isPhysicalCopy } from './physical/description.ts';
import { isNoAnswer } from './physical/no-answer.ts';
import { openPhysicalStore } from './physical/physical-store.ts';
import { physicalSettings } from './physical/settings.ts';
import { openPostgresStore } from './postgres-store.ts';
import type { PostgresSettings } from './postgres-settings.ts';

/**
 * A store over PostgreSQL as the release file wants it copied: a database dumped, or the files of the whole server. Backups that were taken in
 * the other way before the file was changed are read and restored as they were taken.
 */
export function openPostgresCopies(settings: PostgresSettings, scope: StoreScope): Store {
  const dumps = openPostgresStore(settings);
  const physical = settings.physical ?? physicalSettings.parse({});
  const files = openPhysicalStore({ url: settings.url, physical }, scope);
  const isPhysical = settings.physical !== undefined;
  const now = isPhysical ? files : dumps;
  const ofCopy = (folder: string): Store => (isPhysicalCopy(folder) ? files : dumps);
  const ofCapture = ({ fingerprint }: Capture): Store => (isClusterFingerprint(fingerprint) ? files : dumps);
  // A staged dump is a database, a staged data directory a folder.
  const ofPlace = (place: string | null): Store => (place !== null && isAbsolute(place) ? files : dumps);
  // Both look at databases; a data directory that waits nobody could look at or find again.
  const { rehearsing, prestaging, ...acts } = dumps;
  const ofDumps = { ...(rehearsing && { rehearsing }), ...(prestaging && { prestaging }) };
  return {
    ...acts,
    ...(isPhysical ? {} : ofDumps),
    probe: (effect) => now.probe(effect),
    capture: (folder, effect) => now.capture(folder, effect),
    verify: (folder, recorded, effect) => ofCopy(folder).verify(folder, recorded, effect),
    extract: (folder, recorded, into, effect) => ofCopy(folder).extract(folder, recorded, into, effect),
    ...intoDatabase(dumps),
    prove: (folder, recorded, scratch, effect) => ofCopy(folder).prove(folder, recorded, scratch, effect),
    stage: (folder, recorded, tag, effect) => ofCopy(folder).stage(folder, recorded, tag, effect),
    unstage: (staged, effect) => ofPlace(staged.place).unstage(staged, effect),
    swap: (staged, effect) => ofPlace(staged.place).swap(staged, effect),
    swapBack: (record, effect) => ofPlace(record.keptAt).swapBack(record, effect),
    recordOf: (staged, effect) => ofPlace(staged.place).recordOf(staged, effect),
    discard: (record, effect) => ofPlace(record.keptAt).discard(record, effect),
    replaced: async (effect) => [
      ...(await files.replaced(effect)),
      ...(await databasesBeside(dumps, isPhysical, effect)),
    ],
    changesSince: (recorded, effect) => ofCapture(recorded).changesSince(recorded, effect),
  };
}

/** A new database can take what is in one database, and a copy of the files is of all of them. */
function intoDatabase(dumps: Store): Pick<Store, 'restoreInto'> {
  const restoreInto = dumps.restoreInto?.bind(dumps);
  if (restoreInto === undefined) return {};
  return {
    async restoreInto(folder, recorded, place, effect) {
      if (!isPhysicalCopy(folder)) return restoreInto(folder, recorded, place, effect);
      throw problem('usage', 'this is a copy of a whole PostgreSQL server, which is written into a folder', {
        next: 'Name a new folder with --into, and start a server on it.',
      });
    },
  };
}

/** Between stop and start of a physical restore nobody answers, and what it left has to be found all the same. */
async function databasesBeside(dumps: Store, isPhysical: boolean, effect: Effect): Promise<ReplacedData[]> {
  try {
    return await dumps.replaced(effect);
  } catch (error) {
    if (isPhysical && isNoAnswer(error)) return [];
    throw error;
  }
}
