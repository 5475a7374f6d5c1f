import { join } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { withScratchPlace, type ScratchPlace } from '../scratch/scratch-place.ts';
import { connectTo, pathOf, type QdrantKind, type QdrantServer } from './client.ts';
import { readContent, type CollectionContent } from './content.ts';
import type { CopiedCollection } from './description.ts';
import { isScratch, listCollections, readCollection, scratchName } from './look.ts';
import type { QdrantSettings } from './settings.ts';

/** A snapshot on our disk. */
export interface SnapshotFile {
  folder: string;
  copied: Pick<CopiedCollection, 'name' | 'file' | 'bytes' | 'sha256'>;
}

/** What a restored collection shows when it is read to its end. */
export type Restored = CollectionContent & { parameters: string };

/** Restores a snapshot into a new collection; the server compares its checksum, and the snapshot wins over everything. */
export async function recoverInto(
  server: QdrantServer,
  collection: string,
  { folder, copied }: SnapshotFile,
  effect: Effect,
): Promise<Restored> {
  if ((await readCollection(server, collection)) !== null) {
    throw problem('restore-failed', `there is a collection ${collection} that is not ours`, {
      where: server.shown,
      next: 'Rename or remove it, and restore again.',
    });
  }
  const query = `wait=true&priority=snapshot&checksum=${copied.sha256}`;
  const file = { place: join(folder, copied.file), bytes: copied.bytes };
  const done = await server.upload(pathOf(collection, `/snapshots/upload?${query}`), file);
  const facts = done === true ? await readCollection(server, collection) : null;
  if (facts === null) {
    throw problem('restore-failed', `the server has not restored ${copied.name}, and does not say why`, {
      where: server.shown,
      next: 'Look into its log: a snapshot can be read by the same minor version that made it, or the next.',
    });
  }
  return { ...(await readContent(server, collection, effect.signal)), parameters: facts.parameters };
}

/** Deletes a collection; one that is gone needs nothing. */
export async function deleteCollection(server: QdrantServer, collection: string): Promise<void> {
  if ((await server.find(pathOf(collection))) !== null) await server.call('DELETE', pathOf(collection));
}

export interface Trial {
  settings: QdrantSettings;
  kind: QdrantKind;
  /** Where places of trials are noted. */
  scratch: string;
}

/** Restores every snapshot, one after the other, to a collection that goes again, and says what was found in each. */
export async function tryRestores(
  { settings, kind, scratch }: Trial,
  files: readonly SnapshotFile[],
  effect: Effect,
): Promise<Restored[]> {
  const target = settings.scratch ?? settings;
  const server = connectTo(target, { timeoutSeconds: settings.timeoutSeconds, kind }, effect);
  const unstoppable = { ...effect, signal: new AbortController().signal };
  const clearing = connectTo(target, { timeoutSeconds: settings.timeoutSeconds, kind }, unstoppable);
  const clear = async ({ id }: ScratchPlace): Promise<void> => {
    for (const name of await listCollections(clearing)) if (isScratch(name, id)) await deleteCollection(clearing, name);
  };
  return withScratchPlace({ folder: join(scratch, 'qdrant'), clear }, effect, async ({ id }, within) => {
    const found: Restored[] = [];
    for (const file of files) {
      const name = scratchName(file.copied.name, id);
      found.push(await recoverInto(server, name, file, within).catch((error: unknown) => refused(error, kind)));
      await gap('stores.qdrant.restored');
      await deleteCollection(server, name);
    }
    return found;
  });
}

/** A server that refuses to restore a snapshot has judged it; one that is down or full has not. */
function refused(error: unknown, kind: QdrantKind): never {
  const isJudged = isProblem(error) && error.kind === kind && !error.retry && kind === 'check-failed';
  if (!isJudged) throw error;
  const { message, next, where } = error;
  throw problem('backup-invalid', message, { next, where: where ?? 'Qdrant', cause: error });
}
