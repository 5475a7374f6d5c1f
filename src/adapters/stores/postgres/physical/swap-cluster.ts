import type { Effect } from '../../../../platform/effect.ts';
import { exists, removeTree } from '../../../../platform/files.ts';
import { factsOf } from '../../../../platform/file-tree.ts';
import { gap } from '../../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../../store.ts';
import { discardReplaced, discardStaged, noteFinished, swapIn, swapOut } from '../../swap/swap-data.ts';
import { namesFrom, readSwapJournal } from '../../swap/swap-journal.ts';
import { expectedFile, readExpected } from './stage-cluster.ts';
import { checkStarted, refuseWorkedIn, startServer, stopServer, type SwitchedServer } from './switch-server.ts';

const settle = (): Promise<void> => Promise.resolve(); // a server that is down has everything in its directory

/** Stops the server, puts the staged directory in place, starts it and looks whose directory it serves. Finishes what was killed; twice is harmless. */
export async function swapCluster(server: SwitchedServer, staged: Staged, effect: Effect): Promise<SwapRecord> {
  const names = namesFrom(staged.place);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  if (state === 'staged' || state === 'swapped-back' || state === 'swapping') await stopServer(server, effect);
  await gap('stores.postgres.stopped');
  const record = await swapIn(staged, settle);
  await gap('stores.postgres.swapped');
  await startServer(server, effect);
  await gap('stores.postgres.started');
  // Also one that somebody else has started: it may be the one that was to be stopped.
  await checkStarted(server, await readExpected(names.journal), names.keptAt);
  await noteFinished(record);
  return record;
}

/** The same the other way; a swap that had not begun only gets its server started again. */
export async function swapBackCluster(server: SwitchedServer, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  if (state !== null && state !== 'staged' && state !== 'swapped-back') await stopServer(server, effect);
  await gap('stores.postgres.stopped-back');
  await swapOut(record, settle);
  await gap('stores.postgres.swapped-back');
  // Where no data was, there is no server to start.
  if (exists(server.directory)) await startServer(server, effect);
  await refuseWorkedIn(names.place);
}

/** Deletes what was staged, unless it is in use. */
export async function unstageCluster(staged: Staged): Promise<void> {
  await discardStaged(staged, []);
  const { journal } = namesFrom(staged.place);
  if ((await factsOf(journal)) === null) await removeTree(expectedFile(journal));
}

/** Deletes what a restore replaced, unless a server works in it. */
export async function discardCluster(record: SwapRecord): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  for (const directory of [names.keptAt, names.place]) await refuseWorkedIn(directory);
  await discardReplaced(record, 'served');
  await removeTree(expectedFile(names.journal));
}
