import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../store.ts';
import { freeTag } from '../swap/swap-data.ts';
import { namesFrom, readSwapJournal, swapNames, writeSwapJournal, type SwapState } from '../swap/swap-journal.ts';
import { runStoreCommand, type StoreCommandName } from './run-store-command.ts';
import type { CommandStoreSettings } from './settings.ts';

export interface SwapCommands {
  settings: CommandStoreSettings;
  commands: { swap: string[]; swapBack: string[]; discard: string[] };
}

/** A place for one restore in the state folder, and the note about it: the data itself lies where the commands put it, under the tag. */
export async function placeOfRestore(
  settings: CommandStoreSettings,
  tag: string,
  effect: Effect,
): Promise<{ into: string; tag: string; journal: string }> {
  const anchor = anchorOf(settings, effect);
  await ensureDirectory(dirname(anchor));
  const names = swapNames(anchor, await freeTag(anchor, tag));
  await removeTree(names.place);
  return { into: names.place, tag: tagFor(names.place), journal: names.journal };
}

/** What the names of all restores of this store begin with. */
export function anchorOf(settings: CommandStoreSettings, effect: Effect): string {
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12);
  return join(effect.stateDirectory, 'command-stores', key);
}

/** Letters, digits and `_` only, so that it can be part of the name of a database, a schema or an index. */
function tagFor(place: string): string {
  const { tag } = namesFrom(place);
  return `r_${tag.toLowerCase().replace(/[^a-z0-9]/g, '_')}`;
}

export async function noteRestored(journal: string): Promise<void> {
  await note(journal, 'staged');
}

async function note(journal: string, state: SwapState): Promise<void> {
  await writeSwapJournal(journal, { format: 1, state, companions: [], paths: [], identities: [] });
}

/** Runs `swap`, and again when it was cut short: that this is harmless is its promise. */
export async function swapByCommand(store: SwapCommands, staged: Staged, effect: Effect): Promise<SwapRecord> {
  const names = namesFrom(staged.place);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  const record = { keptAt: names.keptAt };
  if (state === 'swapped') return record;
  if (state === null || state === 'swapping-back') {
    throw problem(
      'restore-failed',
      state === null ? 'there is no complete restored copy' : 'this restore is being undone',
      {
        where: names.journal,
        next: state === null ? 'Stage the backup again.' : 'Undo it again to finish.',
      },
    );
  }
  await note(names.journal, 'swapping');
  await gap('stores.command.swapping');
  await run(store, 'swap', staged.place, effect);
  await gap('stores.command.swapped');
  await note(names.journal, 'swapped');
  return record;
}

/** Runs `swap-back`, also after a swap that was cut short or failed. */
export async function swapBackByCommand(store: SwapCommands, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  if (state === null || state === 'staged' || state === 'swapped-back') return;
  await note(names.journal, 'swapping-back');
  await gap('stores.command.swapping-back');
  await run(store, 'swap-back', names.place, effect);
  await gap('stores.command.swapped-back');
  await note(names.journal, 'swapped-back');
}

/** Runs `discard` for what is not in use: the staged data before a swap, the replaced data after it. */
export async function discardByCommand(store: SwapCommands, place: string, effect: Effect): Promise<void> {
  const names = namesFrom(place);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  if (state === null) return;
  if (state === 'swapping' || state === 'swapping-back') {
    throw problem('restore-failed', 'a restore was interrupted half way, nothing is deleted', {
      where: names.journal,
      next: 'Finish the restore or undo it first.',
    });
  }
  await run(store, 'discard', names.place, effect);
  await removeTree(names.place);
  await removeTree(names.journal);
}

/** The same for a copy that was never swapped in; one in use stays. */
export async function unstageByCommand(store: SwapCommands, staged: Staged, effect: Effect): Promise<void> {
  const names = namesFrom(staged.place);
  const state = (await readSwapJournal(names.journal, names.tag))?.state ?? null;
  if (state === 'staged') await discardByCommand(store, staged.place, effect);
}

async function run(
  { settings, commands }: SwapCommands,
  name: Extract<StoreCommandName, 'swap' | 'swap-back' | 'discard'>,
  place: string,
  effect: Effect,
): Promise<void> {
  const argv = { swap: commands.swap, 'swap-back': commands.swapBack, discard: commands.discard }[name];
  const bindings = { INTO: place, TAG: tagFor(place) };
  await runStoreCommand({ name, argv, bindings }, settings, 'restore-failed', effect);
}
