import { join } from 'node:path';
import { CONTEXT_FOLDER, NOTHING_KNOWN } from '../../../core/backup/backup-context.ts';
import { isBackupOf, parseBackupId } from '../../../core/backup/backup-id.ts';
import {
  consistencyWindowMs,
  manifestBytes,
  objectsOf,
  storedBytesOf,
  totalsOf,
  type Manifest,
} from '../../../core/backup/manifest.ts';
import { readManifest } from '../../../core/backup/read-manifest.ts';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { claimFolder, ownershipOf, removeClaimed } from '../../../platform/claimed-folder.ts';
import { ensureDirectory, listDirectory, rename, syncDirectory, writeAtomically } from '../../../platform/files.ts';
import { factsOf, makeDirectory } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { KeyRing } from '../seal/key-ring.ts';
import type { BackupPlace, ManifestDraft, Pruned, Sealed, SecretPart, Vault } from '../vault.ts';
import { admit, admitted } from './admit-backup.ts';
import { brokenLinks, verifyListed, verifyParts, verifySizes } from './check-sealed.ts';
import { MANIFEST, MANIFEST_SHA256, MANIFEST_SIGNATURE, syncTree } from './find-parts.ts';
import { forgetGone, forgetMemory } from './object-memory.ts';
import { openObjectSink } from './object-sink.ts';
import { canOpen, readBack, readContext, sweepOpened, withOpened } from './opened.ts';
import { listPins, removePin, writePin } from './pins.ts';
import { listSealed, ofNothing, readSealed, sealedIds, sha256, showSealed } from './read-sealed.ts';
import { sealFolder } from './seal-folder.ts';
import type { VaultPlace } from './vault-place.ts';
import { emptyTrashed, listPruned, newestTombstone, readTombstone, recoverTrashed, writeTombstone } from './trash.ts';

const PARTIAL = '.partial';

// Of this process, whichever vault object it was begun through: a second run of the same backup must not delete the first one's work.
const running = new Set<string>();

/** A week: the share of a disk that one fault can take from all backups stays small, and so does the cost. */
const FULL_SECONDS = 7 * 86_400;

/** A vault that is a folder on this machine; made on first use, 0700. Objects are shared until the last full backup is `fullSeconds` old. */
export function openVault(directory: string, keys: KeyRing, { fullSeconds = FULL_SECONDS } = {}): Vault {
  const place: VaultPlace = { directory, keys };
  const partialOf = (id: string): string => join(directory, requireId(id) + PARTIAL);
  return {
    place: directory,
    keys,
    begin: (id) => begin(place, id, { partial: partialOf(id), fullSeconds }),
    seal: (draft, signal, secrets = []) => seal(place, partialOf(draft.id), draft, { signal, secrets }),
    forgetObjects: (sealed) => forgetObjects(place, sealed),
    abandon: async (id) => {
      await removeClaimed(partialOf(id));
      running.delete(partialOf(id));
    },
    admit: (id, fill) => admitInto(place, partialOf(id), id, fill),
    fileOf: (id, path) => join(directory, requireId(id), path),
    list: () => listSealed(place),
    ids: () => sealedIds(directory),
    show: (reference, of) => showSealed(place, reference, of),
    verifySizes: (sealed, stores) => verifySizes(place, sealed, stores),
    verifyParts: (sealed, stores) => verifyParts(place, sealed, stores),
    verifyListed: (sealed) => verifyListed(place, sealed),
    readBack: (sealed, store) => readBack(place, sealed, store),
    brokenLinks: (of) => brokenLinks(place, of),
    canOpen: (sealed) => canOpen(place, sealed),
    readContext: (sealed, path) => readContext(place, sealed, path),
    opened: (sealed, store, use) => withOpened(place, sealed, store, use),
    trash: async (id, note) => trash(place, requireId(id), note),
    recover: (id) => recoverTrashed(directory, requireId(id)),
    empty: (id) => emptyTrashed(directory, requireId(id)),
    pruned: () => pruned(place),
    pin: async (pin) => {
      await readSealed(place, requireId(pin.id));
      await writePin(directory, pin);
    },
    unpin: (id) => removePin(directory, requireId(id)),
    pins: () => listPins(directory),
    removeDead: async (effect) => {
      const removed = await removeDead(directory);
      for (const id of removed) effect.report(`removed ${id}, which was never finished`);
      await forgetGone(keys, async (id) => (await factsOf(join(directory, id))) !== null);
      return removed;
    },
  };
}

function requireId(id: string): string {
  if (parseBackupId(id) !== null) return id;
  throw problem('usage', `${JSON.stringify(id)} is not the id of a backup`, {
    where: id,
    next: 'shipway backup list shows the ids.',
  });
}

function written(partial: string): Problem {
  return problem('refused', 'this backup is being written by another process', {
    where: partial,
    next: 'Wait until it is finished; if that machine is gone for good, delete the folder and its .owner file.',
    retry: true,
  });
}

async function begin(
  place: VaultPlace,
  backup: string,
  { partial, fullSeconds }: { partial: string; fullSeconds: number },
): Promise<BackupPlace> {
  const { directory } = place;
  if (running.has(partial)) throw written(partial);
  // At once, before anything is waited for: of two that begin the same moment one must be refused.
  running.add(partial);
  try {
    await ensureDirectory(directory);
    await removeDead(directory); // what a dead run left lies there as the stores wrote it, not encrypted
    if ((await ownershipOf(partial)) === 'other') throw written(partial);
    await removeClaimed(partial);
    await claimFolder(partial);
    await makeDirectory(partial);
    await syncDirectory(directory);
  } catch (error) {
    running.delete(partial);
    throw error;
  }
  await gap('vaults.begun');
  return {
    folderOf: async (store) => {
      const folder = join(partial, store);
      await makeDirectory(folder);
      return folder;
    },
    objectsOf: (store, { service, environment }, effect) => {
      const scope = { vault: directory, service, environment, store };
      return openObjectSink(place, { backup, partial, scope, fullSeconds, effect });
    },
  };
}

async function admitInto(
  place: VaultPlace,
  partial: string,
  id: string,
  fill: (folder: string) => Promise<void>,
): Promise<Sealed> {
  const there = await admitted(place, id);
  if (there !== null) return there;
  const begun = await begin(place, id, { partial, fullSeconds: FULL_SECONDS });
  try {
    await begun.folderOf(id);
    return await admit(place, { id, partial }, fill);
  } finally {
    await removeClaimed(partial);
    running.delete(partial);
  }
}

async function seal(
  place: VaultPlace,
  partial: string,
  draft: ManifestDraft,
  how: { signal: AbortSignal | undefined; secrets: readonly SecretPart[] },
): Promise<Sealed> {
  const { directory, keys } = place;
  const objects = new Set(draft.stores.flatMap(objectsOf).map(({ path }) => path));
  const sealing = { backup: draft.id, release: draft.release, keys, objects, ...how };
  const manifest = await completeManifest(place, draft, await sealFolder(partial, sealing));
  const bytes = manifestBytes(manifest);
  const manifestSha256 = sha256(bytes);
  readManifest(bytes, draft.id); // whatever would be refused later is refused now, while the data can still be copied again
  await writeAtomically(join(partial, MANIFEST), bytes);
  await writeAtomically(join(partial, MANIFEST_SHA256), `${manifestSha256}\n`);
  await writeAtomically(join(partial, MANIFEST_SIGNATURE), await keys.sign(bytes));
  const written = new Set([...objects].map((path) => join(partial, path)));
  await syncTree(partial, (file) => written.has(file));
  await gap('vaults.synced');
  await rename(partial, join(directory, manifest.id));
  await gap('vaults.sealed');
  await removeClaimed(partial); // the note about its owner
  running.delete(partial);
  return { manifest, manifestSha256 };
}

async function forgetObjects({ directory, keys }: VaultPlace, { manifest }: Sealed): Promise<void> {
  const { service, environment, stores } = manifest;
  for (const { name, objects } of stores)
    if (objects !== undefined) await forgetMemory(keys, { vault: directory, service, environment, store: name });
}

async function completeManifest(
  place: VaultPlace,
  draft: ManifestDraft,
  { parts, encryption }: Awaited<ReturnType<typeof sealFolder>>,
): Promise<Manifest> {
  const stores = draft.stores.map((store) => ({
    ...store,
    parts: parts.filter((part) => part.path.startsWith(`${store.name}/`)),
  }));
  const context = {
    ...(draft.context ?? NOTHING_KNOWN),
    parts: parts.filter((part) => part.path.startsWith(`${CONTEXT_FOLDER}/`)),
  };
  const storedBytes = storedBytesOf({ stores, context });
  return {
    ...draft,
    format: 5,
    stores,
    context,
    consistencyWindowMs: consistencyWindowMs(stores),
    previous: await previousOf(place, draft),
    totals: totalsOf({ stores, context }),
    seal: { encryption, signer: await place.keys.signer(), storedBytes },
  };
}

async function previousOf(place: VaultPlace, draft: ManifestDraft): Promise<string | null> {
  const last = await newestSealed(place, draft);
  const pruned = await newestTombstone(place.directory, draft);
  if (pruned !== null && pruned.id > (last?.manifest.id ?? '')) return pruned.manifest;
  return last?.manifestSha256 ?? null;
}

/** The newest that can be trusted. Only as many are read as it takes: a manifest with many objects is large. */
async function newestSealed(place: VaultPlace, { service, environment }: ManifestDraft): Promise<Sealed | null> {
  for (const id of (await sealedIds(place.directory)).reverse()) {
    const sealed = isBackupOf(id, service, environment) ? await readSealed(place, id).catch(() => null) : null; // `list` says why
    if (sealed !== null) return sealed;
  }
  return null;
}

async function trash(place: VaultPlace, id: string, note: { at: string; why: string }): Promise<void> {
  const { directory } = place;
  if ((await readTombstone(directory, id)) !== null) return;
  const { manifest, manifestSha256 } = await readSealed(place, id);
  const { service, environment, previous } = manifest;
  const facts = { id, service, environment, createdAt: manifest.createdAt.end, manifest: manifestSha256, previous };
  await writeTombstone(directory, { format: 1, ...facts, prunedAt: note.at, why: note.why });
}

async function pruned(place: VaultPlace): Promise<Pruned[]> {
  const found: Pruned[] = [];
  for (const { tombstone, data } of await listPruned(place.directory)) {
    const sealed = data === 'whole' ? await readSealed(place, tombstone.id).catch(ofNothing) : null;
    found.push({ tombstone, data, sealed });
  }
  return found;
}

async function removeDead(directory: string): Promise<string[]> {
  await sweepOpened(directory);
  const removed: string[] = [];
  for (const name of listDirectory(directory)) {
    const id = name.replace(/\.partial(\.owner)?$/, '');
    const partial = join(directory, id + PARTIAL);
    if (id === name || parseBackupId(id) === null || running.has(partial)) continue;
    // Ours, but not running any more: an earlier try of this process failed.
    if ((await ownershipOf(partial)) === 'other') continue;
    const wasThere = (await factsOf(partial)) !== null;
    await removeClaimed(partial);
    if (wasThere) removed.push(id);
  }
  return removed;
}
