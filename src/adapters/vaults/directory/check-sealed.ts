import { join } from 'node:path';
import { isBackupOf } from '../../../core/backup/backup-id.ts';
import { checkManifest, describeMismatch, type Mismatch } from '../../../core/backup/check-manifest.ts';
import { objectsOf, sealedFiles, type Manifest } from '../../../core/backup/manifest.ts';
import { missingPredecessors } from '../../../core/backup/tombstone.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Sealed } from '../vault.ts';
import { findParts, MANIFEST, pathsBelow } from './find-parts.ts';
import type { VaultPlace } from './vault-place.ts';
import { invalid, listSealed, readSealed } from './read-sealed.ts';
import { namesOfSharers } from './sharers.ts';
import { listPruned } from './trash.ts';

/** Whether every file, or those of the named stores, is there and has its size; reads none. */
export async function verifySizes(
  { directory }: VaultPlace,
  { manifest }: Sealed,
  stores?: readonly string[],
): Promise<void> {
  const folder = join(directory, manifest.id);
  for (const { path, bytes } of sealedFiles(stores === undefined ? manifest : partOf(manifest, stores))) {
    const facts = await factsOf(join(folder, path));
    if (facts?.type !== 'file') throw invalid(`part ${path} is missing`, folder);
    if (facts.bytes !== bytes) throw invalid(`part ${path} has ${facts.bytes} instead of ${bytes} bytes`, folder);
  }
}

/** Re-reads the manifest, its signature and every file as it lies in the vault, or those of the named stores: what is damaged elsewhere does them no harm. */
export async function verifyParts(place: VaultPlace, sealed: Sealed, stores?: readonly string[]): Promise<void> {
  const { directory } = place;
  const { id } = sealed.manifest;
  const manifest = await sameManifest(place, sealed);
  const meant = stores === undefined ? manifest : partOf(manifest, stores);
  const only = stores === undefined ? null : new Set(sealedFiles(meant).map(({ path }) => path));
  const mismatch = checkManifest(meant, await findParts(join(directory, id), only));
  if (mismatch === null) return;
  const what = (await nameOfOther(place, id, mismatch)) ?? describeMismatch(mismatch);
  throw invalid(what + (await sharedWith(place, manifest, mismatch)), join(directory, id));
}

/** What the manifest says of the named stores alone. */
function partOf({ context: _elsewhere, ...manifest }: Manifest, names: readonly string[]): Manifest {
  return { ...manifest, stores: manifest.stores.filter(({ name }) => names.includes(name)) };
}

/** The manifest and its signature, and whether exactly the files that it names are there, with their sizes. Reads no other file. */
export async function verifyListed(place: VaultPlace, sealed: Sealed): Promise<void> {
  const folder = join(place.directory, sealed.manifest.id);
  const manifest = await sameManifest(place, sealed);
  await verifySizes(place, { ...sealed, manifest });
  const known = new Set(sealedFiles(manifest).map(({ path }) => path));
  const extra = (await pathsBelow(folder)).find((path) => !known.has(path));
  if (extra !== undefined) throw invalid(describeMismatch({ kind: 'extra', path: extra }), folder);
}

/** The manifest as it lies there now, which must be the recorded one. */
async function sameManifest(place: VaultPlace, { manifest: { id }, manifestSha256 }: Sealed): Promise<Manifest> {
  const now = await readSealed(place, id);
  if (now.manifestSha256 !== manifestSha256) {
    const what = 'the manifest is not the one that was recorded when the backup was sealed';
    throw invalid(what, join(place.directory, id, MANIFEST));
  }
  await requireNoDowngrade(place, now.manifest);
  return now.manifest;
}

/** Whoever can write into the vault can write a manifest of the old format, which nobody signs; after the first signed one none is honest. */
async function requireNoDowngrade(place: VaultPlace, manifest: Manifest): Promise<void> {
  if (manifest.seal !== undefined) return;
  const signed = (await listSealed(place)).find(
    ({ id, sealed }) =>
      id < manifest.id && sealed?.manifest.seal !== undefined && isBackupOf(id, manifest.service, manifest.environment),
  );
  if (signed === undefined) return;
  throw invalid(`it is not signed, and ${signed.id} before it is`, join(place.directory, manifest.id, MANIFEST));
}

/** A part of another backup in this place is no accident of the disk, and is said as what it is. */
async function nameOfOther(place: VaultPlace, id: string, mismatch: Mismatch): Promise<string | null> {
  if (mismatch.kind === 'missing' || mismatch.kind === 'extra') return null;
  const [found] = (await findParts(join(place.directory, id))).filter((part) => part.path === mismatch.part.path);
  for (const other of await listSealed(place)) {
    const files = other.sealed === null ? [] : sealedFiles(other.sealed.manifest);
    if (other.id !== id && files.some((file) => file.sha256 === found?.sha256))
      return `part ${mismatch.part.path} belongs to ${other.id}`;
  }
  return null;
}

/** What is wrong with an object is wrong in every backup that holds it. */
async function sharedWith(place: VaultPlace, manifest: Manifest, mismatch: Mismatch): Promise<string> {
  if (mismatch.kind === 'extra') return '';
  const { path, sha256 } = mismatch.part;
  if (!manifest.stores.flatMap(objectsOf).some((object) => object.path === path)) return '';
  const others = (await namesOfSharers(place, { path, sha256 })).filter((id) => id !== manifest.id);
  return others.length === 0 ? '' : `; it is shared with ${others.join(', ')}`;
}

/** Ids whose manifest names one before it that is neither here nor pruned. */
export async function brokenLinks(place: VaultPlace, of: { service: string; environment: string }): Promise<string[]> {
  const listed = (await listSealed(place)).flatMap(({ sealed }) => (sealed === null ? [] : [sealed]));
  const links = [
    ...listed.map(({ manifest, manifestSha256 }) => ({ ...manifest, manifest: manifestSha256 })),
    ...(await listPruned(place.directory)).map(({ tombstone }) => tombstone),
  ];
  return missingPredecessors(links.filter(({ id }) => isBackupOf(id, of.service, of.environment)));
}
