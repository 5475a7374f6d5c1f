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
import { requireRoom } from '../require-room.ts';
import type { Capture, ProvenCopy, Store } from '../store.ts';
import { findReplaced } from '../swap/find-replaced.ts';
import { prestagingOfPaths } from '../swap/staged-ahead.ts';
import { withScratchPlace } from '../scratch/scratch-place.ts';
import { discardReplaced, discardStaged, freeTag, noteStaged, swapIn, swapOut } from '../swap/swap-data.ts';
import { keptInFolder, recordOfSwap, swapNames } from '../swap/swap-journal.ts';
import { checkCopy, engineName, isDatabase } from './check-copy.ts';
import { COMPANIONS, SPILL } from './companions.ts';
import { duckdbProblem, holderIn, withDatabase, withinLockLimit } from './connection.ts';
import { copyDatabase } from './copy-database.ts';
import { countChanges } from './count-changes.ts';
import { readContent, type Content } from './fingerprint.ts';
import { duckdbMaintenance } from './maintain-database.ts';
import type { DuckdbSettings } from './settings.ts';

const COPY = 'database.duckdb';
const DESCRIPTION = 'database.json';
const BARE_BYTES = 12_288; // the three headers: the size of a database in which nothing was ever written

/** What the live file was, beyond its content. */
interface Description {
  format: 1;
  gid: number;
  mode: number;
  uid: number;
}

/** A store over one DuckDB database file. `path` may hold `$VARIABLES`; relative to the project. */
export function openDuckdbStore(settings: DuckdbSettings, scope: { projectDirectory: string }): Store {
  // DuckDB keeps its log beside the path it was given; links are followed, so that there is one place for both.
  const locate = (effect: Effect): Promise<string> =>
    realPathOf(resolve(scope.projectDirectory, effect.resolve(settings.path)));
  return {
    kind: 'duckdb',
    maintenance: duckdbMaintenance(locate),
    probe: async (effect) => probe(await locate(effect)),
    capture: async (folder, effect) => capture(await locate(effect), folder, settings, effect),
    verify: async (folder, recorded) => {
      await readDescription(folder);
      await checkCopy(join(folder, COPY), recorded);
    },
    extract: async (folder, recorded, into, effect) => {
      const live = await locate(effect);
      await prepareCopy(folder, join(into, basename(live)), recorded, live);
    },
    placeIn: async (into, effect) => join(into, basename(await locate(effect))),
    prove: async (folder, recorded, scratch, effect) =>
      prove({ folder, recorded, live: await locate(effect) }, scratch, effect),
    stage: async (folder, recorded, tag, effect) => stage(await locate(effect), folder, recorded, tag),
    unstage: (staged) => discardStaged(staged, COMPANIONS),
    swap: (staged, effect) => swapIn(staged, (path, role) => requireReleased(path, role, effect)),
    swapBack: (record, effect) => swapOut(record, (path, role) => requireReleased(path, role, effect)),
    recordOf: recordOfSwap,
    discard: (record) => discardReplaced(record),
    replaced: async (effect) => findReplaced([await locate(effect)]),
    prestaging: prestagingOfPaths(async (effect) => [await locate(effect)], COMPANIONS),
    changesSince: async (recorded, effect) => countChanges(await locate(effect), recorded, settings, effect),
  };
}

async function probe(live: string): Promise<{ engine: string; bytes: number }> {
  const facts = await factsOf(live);
  const next = 'Correct the path of the store in the release file; it is relative to the project.';
  if (facts === null || facts.type !== 'file') {
    const what = facts === null ? 'there is no database' : 'this is not a database file';
    throw problem('backup-failed', what, { where: live, next });
  }
  if (!(await isDatabase(live))) throw problem('backup-failed', 'this is not a DuckDB database', { where: live, next });
  let bytes = facts.bytes;
  for (const ending of COMPANIONS) bytes += (await factsOf(live + ending))?.bytes ?? 0;
  return { engine: await engineName(), bytes };
}

async function capture(live: string, folder: string, settings: DuckdbSettings, effect: Effect): Promise<Capture> {
  const { engine, bytes } = await probe(live);
  const copy = join(folder, COPY);
  requireRoom(folder, bytes, live);
  if (settings.copyWith !== null) requireRoom(dirname(live), bytes, live);
  try {
    const copied = await copyDatabase(live, copy, settings, effect);
    const description = await describeLive(live);
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    await applyFacts(copy, { type: 'file', mode: 0o600, ...owner, mtimeMs: copied.startedMs });
    await syncFile(copy);
    await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
    await syncDirectory(folder);
    await gap('stores.duckdb.copied');
    const content = await withDatabase(copy, 'reading', effect.signal, readContent);
    if (copied.by === 'owner') requireSomething(content, bytes, live);
    return { engine, consistentAt: timestamp(copied.startedMs), liveBytes: bytes, ...content };
  } catch (error) {
    for (const ending of ['', ...COMPANIONS, SPILL]) await removeTree(copy + ending);
    await removeTree(join(folder, DESCRIPTION));
    effect.signal.throwIfAborted();
    throw duckdbProblem('backup-failed', 'the database could not be copied', live, error);
  }
}

/** COPY FROM DATABASE that fails (it does so on foreign keys) leaves a whole database behind in which there is nothing. */
function requireSomething(content: Content, liveBytes: number, live: string): void {
  if (Object.keys(content.counters).length > 0 || liveBytes <= BARE_BYTES) return;
  throw problem('backup-failed', `the copy that the service made has no table, the database has ${liveBytes} bytes`, {
    where: live,
    next: 'Let the hook fail when COPY FROM DATABASE fails: it cannot copy tables with foreign keys. Use "stop" and "start" then.',
  });
}

async function describeLive(live: string): Promise<Description> {
  const facts = await factsOf(live);
  if (facts === null) throw new Error(`${live} vanished while it was copied`);
  return { format: 1, gid: facts.gid, mode: facts.mode, uid: facts.uid };
}

async function readDescription(folder: string): Promise<Description> {
  const path = join(folder, DESCRIPTION);
  const text = (await readText(path)) ?? '';
  try {
    const value = JSON.parse(text) as Description;
    const isCounts = [value.gid, value.mode, value.uid].every((number) => Number.isInteger(number) && number >= 0);
    if (value.format === 1 && isCounts) return value;
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
  return withScratchPlace({ folder: join(scratch, 'duckdb') }, effect, async (place) => {
    const copy = join(place.folder, basename(live));
    await prepareCopy(folder, copy, recorded, live);
    await gap('stores.duckdb.restored');
    await checkCopy(copy, recorded);
    const tables = Object.keys(recorded.counters).length;
    return {
      checked: [`restored database opened and read to its end: rows and content of ${tables} tables as captured`],
      notChecked: [],
    };
  });
}

async function stage(live: string, folder: string, recorded: Capture, tag: string): Promise<{ place: string }> {
  const free = await freeTag(live, tag);
  const names = swapNames(live, free);
  await discardStaged({ place: names.place }, COMPANIONS);
  await prepareCopy(folder, names.place, recorded, live);
  await gap('stores.duckdb.staged');
  await noteStaged(names.journal, [{ live, staged: names.place, kept: keptInFolder(live, free) }], COMPANIONS);
  return { place: names.place };
}

/** Writes the copy to the place, with the rights and the owner of the live file, and verifies it there. */
async function prepareCopy(folder: string, place: string, recorded: Capture, live: string): Promise<void> {
  const description = await readDescription(folder);
  const source = join(folder, COPY);
  requireRoom(dirname(place), (await factsOf(source))?.bytes ?? 0, live);
  try {
    for (const ending of COMPANIONS) await removeTree(place + ending);
    await copyFileSynced(source, place);
    await checkCopy(place, recorded);
    const owner = (await factsOf(live)) ?? description;
    const mtimeMs = Date.parse(recorded.consistentAt);
    await applyFacts(place, { type: 'file', mode: owner.mode, uid: owner.uid, gid: owner.gid, mtimeMs });
    await syncFile(place);
    await syncDirectory(dirname(place));
  } catch (error) {
    await removeTree(place);
    throw duckdbProblem('restore-failed', 'the copy cannot be restored', place, error);
  }
}

/**
 * Waits until nobody holds the live file: an owner that is left running goes on under the old path, and would write its log beside the
 * restored file, which takes it for its own. The log of an owner that was killed moves with its file, unread.
 */
async function requireReleased(path: string, role: 'live' | 'incoming', effect: Effect): Promise<void> {
  if (role === 'incoming' || (await factsOf(path)) === null) return;
  // A file that is damaged, or no database at all, is held by nobody and may be exchanged.
  const hold = (): Promise<void> =>
    withDatabase(path, 'reading', effect.signal, () => Promise.resolve()).catch((error: unknown) => {
      effect.signal.throwIfAborted();
      if (holderIn(error) !== null) throw error;
    });
  await withinLockLimit(effect, hold, (holder, cause) =>
    problem('restore-failed', `the database is in use by ${holder}; nothing was exchanged`, {
      where: path,
      next: 'Stop the service first: a program that keeps the file open would write its log into the restored data.',
      retry: true,
      cause,
    }),
  );
}
