import { objectsOf, sealedFiles, type FoundFile } from '../../../core/backup/manifest.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { digestOf } from '../../../platform/file-stream.ts';
import { sha256OfFile } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { Place } from '../../places/place.ts';
import { invalid } from '../directory/read-sealed.ts';
import type { Sealed, Vault } from '../vault.ts';
import { copiedNewestFirst, MANIFEST_BYTES_MAX, MANIFEST_FILES, readCopied, unmarkCopied } from './copied-backups.ts';
import { MANIFEST } from '../directory/find-parts.ts';

export interface CopyOrder {
  sealed: Sealed;
  vault: Vault;
  place: Place;
  /** Whether a backup that is not encrypted may go there. */
  unencrypted: boolean;
  effect: Effect;
}

export interface CopyResult {
  sentFiles: number;
  sentBytes: number;
  /** Files that lay there already, under this backup or another one. */
  keptFiles: number;
  keptBytes: number;
}

const TRIES_MAX = 3; // of one file that comes back as another one: a broken network is not broken three times in a row in the same way

/**
 * Copies a sealed backup to a second place, file by file, the manifest last: what has no manifest there is no backup. Doing it again sends
 * only what is missing. Every file was read back from there and hashed, itself or the one of another backup that it is linked to.
 */
export async function copyBackup(order: CopyOrder): Promise<CopyResult> {
  const { sealed, vault, place } = order;
  const { id } = sealed.manifest;
  requireMayGo(order);
  await requireReadable(order);
  await vault.verifySizes(sealed);
  const result: CopyResult = { sentFiles: 0, sentBytes: 0, keptFiles: 0, keptBytes: 0 };
  const isListed = await requireSameManifest(order);
  const there = new Map((await place.files(id)).map((file) => [file.path, file.bytes]));
  const sources = isListed ? new Map<string, string>() : await linkSources(order);
  for (const file of sealedFiles(sealed.manifest)) {
    order.effect.signal.throwIfAborted();
    const path = `${id}/${file.path}`;
    // Read back when it was sent, before its manifest was.
    const isDone = isListed && there.get(path) === file.bytes;
    const isKept = isDone || (await keep(order, file, there.get(path), sources));
    if (!isKept) await send(order, file);
    sources.set(file.sha256, path);
    result[isKept ? 'keptFiles' : 'sentFiles'] += 1;
    result[isKept ? 'keptBytes' : 'sentBytes'] += file.bytes;
    await gap('copies.file');
  }
  if (!isListed) {
    await removeStrange(order, [...there.keys()]);
    for (const name of MANIFEST_FILES) {
      await gap(`copies.before-${name}`);
      await send(order, { path: name, ...(await sha256OfFile(vault.fileOf(id, name))) });
    }
  }
  // Only one that is kept here is copied, so that it is kept there too.
  await unmarkCopied({ place, vault }, id);
  return result;
}

/** The last word before anything leaves this machine, whatever was decided elsewhere. */
function requireMayGo({ sealed, unencrypted, place }: CopyOrder): void {
  const { id, seal } = sealed.manifest;
  if (seal === undefined) {
    throw problem('refused', `${id} is of the format that nobody signs, so it is not copied`, {
      where: place.where,
      next: 'Take another backup: shipway backup create',
    });
  }
  if (seal.encryption !== null || unencrypted) return;
  throw problem('refused', `${id} is not encrypted, and whoever can read the place could read the data`, {
    where: place.where,
    next: 'Encrypt the next one (backups.encryption), or write unencrypted: true at the place.',
  });
}

/** What could not be read back from there must not look like a copy. */
async function requireReadable({ sealed, vault, place }: CopyOrder): Promise<void> {
  const { id } = sealed.manifest;
  const bytes = (await factsOf(vault.fileOf(id, MANIFEST)))?.bytes ?? 0;
  if (bytes <= MANIFEST_BYTES_MAX) return;
  const what = `the manifest of ${id} has ${bytes} bytes, and at most ${MANIFEST_BYTES_MAX} are read back from a place`;
  throw problem('refused', what, {
    where: place.where,
    next: 'Nothing was sent. Leave out files that need no backup (exclude), or divide the stores among several services.',
  });
}

/** Whether it lies there with its manifest. Another one under the same id is not overwritten: one of the two is not what it seems. */
async function requireSameManifest({ sealed, place, vault }: CopyOrder): Promise<boolean> {
  const { id } = sealed.manifest;
  if ((await place.find(`${id}/${MANIFEST}`)) === null) return false;
  const there = await readCopied({ place, vault }, id);
  if (there.manifestSha256 === sealed.manifestSha256) return true;
  throw invalid(`another backup lies there under the id ${id}`, place.where);
}

/**
 * Where the objects that backups before this one wrote lie already, in a backup that is whole there. The one before has nearly all of them, so its
 * manifest is often the only one that is read; of a backup without such objects none is.
 */
async function linkSources({ place, vault, sealed }: CopyOrder): Promise<Map<string, string>> {
  const shared = sealed.manifest.stores.flatMap(objectsOf).filter(({ stored }) => stored.from !== undefined);
  const wanted = new Set(shared.map(({ stored }) => stored.sha256));
  const found = new Map<string, string>();
  if (wanted.size === 0) return found;
  for await (const copied of copiedNewestFirst({ place, vault }, sealed.manifest)) {
    if (copied.state !== 'whole' || copied.sealed === null) continue;
    for (const { path, sha256 } of sealedFiles(copied.sealed.manifest)) {
      wanted.delete(sha256);
      if (!found.has(sha256)) found.set(sha256, `${copied.id}/${path}`);
    }
    if (wanted.size === 0) break;
  }
  return found;
}

/** Whether it need not be sent: a killed run has sent it, or another backup there has the same file. */
async function keep(
  { sealed, place }: CopyOrder,
  { path, bytes, sha256 }: FoundFile,
  bytesThere: number | undefined,
  sources: ReadonlyMap<string, string>,
): Promise<boolean> {
  const to = `${sealed.manifest.id}/${path}`;
  const from = sources.get(sha256);
  // Also where it lies already: linked again costs nothing, and what a killed run left would have to be read back whole.
  if (from !== undefined && (await place.link(from, to))) return (await place.find(to))?.bytes === bytes;
  return bytesThere === bytes && (await hashThere(place, to)) === sha256;
}

async function send({ sealed, place, vault, effect }: CopyOrder, { path, bytes, sha256 }: FoundFile): Promise<void> {
  const to = `${sealed.manifest.id}/${path}`;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    await place.send(to, { from: vault.fileOf(sealed.manifest.id, path), bytes, sha256 });
    await gap('copies.sent');
    if ((await hashThere(place, to)) === sha256) return;
    effect.report(`${path} came back as another file; sending it again`);
  }
  await place.remove(to);
  throw problem('backup-failed', `${path} was sent ${TRIES_MAX} times and came back as another file each time`, {
    where: place.where,
    next: 'Do not trust this place before its disk and its network were looked at.',
  });
}

async function hashThere(place: Place, path: string): Promise<string> {
  return (await digestOf(place.read(path))).sha256;
}

/** What a killed run left under other names would make the copy one that holds more than its manifest says. */
async function removeStrange({ sealed, place }: CopyOrder, there: string[]): Promise<void> {
  const { id } = sealed.manifest;
  const ours = new Set(sealedFiles(sealed.manifest).map(({ path }) => `${id}/${path}`));
  for (const path of there) if (!ours.has(path)) await place.remove(path);
}
