import type { Sealed, Vault } from '../adapters/vaults/index.ts';
import { isBackupOf } from '../core/backup/backup-id.ts';
import { hasShrunk, liveBytesOf, type Manifest } from '../core/backup/manifest.ts';
import { isProblem } from '../core/release/problem.ts';
import type { BackupRecord } from '../state/backup-record.ts';

/**
 * Whether it holds much less than the newest backup of the same stores that was not suspicious itself, or that a person pinned after a look: on
 * the second day, too, an emptied table is no good data. Only as many manifests are read as it takes, one at a time: they can be large.
 */
export async function isSuspicious(
  vault: Pick<Vault, 'ids' | 'show' | 'pins'>,
  records: ReadonlyMap<string, Pick<BackupRecord, 'suspicious'>>,
  { manifest }: Sealed,
): Promise<boolean> {
  const { service, environment } = manifest;
  const pinned = new Set((await vault.pins()).map(({ id }) => id));
  for (const id of (await vault.ids()).reverse()) {
    if (id >= manifest.id || !isBackupOf(id, service, environment)) continue;
    if (records.get(id)?.suspicious === true && !pinned.has(id)) continue;
    const before = await vault.show(id, { service, environment }).catch(ofNothing);
    if (before === null || namesOf(before.manifest) !== namesOf(manifest)) continue;
    return hasShrunk(liveBytesOf(before.manifest), liveBytesOf(manifest));
  }
  return false;
}

function namesOf({ stores }: Manifest): string {
  return stores.map((store) => store.name).join();
}

function ofNothing(error: unknown): null {
  if (isProblem(error) && error.kind === 'backup-invalid') return null;
  throw error;
}
