import { join } from 'node:path';
import { isBackupOf, parseBackupId } from '../../../core/backup/backup-id.ts';
import { parseTombstone, tombstoneText, type Tombstone } from '../../../core/backup/tombstone.ts';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { makeDirectory } from '../../../platform/file-tree.ts';
import { writeNewFile } from '../../../platform/file-stream.ts';
import { gap } from '../../../platform/gap.ts';
import { withScratchFolder } from '../../../platform/scratch-folder.ts';
import type { Place } from '../../places/place.ts';
import { MANIFEST, MANIFEST_SHA256, MANIFEST_SIGNATURE } from '../directory/find-parts.ts';
import { invalid, readSealed } from '../directory/read-sealed.ts';
import type { CopiedBackup } from '../copied-backup.ts';
import type { Sealed, Vault } from '../vault.ts';

export interface SecondPlace {
  place: Place;
  vault: Vault;
}

/** Of the manifest itself; what signs it is sent before it. */
export const MANIFEST_FILES = [MANIFEST_SHA256, MANIFEST_SIGNATURE, MANIFEST];

const TOMBSTONE = '.pruned';
/** A million parts; whoever owns the place must not fill our disk with one. What is larger is not sent either. */
export const MANIFEST_BYTES_MAX = 64 * 1024 * 1024;

/** Every backup of service and environment that lies there, oldest first. */
export async function listCopied(
  { place, vault }: SecondPlace,
  of: { service: string; environment: string },
): Promise<CopiedBackup[]> {
  const found: CopiedBackup[] = [];
  for await (const copied of copiedNewestFirst({ place, vault }, of)) found.unshift(copied);
  return found;
}

/** The same, newest first, each looked at only when it is asked for: every look reads a manifest of the place. */
export async function* copiedNewestFirst(
  { place, vault }: SecondPlace,
  of: { service: string; environment: string },
): AsyncIterable<CopiedBackup> {
  const { folders, files } = await place.names();
  const ids = folders.filter((name) => parseBackupId(name) !== null && isBackupOf(name, of.service, of.environment));
  for (const id of ids.toReversed()) yield look({ place, vault }, id, files.includes(id + TOMBSTONE));
}

/** One of them; null when nothing of it lies there. */
export async function findCopied(second: SecondPlace, id: string): Promise<CopiedBackup | null> {
  const { folders, files } = await second.place.names();
  return folders.includes(id) ? look(second, id, files.includes(id + TOMBSTONE)) : null;
}

async function look({ place, vault }: SecondPlace, id: string, isMarked: boolean): Promise<CopiedBackup> {
  const tombstone = isMarked ? await readTombstone(place, id) : null;
  const manifest = await place.find(`${id}/${MANIFEST}`);
  if (manifest === null) return { id, state: 'half', sealed: null, reason: null, tombstone };
  const state = tombstone === null ? 'whole' : 'pruned';
  try {
    return { id, state, sealed: await readCopied({ place, vault }, id), reason: null, tombstone };
  } catch (error) {
    if (!isProblem(error) || error.kind !== 'backup-invalid') throw error;
    return { id, state, sealed: null, reason: error.message, tombstone };
  }
}

/** Its manifest, checked like one of the vault: whole, of that id, signed by somebody who is trusted. */
export async function readCopied({ place, vault }: SecondPlace, id: string): Promise<Sealed> {
  return withScratchFolder('copied', async (folder) => {
    await makeDirectory(join(folder, id));
    for (const name of MANIFEST_FILES)
      await download(place, `${id}/${name}`, join(folder, id, name), MANIFEST_BYTES_MAX);
    return readSealed({ directory: folder, keys: vault.keys }, id);
  });
}

/** Writes a file of the place here; one that is not there is left out, which the check of the manifest then says. */
export async function download(place: Place, path: string, to: string, bytesMax: number): Promise<void> {
  const found = await place.find(path);
  if (found === null) return;
  if (found.bytes > bytesMax) throw invalid(`${path} has ${found.bytes} bytes, which is too much`, place.where);
  await writeNewFile(to, atMost(place.read(path), bytesMax, path, place.where));
}

/** A place may send more than it said. */
async function* atMost(
  source: AsyncIterable<Buffer>,
  bytesMax: number,
  path: string,
  where: string,
): AsyncIterable<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw invalid(`${path} does not end where it should`, where);
    yield chunk;
  }
}

async function readTombstone(place: Place, id: string): Promise<Tombstone | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of place.read(id + TOMBSTONE)) chunks.push(chunk);
  return parseTombstone(Buffer.concat(chunks).toString('utf8'), id);
}

/** Marks a backup of the place as one to be deleted; it is not deleted by this. */
export async function markCopied({ place }: SecondPlace, tombstone: Tombstone): Promise<void> {
  await withScratchFolder('tombstone', async (folder) => {
    const from = join(folder, 'tombstone');
    await writeAtomically(from, tombstoneText(tombstone));
    await place.send(tombstone.id + TOMBSTONE, { from, ...(await sha256OfFile(from)) });
  });
  await gap('copies.marked');
}

export async function unmarkCopied({ place }: SecondPlace, id: string): Promise<void> {
  await place.remove(id + TOMBSTONE);
  await gap('copies.unmarked');
}

/** Deletes a marked backup, or half a copy, for good; the manifest goes first: killed in between, what is left is half a copy and counts for nothing. */
export async function removeCopied({ place, vault }: SecondPlace, id: string): Promise<void> {
  const found = await findCopied({ place, vault }, id);
  if (found === null) return;
  if (found.tombstone === null && found.state !== 'half') {
    throw problem('refused', `${id} is not marked in the place, so it is not deleted`, {
      where: place.where,
      next: 'shipway backup prune decides what is.',
    });
  }
  await place.remove(`${id}/${MANIFEST}`);
  await gap('copies.removing');
  const files = await place.files(id);
  for (const { path } of files) await place.remove(path);
  const folders = new Set(files.flatMap(({ path }) => foldersOf(path)));
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) await place.removeFolder(folder);
  await place.removeFolder(id);
}

/** Those that a file lies in, also those above them. */
function foldersOf(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}
