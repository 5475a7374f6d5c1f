import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { removeTree } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { Capture, Staged } from '../store.ts';
import { connectTo, type QdrantServer } from './client.ts';
import { checkFiles, requireSame, type Description } from './description.ts';
import { listCollections, readAliases } from './look.ts';
import { deleteCollection, recoverInto } from './recover.ts';
import {
  anchorOf,
  namesForTag,
  namesOfRestore,
  readNote,
  restoredName,
  writeNote,
  type RestoreNames,
} from './restore-note.ts';
import type { QdrantSettings } from './settings.ts';

interface StageRequest {
  folder: string;
  recorded: Capture;
  tag: string;
}

/** Restores every collection under a new name and compares it there; no alias leads to it yet. */
export async function stageCollections(
  settings: QdrantSettings,
  request: StageRequest,
  effect: Effect,
): Promise<Staged> {
  const { folder, recorded, tag } = request;
  const description = await checkFiles(folder, recorded);
  const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind: 'restore-failed' }, effect);
  const aliases = await aliasesFor(server, description);
  const names = await freeNames(server, { settings, tag, description }, effect);
  const restored: Record<string, string> = {};
  try {
    for (const copied of description.collections) {
      const name = restoredName(copied.name, names);
      await deleteCollection(server, name); // what a killed try left
      restored[copied.name] = name;
      requireSame(copied, await recoverInto(server, name, { folder, copied }, effect), `${server.shown} ${name}`);
    }
  } catch (error) {
    const clearing = { ...effect, signal: new AbortController().signal };
    await removeCollections(settings, Object.values(restored), clearing);
    throw isProblem(error) && error.kind === 'backup-invalid' ? notAsCaptured(server, error) : error;
  }
  await gap('stores.qdrant.staged');
  const bytes = description.collections.reduce((sum, copied) => sum + copied.bytes, 0);
  await writeNote(names.note, { format: 1, state: 'staged', restored, aliases, previous: {}, bytes });
  return { place: names.place };
}

function notAsCaptured(server: QdrantServer, cause: Error): Error {
  return problem('restore-failed', `the collections were not restored as they were captured: ${cause.message}`, {
    where: server.shown,
    next: 'Look into the log of the server and restore again, or use another backup.',
    cause,
  });
}

/**
 * Which alias shall lead to which captured collection: those that did when it was captured. A collection without one is used by its own
 * name, which only an alias can give to a restored copy, and only while no collection has it.
 */
async function aliasesFor(
  server: QdrantServer,
  { collections, aliases }: Description,
): Promise<Record<string, string>> {
  const wanted = Object.fromEntries(aliases.map(({ alias, collection }) => [alias, collection]));
  const present = await listCollections(server);
  const led = new Set(aliases.map(({ collection }) => collection));
  const now = new Set((await readAliases(server)).values());
  for (const { name } of collections) {
    if (led.has(name) || now.has(name)) continue;
    if (!present.includes(name)) wanted[name] = name;
    else throw usedByName(server, name);
  }
  return wanted;
}

function usedByName(server: QdrantServer, name: string): Error {
  return problem(
    'restore-failed',
    `the collection ${name} is used by its own name, so a restored copy cannot take its place`,
    {
      where: server.shown,
      next: `Give it an alias (POST /collections/aliases) and let the service use that; or restore into a folder and recover ${name} from there by hand.`,
    },
  );
}

/** Names that no earlier restore of the same backup still uses: what that one replaced must not be mistaken for ours. */
async function freeNames(
  server: QdrantServer,
  { settings, tag, description }: { settings: QdrantSettings; tag: string; description: Description },
  effect: Effect,
): Promise<RestoreNames> {
  const inUse = new Set((await readAliases(server)).values());
  // 100: each one is a whole copy of the data; somebody has to discard some before.
  for (let count = 1; count <= 100; count += 1) {
    const names = namesForTag(anchorOf(settings, effect), count === 1 ? tag : `${tag}-${count}`);
    const note = await readNote(names.note);
    const isUsed = description.collections.some(({ name }) => inUse.has(restoredName(name, names)));
    if (!isUsed && (note === null || note.state === 'staged')) return names;
  }
  throw problem('restore-failed', '100 restores of this backup are kept on the server', {
    where: server.shown,
    next: 'Discard those that are not needed any more.',
  });
}

/** Deletes staged collections that were never swapped in; those in use stay. */
export async function unstageCollections(settings: QdrantSettings, staged: Staged, effect: Effect): Promise<void> {
  const names = namesOfRestore(staged.place);
  const note = await readNote(names.note);
  if (note?.state !== 'staged') return;
  await removeCollections(settings, Object.values(note.restored), effect);
  await removeTree(names.note); // last: it alone knows their names
}

async function removeCollections(settings: QdrantSettings, names: readonly string[], effect: Effect): Promise<void> {
  const server = connectTo(settings, { timeoutSeconds: settings.timeoutSeconds, kind: 'restore-failed' }, effect);
  for (const name of names) await deleteCollection(server, name);
}
