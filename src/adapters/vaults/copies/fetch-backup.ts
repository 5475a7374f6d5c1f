import { dirname, join } from 'node:path';
import { sealedFiles } from '../../../core/backup/manifest.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, freeBytes } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { invalid } from '../directory/read-sealed.ts';
import type { Sealed } from '../vault.ts';
import { download, findCopied, MANIFEST_BYTES_MAX, MANIFEST_FILES, type SecondPlace } from './copied-backups.ts';

export interface FetchOrder extends SecondPlace {
  id: string;
  /** The digest that our journal has of its manifest; null when it knows no such backup. */
  recordedSha256: string | null;
  effect: Effect;
}

/** Brings a backup back into the vault. Signature and manifest are checked before anything else is asked for, every byte before it is listed. */
export async function fetchBackup(order: FetchOrder): Promise<Sealed> {
  const { place, vault, id, recordedSha256, effect } = order;
  const found = await findCopied({ place, vault }, id);
  if (found === null || found.state === 'half') {
    const what = found === null ? 'does not lie in that place' : 'was not copied there to its end';
    throw problem('not-found', `${id} ${what}`, { where: place.where, next: 'See: shipway backup list --at NAME' });
  }
  const { sealed } = found;
  if (sealed === null) throw invalid(found.reason ?? 'its manifest cannot be trusted', place.where);
  if (recordedSha256 !== null && recordedSha256 !== sealed.manifestSha256) {
    throw invalid('the manifest is not the one that was recorded when the backup was sealed', place.where);
  }
  return vault.admit(id, async (folder) => {
    const files = sealedFiles(sealed.manifest);
    requireRoom(
      folder,
      files.reduce((sum, file) => sum + file.bytes, 0),
    );
    for (const { path, bytes } of files) {
      effect.signal.throwIfAborted();
      await ensureDirectory(dirname(join(folder, path)));
      await download(place, `${id}/${path}`, join(folder, path), bytes);
      await gap('copies.fetched');
    }
    for (const name of MANIFEST_FILES) await download(place, `${id}/${name}`, join(folder, name), MANIFEST_BYTES_MAX);
  });
}

function requireRoom(folder: string, needed: number): void {
  const free = freeBytes(folder);
  if (needed <= free) return;
  throw problem('disk-full', `the backup does not fit here: ${needed} bytes needed, ${free} free`, {
    where: folder,
    next: 'Make room on that disk, or set another backups.directory. Nothing was changed.',
  });
}
