import { dirname, join } from 'node:path';
import { KEYS_FILE, type Encryption, type StoreManifest } from '../../../core/backup/manifest.ts';
import { problem, type Problem } from '../../../core/release/problem.ts';
import { ensureDirectory, freeBytes, listDirectory, sha256OfFile } from '../../../platform/files.ts';
import { makeDirectory } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { randomId } from '../../../platform/ids.ts';
import type { ObjectSource } from '../../stores/store.ts';
import { unwrapDataKey } from '../seal/data-key.ts';
import { checkPart, openPart, readPart, type OpenOrder } from '../seal/open-part.ts';
import { chunksOf } from '../seal/part-files.ts';
import type { Sealed } from '../vault.ts';
import { claimFolder, ownershipOf, removeClaimed } from '../../../platform/claimed-folder.ts';
import type { VaultPlace } from './vault-place.ts';
import { openObjectSource } from './object-source.ts';

const OPENED = /^(bk_[^.]+\.opened-[a-z2-7]+)(?:\.owner)?$/;

// Of this process: what it reads right now is not swept by another act of it.
const reading = new Set<string>();

/**
 * Gives a folder with the parts of one store as the store wrote them, each checked on the way, and deletes it afterwards. It lies on the disk
 * of the vault, not in memory: a part may be larger than that. Format 1 is read where it lies.
 */
export async function withOpened<Result>(
  place: VaultPlace,
  { manifest }: Sealed,
  store: string,
  use: (folder: string, objects: ObjectSource) => Promise<Result>,
): Promise<Result> {
  const { directory } = place;
  const saved = requireStore(manifest.stores, store, manifest.id);
  const objectsIn = (folder: string): Promise<ObjectSource> =>
    openObjectSource({ manifest, folder: join(directory, manifest.id) }, saved, folder);
  if (manifest.seal === undefined) {
    const folder = join(directory, manifest.id, store);
    return use(folder, await objectsIn(folder));
  }
  await sweepOpened(directory);
  const lock = await lockOf(place, manifest.id, manifest.seal.encryption);
  requireRoom(directory, saved);
  const scratch = join(directory, `${manifest.id}.opened-${randomId()}`);
  reading.add(scratch);
  try {
    await claimFolder(scratch);
    await makeDirectory(scratch);
    for (const part of saved.parts) {
      const to = join(scratch, part.path);
      await ensureDirectory(dirname(to));
      await openPart({ from: join(directory, manifest.id, part.path), to, part, backup: manifest.id, lock });
      await gap('vaults.part-opened');
    }
    return await use(join(scratch, store), await objectsIn(join(scratch, store)));
  } finally {
    await removeClaimed(scratch);
    reading.delete(scratch);
  }
}

/** Every part of a store to its end, each byte checked; nothing of it is kept. */
export async function readBack(place: VaultPlace, { manifest }: Sealed, store: string): Promise<void> {
  const { id, seal } = manifest;
  const { parts } = requireStore(manifest.stores, store, id);
  const lock = await lockOf(place, id, seal?.encryption ?? null);
  for (const part of parts) await checkPart({ from: join(place.directory, id, part.path), part, backup: id, lock });
}

// A context part is read whole; a manifest from outside must not make us hold more than this.
const CONTEXT_PART_BYTES_MAX = 64 * 1024 * 1024;

/** One part of the context of a backup, in memory. */
export async function readContext(place: VaultPlace, { manifest }: Sealed, path: string): Promise<Buffer> {
  const { id, context, seal } = manifest;
  const part = context?.parts.find((one) => one.path === path);
  if (part === undefined) {
    throw problem('not-found', `the backup does not hold ${path}`, { where: id, next: `shipway backup show ${id}` });
  }
  const from = join(place.directory, id, path);
  if (part.bytes > CONTEXT_PART_BYTES_MAX) throw invalid(`part ${path} is larger than any of its kind`, from);
  return readPart({ from, part, backup: id, lock: await lockOf(place, id, seal?.encryption ?? null) });
}

/** Whether there is a key for it here; not yet whether it is the right one. */
export async function canOpen({ keys }: VaultPlace, { manifest }: Sealed): Promise<boolean> {
  if ((manifest.seal?.encryption ?? null) === null || (await keys.kept(manifest.id)) !== null) return true;
  return (await keys.identity()) !== null;
}

/** Deletes what dead processes left decrypted. */
export async function sweepOpened(directory: string): Promise<void> {
  for (const name of listDirectory(directory)) {
    const scratch = join(directory, OPENED.exec(name)?.[1] ?? '');
    if (scratch === join(directory, '') || scratch === directory || reading.has(scratch)) continue;
    if ((await ownershipOf(scratch)) !== 'other') await removeClaimed(scratch);
  }
}

function requireStore(stores: readonly StoreManifest[], name: string, id: string): StoreManifest {
  const found = stores.find((store) => store.name === name);
  if (found !== undefined) return found;
  const next = `It holds: ${stores.map((store) => store.name).join(', ')}`;
  throw problem('not-found', `the backup has no store "${name}"`, { where: id, next });
}

function requireRoom(directory: string, { parts, name }: StoreManifest): void {
  const needed = parts.reduce((sum, part) => sum + part.bytes, 0);
  const free = freeBytes(directory);
  if (needed <= free) return;
  throw problem('disk-full', `${name} cannot be opened to be read: ${needed} bytes needed, ${free} free`, {
    where: directory,
    next: 'Make room on that disk. Nothing was changed.',
  });
}

/** What decrypts the parts; null when they are not encrypted. A key that is kept for a release goes before the identity. */
async function lockOf(place: VaultPlace, id: string, encryption: Encryption | null): Promise<OpenOrder['lock']> {
  if (encryption === null) return null;
  const { blockBytes } = encryption;
  const kept = await place.keys.kept(id);
  if (kept !== null) return { dataKey: kept, blockBytes };
  const where = join(place.directory, id, KEYS_FILE);
  const found = await sha256OfFile(where);
  if (found.sha256 !== encryption.keys.sha256)
    throw invalid('the keys of the backup are not those it was sealed with', where);
  const identity = await place.keys.identity();
  if (identity === null) throw noIdentity(id, encryption);
  return { dataKey: await unwrapDataKey(await bytesOf(where), { backup: id, identity, where }), blockBytes };
}

async function bytesOf(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function noIdentity(id: string, { recipients }: Encryption): Problem {
  return problem(
    'not-permitted',
    `the backup is encrypted for ${recipients.join(', ')}, and there is no identity here to read it`,
    {
      where: id,
      next: 'Set the variable that backups.encryption.identity names, or do this on the machine that has the identity.',
    },
  );
}

function invalid(what: string, where: string): Problem {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
