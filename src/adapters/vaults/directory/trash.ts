import { join } from 'node:path';
import { isBackupOf, parseBackupId } from '../../../core/backup/backup-id.ts';
import { parseTombstone, tombstoneText, type Tombstone } from '../../../core/backup/tombstone.ts';
import { problem } from '../../../core/release/problem.ts';
import {
  listDirectory,
  readText,
  removeTree,
  rename,
  syncDirectory,
  writeAtomically,
} from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import type { Pruned } from '../vault.ts';
import { requireUnpinned } from './pins.ts';

// The tombstone lies beside the folder, which stays as it is: a restore that reads it reads on, and one small file decides whether the
// backup is listed. Only when it is emptied does the folder get another name, so that half a backup is never taken for one.
const TOMBSTONE = '.pruned';
export const REMOVING = '.removing';

function tombstonePath(directory: string, id: string): string {
  return join(directory, id + TOMBSTONE);
}

/** The tombstone of an id. One that cannot be read is none: its backup is listed again, which loses nothing. */
export async function readTombstone(directory: string, id: string): Promise<Tombstone | null> {
  const text = await readText(tombstonePath(directory, id));
  return text === null ? null : parseTombstone(text, id);
}

/** Puts a sealed backup into the trash. */
export async function writeTombstone(directory: string, tombstone: Tombstone): Promise<void> {
  await requireUnpinned(directory, tombstone.id);
  await writeAtomically(tombstonePath(directory, tombstone.id), tombstoneText(tombstone));
  await gap('vaults.trashed');
}

/** Takes a backup out of the trash. */
export async function recoverTrashed(directory: string, id: string): Promise<void> {
  if ((await factsOf(join(directory, id))) === null) {
    throw problem('not-found', `the data of ${id} is deleted`, {
      where: directory,
      next: 'shipway backup list shows what is left.',
    });
  }
  await removeTree(tombstonePath(directory, id));
  await syncDirectory(directory);
  await gap('vaults.recovered');
}

/** Deletes the data of a trashed backup. */
export async function emptyTrashed(directory: string, id: string): Promise<void> {
  if ((await readTombstone(directory, id)) === null) {
    throw problem('refused', `${id} is not in the trash, so it is not deleted`, {
      where: join(directory, id),
      next: 'shipway backup prune decides what goes into the trash.',
    });
  }
  await requireUnpinned(directory, id);
  const removing = join(directory, id + REMOVING);
  if ((await factsOf(join(directory, id))) !== null) {
    await removeTree(removing);
    await rename(join(directory, id), removing);
    await gap('vaults.emptying');
  }
  await removeTree(removing);
  await syncDirectory(directory);
  await gap('vaults.emptied');
}

/** Every tombstone, oldest first. */
export async function listPruned(directory: string): Promise<Omit<Pruned, 'sealed'>[]> {
  const found: Omit<Pruned, 'sealed'>[] = [];
  for (const id of prunedIds(directory)) {
    const tombstone = await readTombstone(directory, id);
    if (tombstone !== null) found.push({ tombstone, data: await dataOf(directory, id) });
  }
  return found;
}

async function dataOf(directory: string, id: string): Promise<Pruned['data']> {
  if ((await factsOf(join(directory, id))) !== null) return 'whole';
  return (await factsOf(join(directory, id + REMOVING))) === null ? 'gone' : 'going';
}

/** The newest backup of service and environment that was pruned; null when none was. */
export async function newestTombstone(
  directory: string,
  of: { service: string; environment: string },
): Promise<Tombstone | null> {
  for (const id of prunedIds(directory).reverse()) {
    const tombstone = isBackupOf(id, of.service, of.environment) ? await readTombstone(directory, id) : null;
    if (tombstone !== null) return tombstone;
  }
  return null;
}

function prunedIds(directory: string): string[] {
  return listDirectory(directory)
    .filter((name) => name.endsWith(TOMBSTONE))
    .map((name) => name.slice(0, -TOMBSTONE.length))
    .filter((id) => parseBackupId(id) !== null);
}
