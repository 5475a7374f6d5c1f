import { dirname } from 'node:path';
import { assertNever } from '../../../core/release/assert-never.ts';
import { problem } from '../../../core/release/problem.ts';
import { ensureDirectory, removeTree } from '../../../platform/files.ts';
import { factsOf, namesIn } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../store.ts';
import { carryOut, identify, removeWithCompanions, type Exchange } from './exchange.ts';
import {
  isHalf,
  namesFrom,
  readSwapJournal,
  swapNames,
  writeSwapJournal,
  type DataUse,
  type SwapJournal,
  type SwapPath,
} from './swap-journal.ts';

type Direction = 'swap' | 'swap-back';
/** Called with a path before its data changes places, to fold its companions into it where that is possible. Nobody uses `incoming` data. */
export type Settle = (path: string, role: 'live' | 'incoming') => Promise<void>;

/**
 * A tag that no earlier restore of the same backup still uses beside the anchor: the replaced data of that one must not be mistaken for
 * ours. A staged copy that was never swapped in is not in use and gets replaced.
 */
export async function freeTag(anchor: string, tag: string): Promise<string> {
  // 100: each one is a whole copy of the data; somebody has to discard some before.
  for (let count = 1; count <= 100; count += 1) {
    const candidate = count === 1 ? tag : `${tag}-${count}`;
    const names = swapNames(anchor, candidate);
    const journal = await readSwapJournal(names.journal, candidate);
    if (journal === null ? (await factsOf(names.keptAt)) === null : journal.state === 'staged') return candidate;
  }
  throw problem('restore-failed', `100 replaced copies lie beside ${anchor}`, {
    where: dirname(anchor),
    next: 'Discard those that are not needed any more.',
  });
}

/** Notes that the copies are complete and verified; only now can they be swapped in. */
export async function noteStaged(journalPath: string, paths: SwapPath[], companions: readonly string[]): Promise<void> {
  await writeSwapJournal(journalPath, {
    format: 1,
    state: 'staged',
    tellsFinish: true,
    companions: [...companions],
    paths,
    identities: [],
  });
}

/** Puts the staged data in place of the live data; finishes a swap that was killed. Twice is harmless. */
export async function swapIn(staged: Staged, settle: Settle): Promise<SwapRecord> {
  const names = namesFrom(staged.place);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal === null) throw nothingStaged(staged.place);
  switch (journal.state) {
    case 'swapped':
    case 'finished':
      break;
    case 'swapping-back':
      throw problem('restore-failed', 'this restore is being undone', {
        where: names.journal,
        next: 'Undo it again to finish.',
      });
    case 'staged':
    case 'swapped-back':
      await begin(journal, 'swap', names.journal, settle);
      await proceed(journal, 'swap', names.journal, settle);
      break;
    case 'swapping':
      await proceed(journal, 'swap', names.journal, settle);
      break;
    default:
      return assertNever(journal.state);
  }
  return { keptAt: names.keptAt };
}

/** Notes that the server of the data was started on it and looked at: only now may what it replaced go. Twice is harmless. */
export async function noteFinished(record: SwapRecord): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal?.state === 'swapped') await writeSwapJournal(names.journal, { ...journal, state: 'finished' });
}

/** Puts the replaced data back; the restored data lies where it was staged afterwards. Undoes a swap that was killed. Twice is harmless. */
export async function swapOut(record: SwapRecord, settle: Settle): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal === null) throw nothingStaged(record.keptAt);
  switch (journal.state) {
    case 'staged':
    case 'swapped-back':
      return;
    case 'swapping':
      // Finishing first leaves one well-known state to go back from.
      await proceed(journal, 'swap', names.journal, settle);
      return swapOut(record, settle);
    case 'swapped':
    case 'finished':
      await begin(journal, 'swap-back', names.journal, settle);
      return proceed(journal, 'swap-back', names.journal, settle);
    case 'swapping-back':
      return proceed(journal, 'swap-back', names.journal, settle);
    default:
      return assertNever(journal.state);
  }
}

async function begin(journal: SwapJournal, direction: Direction, journalPath: string, settle: Settle): Promise<void> {
  const identities = [];
  for (const [index, path] of journal.paths.entries()) {
    const exchange = exchangeOf(journal, index, direction);
    if (direction === 'swap' && (await factsOf(path.staged)) === null) throw nothingStaged(path.staged);
    await settle(exchange.live, 'live');
    await settle(exchange.incoming, 'incoming');
    await ensureDirectory(dirname(exchange.outgoing));
    identities.push(await identify(exchange));
  }
  journal.state = direction === 'swap' ? 'swapping' : 'swapping-back';
  journal.identities = identities;
  await writeSwapJournal(journalPath, journal);
  await gap(`stores.${direction}.noted`);
}

async function proceed(journal: SwapJournal, direction: Direction, journalPath: string, settle: Settle): Promise<void> {
  for (const [index, who] of journal.identities.entries()) {
    const exchange = exchangeOf(journal, index, direction);
    // After a crash the service may have been started and have written to the old data since.
    if ((await factsOf(exchange.live))?.identity === who.outgoing) await settle(exchange.live, 'live');
    await carryOut(exchange, who, `stores.${direction}.${index}`);
  }
  journal.state = direction === 'swap' ? 'swapped' : 'swapped-back';
  await writeSwapJournal(journalPath, journal);
  await gap(`stores.${direction}.done`);
}

function exchangeOf(journal: SwapJournal, index: number, direction: Direction): Exchange {
  const path = journal.paths[index];
  if (path === undefined) throw new Error(`a swap journal has no path ${index}`);
  const ends =
    direction === 'swap'
      ? { incoming: path.staged, outgoing: path.kept }
      : { incoming: path.kept, outgoing: path.staged };
  return { live: path.live, ...ends, companions: journal.companions };
}

/**
 * Deletes the replaced data, or after a swap back the restored data; refuses while a swap is half done: of data `served` by a server until that
 * was started on it. Twice is harmless.
 */
export async function discardReplaced(record: SwapRecord, use: DataUse = 'opened'): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal === null) return;
  if (isHalf(journal, use)) {
    throw problem('restore-failed', 'a restore was interrupted half way, nothing is deleted', {
      where: names.journal,
      next: 'Finish the restore or undo it first.',
    });
  }
  for (const path of journal.paths) {
    await removeWithCompanions(path.staged, journal.companions);
    await removeWithCompanions(path.kept, journal.companions);
    await removeFolderIfEmpty(dirname(path.kept), dirname(path.live));
    await gap('stores.discard.removed');
  }
  // Last: as long as it is there, whoever lists what was replaced finds the rest.
  await removeTree(names.journal);
}

/** What somebody made in the gap of a killed swap is in there too, and is nobody's to delete. */
async function removeFolderIfEmpty(folder: string, unless: string): Promise<void> {
  if (folder === unless || (await factsOf(folder)) === null) return;
  if ((await namesIn(folder)).length === 0) await removeTree(folder);
}

/** Deletes a staged copy that was never swapped in; one in use stays. */
export async function discardStaged(staged: Staged, companions: readonly string[]): Promise<void> {
  const names = namesFrom(staged.place);
  const journal = await readSwapJournal(names.journal, names.tag);
  if (journal !== null && journal.state !== 'staged') return;
  await removeTree(names.journal); // first: without it, a copy half deleted cannot be swapped in
  const places = journal?.paths.map((path) => path.staged) ?? [staged.place];
  for (const place of places) await removeWithCompanions(place, companions);
}

function nothingStaged(where: string): Error {
  return problem('restore-failed', 'there is no complete restored copy to put in place', {
    where,
    next: 'Stage the backup again.',
  });
}
