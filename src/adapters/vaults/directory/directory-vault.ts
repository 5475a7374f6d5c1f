import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isBackupOf, parseBackupId } from '../../../core/backup/backup-id.ts';
import { checkManifest, describeMismatch, type Mismatch } from '../../../core/backup/check-manifest.ts';
import { consistencyWindowMs, manifestBytes, totalsOf, type Manifest } from '../../../core/backup/manifest.ts';
import { readManifest } from '../../../core/backup/read-manifest.ts';
import { isProblem, problem, problemRecord, type Problem } from '../../../core/release/problem.ts';
import { claimFolder, ownershipOf, removeClaimed } from '../../../platform/claimed-folder.ts';
import {
  ensureDirectory,
  listDirectory,
  readText,
  rename,
  syncDirectory,
  writeAtomically,
} from '../../../platform/files.ts';
import { factsOf, makeDirectory } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { ManifestDraft, Pruned, Sealed, Vault } from '../vault.ts';
import { findParts, MANIFEST, MANIFEST_SHA256, syncTree } from './find-parts.ts';
import { listPins, removePin, writePin } from './pins.ts';
import { emptyTrashed, listPruned, newestTombstone, readTombstone, recoverTrashed, writeTombstone } from './trash.ts';

const PARTIAL = '.partial';

// Of this process, whichever vault object it was begun through: a second run of the same backup must not delete the first one's work.
const running = new Set<string>();

/** A vault that is a folder on this machine; made on first use, 0700. */
export function openVault(directory: string): Vault {
  const partialOf = (id: string): string => join(directory, requireId(id) + PARTIAL);
  return {
    place: directory,
    begin: (id) => begin(directory, partialOf(id)),
    seal: (draft) => seal(directory, partialOf(draft.id), draft),
    abandon: async (id) => {
      await removeClaimed(partialOf(id));
      running.delete(partialOf(id));
    },
    list: () => list(directory),
    show: (reference, of) => show(directory, reference, of),
    verifyParts: (sealed) => verifyParts(directory, sealed),
    folderOf: (id, store) => join(directory, requireId(id), store),
    trash: async (id, note) => trash(directory, requireId(id), note),
    recover: (id) => recoverTrashed(directory, requireId(id)),
    empty: (id) => emptyTrashed(directory, requireId(id)),
    pruned: () => pruned(directory),
    pin: async (pin) => {
      await readSealed(directory, requireId(pin.id));
      await writePin(directory, pin);
    },
    unpin: (id) => removePin(directory, requireId(id)),
    pins: () => listPins(directory),
    removeDead: async (effect) => {
      const removed = await removeDead(directory);
      for (const id of removed) effect.report(`removed ${id}, which was never finished`);
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

async function begin(directory: string, partial: string): Promise<{ folderOf(store: string): Promise<string> }> {
  await ensureDirectory(directory);
  const isWritten = running.has(partial) || (await ownershipOf(partial)) === 'other';
  if (isWritten) {
    throw problem('refused', 'this backup is being written by another process', {
      where: partial,
      next: 'Wait until it is finished; if that machine is gone for good, delete the folder and its .owner file.',
      retry: true,
    });
  }
  running.add(partial);
  try {
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
  };
}

async function seal(directory: string, partial: string, draft: ManifestDraft): Promise<Sealed> {
  const manifest = await completeManifest(directory, partial, draft);
  const bytes = manifestBytes(manifest);
  const manifestSha256 = sha256(bytes);
  readManifest(bytes, draft.id); // whatever would be refused later is refused now, while the data can still be copied again
  await writeAtomically(join(partial, MANIFEST), bytes);
  await writeAtomically(join(partial, MANIFEST_SHA256), `${manifestSha256}\n`);
  await syncTree(partial);
  await gap('vaults.synced');
  await rename(partial, join(directory, manifest.id));
  await gap('vaults.sealed');
  await removeClaimed(partial); // the note about its owner
  running.delete(partial);
  return { manifest, manifestSha256 };
}

async function completeManifest(directory: string, partial: string, draft: ManifestDraft): Promise<Manifest> {
  const found = await findParts(partial);
  const stores = draft.stores.map((store) => ({
    ...store,
    parts: found.filter((part) => part.path.startsWith(`${store.name}/`)),
  }));
  const before = (await list(directory)).filter(({ id }) => isBackupOf(id, draft.service, draft.environment));
  const last = before.findLast(({ sealed }) => sealed !== null);
  const pruned = await newestTombstone(directory, draft);
  return {
    ...draft,
    format: 1,
    stores,
    consistencyWindowMs: consistencyWindowMs(stores),
    previous:
      pruned !== null && pruned.id > (last?.id ?? '') ? pruned.manifest : (last?.sealed?.manifestSha256 ?? null),
    totals: totalsOf(stores),
  };
}

async function list(directory: string): Promise<Awaited<ReturnType<Vault['list']>>> {
  const found = [];
  for (const id of await idsIn(directory)) {
    try {
      found.push({ id, sealed: await readSealed(directory, id), reason: null });
    } catch (error) {
      found.push({ id, sealed: null, reason: problemRecord(error).message });
    }
  }
  return found;
}

/** Sealed backups that are not in the trash. */
async function idsIn(directory: string): Promise<string[]> {
  const ids: string[] = [];
  for (const name of listDirectory(directory)) {
    if (parseBackupId(name) !== null && (await readTombstone(directory, name)) === null) ids.push(name);
  }
  return ids;
}

async function trash(directory: string, id: string, note: { at: string; why: string }): Promise<void> {
  if ((await readTombstone(directory, id)) !== null) return;
  const { manifest, manifestSha256 } = await readSealed(directory, id);
  const { service, environment, previous } = manifest;
  const facts = { id, service, environment, createdAt: manifest.createdAt.end, manifest: manifestSha256, previous };
  await writeTombstone(directory, { format: 1, ...facts, prunedAt: note.at, why: note.why });
}

async function pruned(directory: string): Promise<Pruned[]> {
  const found: Pruned[] = [];
  for (const { tombstone, data } of await listPruned(directory)) {
    const sealed = data === 'whole' ? await readSealed(directory, tombstone.id).catch(ofNothing) : null;
    found.push({ tombstone, data, sealed });
  }
  return found;
}

function ofNothing(error: unknown): null {
  if (isProblem(error) && error.kind === 'backup-invalid') return null;
  throw error;
}

async function readSealed(directory: string, id: string): Promise<Sealed> {
  const where = join(directory, id, MANIFEST);
  const text = await readText(where);
  const noted = await readText(join(directory, id, MANIFEST_SHA256));
  if (text === null || noted === null) throw invalid('its manifest is missing', where);
  const bytes = Buffer.from(text, 'utf8');
  const manifestSha256 = sha256(bytes);
  if (noted !== `${manifestSha256}\n`) throw invalid('the manifest was changed after the backup was sealed', where);
  const manifest = readManifest(bytes, where);
  if (manifest.id !== id) throw invalid(`the manifest belongs to ${manifest.id}`, where);
  return { manifest, manifestSha256 };
}

async function show(
  directory: string,
  reference: string,
  of: { service: string; environment: string },
): Promise<Sealed> {
  const all = await idsIn(directory);
  if (all.includes(reference)) return requireOf(await readSealed(directory, reference), of);
  const ids = all.filter((id) => isBackupOf(id, of.service, of.environment));
  if (reference === 'latest') return readSealed(directory, requireOne(ids.slice(-1), reference, directory));
  if (reference.startsWith('before:')) return requireBefore(directory, ids, reference);
  // At least the part every id begins with: an empty text must not mean "the only one".
  const matches = reference.startsWith('bk_') ? ids.filter((id) => id.startsWith(reference)) : [];
  return requireOf(await readSealed(directory, requireOne(matches, reference, directory)), of);
}

/** The newest backup taken before the first change of that release. */
async function requireBefore(directory: string, ids: string[], reference: string): Promise<Sealed> {
  const release = reference.slice('before:'.length);
  for (const id of [...ids].reverse()) {
    if (parseBackupId(id)?.reason !== 'pre-release') continue;
    const sealed = await readSealed(directory, id);
    if (sealed.manifest.release === release) return sealed;
  }
  throw notFound(reference, directory);
}

function requireOf(sealed: Sealed, of: { service: string; environment: string }): Sealed {
  const { id, service, environment } = sealed.manifest;
  if (service === of.service && environment === of.environment) return sealed;
  throw problem(
    'refused',
    `this backup is of ${service} in ${environment}, not of ${of.service} in ${of.environment}`,
    {
      where: id,
      next: `shipway backup list --env ${of.environment} shows those that fit.`,
    },
  );
}

function requireOne(matches: string[], reference: string, directory: string): string {
  const [only, second] = matches;
  if (only !== undefined && second === undefined) return only;
  if (only === undefined) throw notFound(reference, directory);
  throw problem('usage', `${reference} is the beginning of ${matches.length} backups`, {
    where: directory,
    next: `Write more of the id, for instance ${only}`,
  });
}

function notFound(reference: string, directory: string): Problem {
  return problem('not-found', `there is no backup ${JSON.stringify(reference)}`, {
    where: directory,
    next: 'shipway backup list shows them.',
  });
}

async function verifyParts(directory: string, sealed: Sealed): Promise<void> {
  const { id } = sealed.manifest;
  const now = await readSealed(directory, id);
  if (now.manifestSha256 !== sealed.manifestSha256) {
    throw invalid(
      'the manifest is not the one that was recorded when the backup was sealed',
      join(directory, id, MANIFEST),
    );
  }
  const mismatch = checkManifest(now.manifest, await findParts(join(directory, id)));
  if (mismatch === null) return;
  throw invalid((await nameOfOther(directory, id, mismatch)) ?? describeMismatch(mismatch), join(directory, id));
}

/** A part of another backup in this place is no accident of the disk, and is said as what it is. */
async function nameOfOther(directory: string, id: string, mismatch: Mismatch): Promise<string | null> {
  if (mismatch.kind === 'missing' || mismatch.kind === 'extra') return null;
  const [found] = (await findParts(join(directory, id))).filter((part) => part.path === mismatch.part.path);
  for (const other of await list(directory)) {
    const parts = other.sealed?.manifest.stores.flatMap((store) => store.parts) ?? [];
    if (other.id !== id && parts.some((part) => part.sha256 === found?.sha256))
      return `part ${mismatch.part.path} belongs to ${other.id}`;
  }
  return null;
}

async function removeDead(directory: string): Promise<string[]> {
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

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function invalid(what: string, where: string): Problem {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
