import type { Effect } from '../../../platform/effect.ts';
import { removeTree } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../store.ts';
import { discardReplaced, discardStaged, noteFinished, swapIn, swapOut } from '../swap/swap-data.ts';
import { namesFrom, readSwapJournal } from '../swap/swap-journal.ts';
import { expectedFile, readExpected } from './stage-copy.ts';
import { checkLoaded, startServer, stopServer, type SwitchedServer } from './switch-server.ts';

const settle = (): Promise<void> => Promise.resolve(); // a server that is down has folded everything into its files

/** Stops the server, puts the staged files in place, starts it and looks at what it loaded. Finishes what was killed; twice is harmless. */
export async function swapServer(server: SwitchedServer, staged: Staged, effect: Effect): Promise<SwapRecord> {
  const names = namesFrom(staged.place);
  const journal = await readSwapJournal(names.journal, names.tag);
  const state = journal?.state ?? null;
  const isToDo = state === 'staged' || state === 'swapped-back' || state === 'swapping';
  // Half-way through, what a server saves belongs to neither side.
  if (isToDo) await stopServer(server, effect, state === 'swapping' ? 'as-it-is' : 'saved');
  await gap('stores.redis.stopped');
  const record = await swapIn(staged, settle);
  await gap('stores.redis.swapped');
  const wasStarted = await startServer(server, effect);
  await gap('stores.redis.started');
  if (wasStarted) await checkLoaded(server, await readExpected(names.journal), effect);
  await noteFinished(record);
  return record;
}

/** The same the other way; a swap that had not begun only gets its server started again. */
export async function swapBackServer(server: SwitchedServer, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  const isToDo = state !== null && state !== 'staged' && state !== 'swapped-back';
  const isWhole = state === 'swapped' || state === 'finished';
  if (isToDo) await stopServer(server, effect, isWhole ? 'saved' : 'as-it-is');
  await gap('stores.redis.stopped-back');
  await swapOut(record, settle);
  await gap('stores.redis.swapped-back');
  await startServer(server, effect);
}

/** Deletes what was staged, unless it is in use. */
export async function unstageRestore(staged: Staged): Promise<void> {
  const names = namesFrom(staged.place);
  const journal = await readSwapJournal(names.journal, names.tag);
  for (const { staged: place } of journal?.state === 'staged' ? journal.paths : []) await removeTree(place);
  await discardStaged(staged, []);
  if ((await factsOf(names.journal)) === null) await removeTree(expectedFile(names.journal));
}

/** Deletes what a restore replaced. */
export async function discardRestore(record: SwapRecord): Promise<void> {
  if (record.keptAt === null) return;
  await discardReplaced(record, 'served');
  await removeTree(expectedFile(namesFrom(record.keptAt).journal));
}
