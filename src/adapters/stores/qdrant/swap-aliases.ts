import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Staged, SwapRecord } from '../store.ts';
import { connectTo, type QdrantServer } from './client.ts';
import { readAliases, type Aliases } from './look.ts';
import { deleteCollection } from './recover.ts';
import { namesOfRestore, readNote, writeNote, type RestoreNames, type RestoreNote } from './restore-note.ts';
import type { QdrantSettings } from './settings.ts';

type Targets = Record<string, string | null>;

function serverOf(settings: QdrantSettings, effect: Effect): QdrantServer {
  return connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind: 'restore-failed' }, effect);
}

/** Lets the aliases lead to the restored collections, all of them in one step of the server. Twice is harmless. */
export async function swapAliases(settings: QdrantSettings, staged: Staged, effect: Effect): Promise<SwapRecord> {
  const names = namesOfRestore(staged.place);
  const note = await readNote(names.note);
  if (note === null) throw nothingStaged(names);
  const server = serverOf(settings, effect);
  if (note.state === 'swapping-back') {
    throw problem('restore-failed', 'this restore is being undone', {
      where: names.note,
      next: 'Undo it again to finish.',
    });
  }
  if (note.state === 'staged' || note.state === 'swapped-back') {
    await begin(server, note);
    await gap('stores.qdrant.looked');
    note.state = 'swapping';
    await writeNote(names.note, note);
    await gap('stores.swap.noted');
  }
  if (note.state === 'swapping') {
    const wanted = Object.entries(note.aliases).map(([alias, captured]) => [alias, note.restored[captured] ?? null]);
    await lead(server, Object.fromEntries(wanted) as Targets, 'stores.swap');
    note.state = 'swapped';
    await writeNote(names.note, note);
    await gap('stores.swap.done');
  }
  return { keptAt: names.keptAt };
}

/** Where every alias leads now. One that was made since for a collection that is replaced goes with the others: no client may stay behind. */
async function begin(server: QdrantServer, note: RestoreNote): Promise<void> {
  const present = await readAliases(server);
  const live = new Map(Object.keys(note.restored).map((captured) => [captured, captured]));
  for (const [alias, captured] of Object.entries(note.aliases)) live.set(present.get(alias) ?? captured, captured);
  for (const [alias, collection] of present) {
    const captured = live.get(collection);
    if (captured !== undefined && !(alias in note.aliases)) note.aliases[alias] = captured;
  }
  note.previous = Object.fromEntries(Object.keys(note.aliases).map((alias) => [alias, present.get(alias) ?? null]));
}

/** One request for all: the server switches them together. */
async function lead(server: QdrantServer, targets: Targets, gapName: string): Promise<void> {
  const actions = Object.entries(targets).flatMap(([alias, collection]) => [
    { delete_alias: { alias_name: alias } },
    ...(collection === null ? [] : [{ create_alias: { alias_name: alias, collection_name: collection } }]),
  ]);
  await server.call('POST', '/collections/aliases', JSON.stringify({ actions }));
  await gap(`${gapName}.switched`);
  const now = await readAliases(server);
  const wrong = Object.entries(targets).find(([alias, collection]) => (now.get(alias) ?? null) !== collection);
  await gap(`${gapName}.looked-at`);
  if (wrong === undefined) return;
  throw problem(
    'restore-failed',
    `the alias ${wrong[0]} does not lead to ${wrong[1] ?? 'nothing'} although the server said so`,
    {
      where: server.shown,
      next: 'Look who else sets aliases on this server, then do it again.',
      retry: true,
    },
  );
}

/** Lets the aliases lead to what they led to before; the restored collections stay until they are discarded. Twice is harmless. */
export async function swapAliasesBack(settings: QdrantSettings, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesOfRestore(record.keptAt);
  const note = await readNote(names.note);
  if (note === null) throw nothingStaged(names);
  if (note.state === 'staged' || note.state === 'swapped-back') return;
  await gap('stores.qdrant.looked-back');
  note.state = 'swapping-back';
  await writeNote(names.note, note);
  await gap('stores.swap-back.noted');
  await lead(serverOf(settings, effect), note.previous, 'stores.swap-back');
  note.state = 'swapped-back';
  await writeNote(names.note, note);
  await gap('stores.swap-back.done');
}

/** Deletes the replaced collections, or after a swap back the restored ones; refuses while a swap is half done. Twice is harmless. */
export async function discardCollections(settings: QdrantSettings, record: SwapRecord, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesOfRestore(record.keptAt);
  const note = await readNote(names.note);
  if (note === null) return;
  if (note.state === 'swapping' || note.state === 'swapping-back') {
    throw problem('restore-failed', 'a restore was interrupted half way, nothing is deleted', {
      where: names.note,
      next: 'Finish the restore or undo it first.',
    });
  }
  const server = serverOf(settings, effect);
  const restored = Object.values(note.restored);
  const replaced = Object.values(note.previous).filter((name) => name !== null);
  const aliases = await readAliases(server);
  for (const name of new Set(note.state === 'swapped' ? replaced : restored)) {
    if (isLedTo(aliases, name)) effect.report(`the collection ${name} is kept: an alias leads to it`);
    else await deleteCollection(server, name);
    await gap('stores.discard.removed');
  }
  // Last: as long as it is there, whoever lists what was replaced finds the rest.
  await removeTree(names.note);
}

function isLedTo(aliases: Aliases, collection: string): boolean {
  return [...aliases.values()].includes(collection);
}

function nothingStaged(names: RestoreNames): Error {
  return problem('restore-failed', 'there are no complete restored collections to put in place', {
    where: names.place,
    next: 'Stage the backup again.',
  });
}
