import { join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, sha256OfFile } from '../../../platform/files.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, Store } from '../store.ts';
import { parseAddress, type Address } from './address.ts';
import { captureDatabase } from './capture-database.ts';
import { countChanges } from './count-changes.ts';
import { countingOf } from './count-parts.ts';
import { describeTables } from './describe-tables.ts';
import { ARCHIVE, DESCRIPTION, invalid } from './description.ts';
import type { PostgresSettings } from './postgres-settings.ts';
import { probeServer, type LiveDatabase } from './probe-server.ts';
import { rehearseDatabase } from './rehearse-database.ts';
import { restoreIntoNew } from './restore-into-new.ts';
import { extractDatabase, stageDatabase, unstageDatabase } from './stage-database.ts';
import { proveDatabase } from './prove-database.ts';
import { namesFrom } from './database-names.ts';
import { discardReplaced, listReplaced, swapIn, swapOut } from './swap-databases.ts';
import { prestagingOf } from './staged-databases.ts';
import type { Tools } from './tools.ts';
import { watchWaits } from './watch-waits.ts';
import { postgresMaintenance } from './maintain-database.ts';
import { verifyArchive } from './verify-archive.ts';

export interface PostgresStore extends Store {
  /** Restores into a new database of the same server, verified; touches no other one. */
  extractInto(folder: string, capture: Capture, database: string, effect: Effect): Promise<void>;
}

const WAITS_UNREAD = { kind: 'unreachable', what: 'who holds its locks cannot be read' } as const;

/** A store over one database of a PostgreSQL server. The place of a staged copy is the name of a database beside it. */
export function openPostgresStore(settings: PostgresSettings): PostgresStore {
  // Read anew for each act: a password may have been changed meanwhile, and none is kept here.
  const toolsOf = (effect: Effect): Tools => ({
    address: parseAddress(effect.resolve(settings.url)),
    through: (settings.through ?? []).map((word) => effect.resolve(word)),
  });
  const scratchTools = (effect: Effect): Tools =>
    settings.scratch === undefined ? toolsOf(effect) : elsewhere(effect.resolve(settings.scratch));
  const liveOf = (effect: Effect): LiveDatabase => ({
    tools: toolsOf(effect),
    excludedTables: settings['exclude-tables'],
    lockWaitSeconds: settings['lock-wait'],
  });
  return {
    kind: 'postgres',
    maintenance: postgresMaintenance(liveOf),
    probe: async (effect) => {
      const { version, bytes } = await probeServer(liveOf(effect), effect);
      return { engine: `postgres ${version}`, bytes };
    },
    capture: (folder, effect) => captureDatabase(liveOf(effect), folder, effect),
    verify: async (folder, recorded, effect) =>
      void (await verifyArchive(folder, recorded, { tools: toolsOf(effect), effect })),
    extract: (folder, recorded, into, effect) => extractArchive({ folder, recorded, into }, toolsOf(effect), effect),
    extractInto: (folder, recorded, database, effect) =>
      extractDatabase({ tools: toolsOf(effect), folder, recorded, effect }, database),
    restoreInto: (folder, recorded, place, effect) =>
      restoreIntoNew({ tools: toolsOf(effect), folder, recorded, effect }, place),
    prove: (folder, recorded, scratch, effect) => {
      const tools = scratchTools(effect);
      return proveDatabase({ tools, folder, recorded, effect }, { scratch, live: toolsOf(effect).address.database });
    },
    stage: (folder, recorded, tag, effect) => stageDatabase({ tools: toolsOf(effect), folder, recorded, effect }, tag),
    unstage: (staged, effect) => unstageDatabase(staged, toolsOf(effect), effect),
    swap: (staged, effect) => swapIn(staged, toolsOf(effect).address, effect),
    swapBack: (record, effect) => swapOut(record, toolsOf(effect).address, effect),
    recordOf: (staged, effect) => ({ keptAt: namesFrom(staged.place, toolsOf(effect).address.database).kept }),
    discard: (record, effect) => discardReplaced(record, toolsOf(effect).address, effect),
    replaced: (effect) => listReplaced(toolsOf(effect).address, effect),
    changesSince: (recorded, effect) => countChanges(liveOf(effect), recorded, effect),
    ...lookingAt((effect) => toolsOf(effect).address),
    describeTables: (names, effect) => describeTables(names, toolsOf(effect).address, effect),
    watchWaits: (applicationName, found, effect) =>
      watchWaits({ address: toolsOf(effect).address, effect, failure: WAITS_UNREAD }, applicationName, found),
    rehearsing: rehearseDatabase((effect) => {
      const url = effect.resolve(settings.scratch ?? settings.url);
      return { live: liveOf(effect), scratch: { tools: scratchTools(effect), url } };
    }),
  };
}

/** What needs no program, only the address. */
function lookingAt(addressOf: (effect: Effect) => Address): Pick<Store, 'prestaging' | 'counting'> {
  return { prestaging: prestagingOf(addressOf), counting: countingOf(addressOf) };
}

/** Another server is reached by the programs of this machine: those of `through` are beside the live one. */
function elsewhere(url: string): Tools {
  return { address: parseAddress(url), through: [] };
}

/** The archive as a file for pg_restore, checked before and after. */
async function extractArchive(
  { folder, recorded, into }: { folder: string; recorded: Capture; into: string },
  tools: Tools,
  effect: Effect,
): Promise<void> {
  const { archive } = await verifyArchive(folder, recorded, { tools, effect });
  requireRoom(into, archive.bytes, 'the archive');
  for (const name of [ARCHIVE, DESCRIPTION]) await copyFileSynced(join(folder, name), join(into, name));
  const copy = join(into, ARCHIVE);
  if ((await sha256OfFile(copy)).sha256 !== archive.sha256)
    throw invalid('the copy of the archive is not the archive', copy);
}
