import { basename, dirname, join, resolve } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import {
  copyFileSynced,
  readText,
  removeTree,
  syncDirectory,
  syncFile,
  writeAtomically,
} from '../../../platform/files.ts';
import { applyFacts, factsOf, realPathOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { Capture, DescribedTables, ProvenCopy, Store } from '../store.ts';
import { withScratchPlace } from '../scratch/scratch-place.ts';
import { discardReplaced, discardStaged, freeTag, noteStaged, swapIn, swapOut } from '../swap/swap-data.ts';
import { findReplaced } from '../swap/find-replaced.ts';
import { prestagingOfPaths } from '../swap/staged-ahead.ts';
import { keptInFolder, recordOfSwap, swapNames } from '../swap/swap-journal.ts';
import { requireRoom } from '../require-room.ts';
import { sqliteProblem, withDatabase, withLiveDatabase, type Connection } from './connection.ts';
import { literal, readContent } from './fingerprint.ts';
import { COMPANIONS } from './companions.ts';
import { countChanges } from './count-changes.ts';
import { countingOf } from './count-parts.ts';
import { describeTables } from './describe-tables.ts';
import type { SqliteSettings } from './settings.ts';
import { rehearseFile } from './rehearse-file.ts';
import { settleDatabase } from './settle-database.ts';
import { checkCopy } from './check-copy.ts';
import { sqliteMaintenance } from './maintain-database.ts';

const COPY = 'database.db';
const DESCRIPTION = 'database.json';

/** What the live file was, beyond its content: VACUUM INTO keeps none of it. */
interface Description {
  format: 1;
  gid: number;
  journalMode: 'wal' | 'delete';
  mode: number;
  uid: number;
}

/** A store over one SQLite database file. `path` may hold `$VARIABLES`; relative to the project. */
export function openSqliteStore(settings: SqliteSettings, scope: { projectDirectory: string }): Store {
  const extract = async (folder: string, recorded: Capture, into: string, effect: Effect): Promise<void> => {
    const live = await locate(effect);
    await prepareCopy(folder, join(into, basename(live)), recorded, live);
  };
  // SQLite keeps its companions beside the real file, so links are followed before anything is named.
  const locate = (effect: Effect): Promise<string> =>
    realPathOf(resolve(scope.projectDirectory, effect.resolve(settings.path)));
  return {
    kind: 'sqlite',
    maintenance: sqliteMaintenance(locate),
    probe: async (effect) => probe(await locate(effect), effect),
    capture: async (folder, effect) => capture(await locate(effect), folder, effect),
    verify: async (folder, recorded) => {
      await readDescription(folder);
      await checkCopy(join(folder, COPY), recorded, 'sealed');
    },
    extract,
    placeIn: async (into, effect) => join(into, basename(await locate(effect))),
    prove: async (folder, recorded, scratch, effect) =>
      prove({ folder, recorded, live: await locate(effect) }, scratch, effect),
    stage: async (folder, recorded, tag, effect) => stage(await locate(effect), folder, recorded, tag),
    unstage: (staged) => discardStaged(staged, COMPANIONS),
    swap: (staged, effect) => swapIn(staged, (path, role) => settleDatabase(path, role, effect)),
    recordOf: recordOfSwap,
    swapBack: (record, effect) => swapOut(record, (path, role) => settleDatabase(path, role, effect)),
    discard: (record) => discardReplaced(record),
    replaced: async (effect) => findReplaced([await locate(effect)]),
    prestaging: prestagingOfPaths(async (effect) => [await locate(effect)], COMPANIONS),
    changesSince: async (recorded, effect) => countChanges(await locate(effect), recorded, effect),
    counting: countingOf(locate),
    describeTables: async (names, effect) => describe(names, await locate(effect), effect),
    rehearsing: rehearseFile({
      locate,
      extract,
      copyLive: async (folder, effect) => {
        const live = await locate(effect);
        const { bytes } = await probe(live, effect);
        requireRoom(folder, bytes, live);
        await copyLive(live, join(folder, COPY), effect);
        return join(folder, COPY);
      },
    }),
  };
}

async function probe(live: string, effect: Effect): Promise<{ engine: string; bytes: number }> {
  const facts = await factsOf(live);
  if (facts === null || facts.type !== 'file') {
    throw problem('backup-failed', facts === null ? 'there is no database' : 'this is not a database file', {
      where: live,
      next: 'Correct the path of the store in the release file; it is relative to the project.',
    });
  }
  try {
    const engine = await withLiveDatabase(live, effect, async (database) => {
      await database.all('SELECT count(*) FROM sqlite_schema');
      return engineOf(database);
    });
    return { engine, bytes: facts.bytes + ((await factsOf(`${live}-wal`))?.bytes ?? 0) };
  } catch (error) {
    throw sqliteProblem('backup-failed', 'the database cannot be read', live, error);
  }
}

async function describe(names: readonly string[], live: string, effect: Effect): Promise<DescribedTables> {
  if ((await factsOf(live)) === null) return { engineVersion: null, tables: {} }; // before the first release
  try {
    return await withLiveDatabase(live, effect, (database) => describeTables(names, database));
  } catch (error) {
    throw sqliteProblem('unreachable', 'the sizes of its tables cannot be read', live, error);
  }
}

async function engineOf(database: Connection): Promise<string> {
  const [row] = await database.all('SELECT sqlite_version()');
  return `sqlite ${String(row?.[0])}`;
}

async function capture(live: string, folder: string, effect: Effect): Promise<Capture> {
  const { engine, bytes } = await probe(live, effect);
  const copy = join(folder, COPY);
  requireRoom(folder, bytes, live);
  await removeTree(copy);
  const { startedMs, description } = await copyLive(live, copy, effect);
  // SQLite does not sync what VACUUM INTO writes.
  await applyFacts(copy, {
    type: 'file',
    mode: 0o600,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mtimeMs: startedMs,
  });
  await syncFile(copy);
  await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
  await syncDirectory(folder);
  await gap('stores.sqlite.copied');
  effect.signal.throwIfAborted();
  const content = await withDatabase(copy, 'sealed', async (database) => {
    const [row] = await database.all('PRAGMA quick_check(1)');
    if (row?.[0] !== 'ok') throw new Error(`the copy is damaged: ${String(row?.[0])}`);
    return readContent(database);
  }).catch((error: unknown) => {
    throw sqliteProblem('backup-failed', 'the copy that was just made does not pass its check', live, error);
  });
  return { engine, consistentAt: timestamp(startedMs), liveBytes: bytes, ...content };
}

/** One consistent copy through SQLite's own read transaction. In rollback-journal mode writers wait while it runs (about 2 ms a MB). */
async function copyLive(
  live: string,
  copy: string,
  effect: Effect,
): Promise<{ startedMs: number; description: Description }> {
  try {
    return await withLiveDatabase(live, effect, async (database) => {
      const interrupt = (): void => database.interrupt();
      effect.signal.addEventListener('abort', interrupt, { once: true });
      try {
        const [mode] = await database.all('PRAGMA journal_mode');
        const startedMs = effect.clock.nowMs();
        await removeTree(copy); // a try that met a lock may have left a beginning
        await database.exec(`VACUUM INTO ${literal(copy)}`);
        return { startedMs, description: await describeLive(live, mode?.[0] === 'wal' ? 'wal' : 'delete') };
      } finally {
        effect.signal.removeEventListener('abort', interrupt);
      }
    });
  } catch (error) {
    await removeTree(copy);
    effect.signal.throwIfAborted();
    throw sqliteProblem('backup-failed', 'the database could not be copied', live, error);
  }
}

async function describeLive(live: string, journalMode: Description['journalMode']): Promise<Description> {
  const facts = await factsOf(live);
  if (facts === null) throw new Error(`${live} vanished while it was copied`);
  return { format: 1, gid: facts.gid, journalMode, mode: facts.mode, uid: facts.uid };
}

async function readDescription(folder: string): Promise<Description> {
  const path = join(folder, DESCRIPTION);
  const text = (await readText(path)) ?? '';
  try {
    const value = JSON.parse(text) as Description;
    const isCounts = [value.gid, value.mode, value.uid].every((number) => Number.isInteger(number) && number >= 0);
    if (value.format === 1 && isCounts && ['wal', 'delete'].includes(value.journalMode)) return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('backup-invalid', 'the description of the database is damaged', {
    where: path,
    next: 'Use another backup.',
  });
}

async function prove(
  { folder, recorded, live }: { folder: string; recorded: Capture; live: string },
  scratch: string,
  effect: Effect,
): Promise<ProvenCopy> {
  return withScratchPlace({ folder: join(scratch, 'sqlite') }, effect, async (place) => {
    const copy = join(place.folder, basename(live));
    await prepareCopy(folder, copy, recorded, live);
    await gap('stores.sqlite.restored');
    // As the service would open it: with its journal mode, and for writing.
    await checkCopy(copy, recorded, 'own');
    const tables = Object.keys(recorded.counters).length;
    return {
      checked: [
        `restored database opened for writing: integrity check, rows and content of ${tables} tables as captured`,
      ],
      notChecked: [],
    };
  });
}

async function stage(live: string, folder: string, recorded: Capture, tag: string): Promise<{ place: string }> {
  const free = await freeTag(live, tag);
  const names = swapNames(live, free);
  await discardStaged({ place: names.place }, COMPANIONS);
  await prepareCopy(folder, names.place, recorded, live);
  await gap('stores.sqlite.staged');
  await noteStaged(names.journal, [{ live, staged: names.place, kept: keptInFolder(live, free) }], COMPANIONS);
  return { place: names.place };
}

/** Writes the copy to the place, as the live file was (journal mode, rights, owner), and verifies it there. */
async function prepareCopy(folder: string, place: string, recorded: Capture, live: string): Promise<void> {
  const description = await readDescription(folder);
  const source = join(folder, COPY);
  requireRoom(dirname(place), (await factsOf(source))?.bytes ?? 0, live);
  await copyFileSynced(source, place);
  try {
    await checkCopy(place, recorded, 'sealed');
    await withDatabase(place, 'own', (database) => database.exec(`PRAGMA journal_mode = ${description.journalMode}`));
    const owner = (await factsOf(live)) ?? description;
    const mtimeMs = Date.parse(recorded.consistentAt);
    await applyFacts(place, { type: 'file', mode: owner.mode, uid: owner.uid, gid: owner.gid, mtimeMs });
    for (const ending of COMPANIONS) await removeTree(place + ending);
    await syncFile(place);
    await syncDirectory(dirname(place));
  } catch (error) {
    for (const ending of ['', ...COMPANIONS]) await removeTree(place + ending);
    throw sqliteProblem('restore-failed', 'the copy cannot be restored', place, error);
  }
}
