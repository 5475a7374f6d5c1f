import { join } from 'node:path';
import type { FoundFile } from '../../../core/backup/manifest.ts';
import { problem } from '../../../core/release/problem.ts';
import { sha256OfFile, syncDirectory, syncFile } from '../../../platform/files.ts';
import { factsOf, namesIn } from '../../../platform/file-tree.ts';

/** Paths of the manifest itself, relative to the backup's folder. */
export const MANIFEST = 'manifest.json';
export const MANIFEST_SHA256 = 'manifest.json.sha256';
export const MANIFEST_SIGNATURE = 'manifest.sig';
const OF_MANIFEST = [MANIFEST, MANIFEST_SHA256, MANIFEST_SIGNATURE];

/** Every file below a backup's folder but the manifest and its signature, or those of `only`, hashed as it lies there, sorted by path. */
export async function findParts(folder: string, only: ReadonlySet<string> | null = null): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  const paths = (await pathsBelow(folder)).filter((path) => only === null || only.has(path));
  for (const path of paths) files.push({ path, ...(await sha256OfFile(join(folder, path))) });
  return files;
}

/** The paths of all files but the manifest and its signature, sorted. Links and the like are refused: a part is a file. */
export async function pathsBelow(folder: string): Promise<string[]> {
  const paths = (await filesBelow(folder, '')).filter((path) => !OF_MANIFEST.includes(path));
  return paths.sort((a, b) => (a < b ? -1 : 1));
}

async function filesBelow(folder: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await namesIn(join(folder, prefix))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const facts = await factsOf(join(folder, path));
    if (facts?.type === 'directory') found.push(...(await filesBelow(folder, path)));
    else if (facts?.type === 'file') found.push(path);
    else if (facts !== null) {
      throw problem('backup-invalid', `${path} is neither a file nor a folder`, {
        where: join(folder, path),
        next: 'Use another backup.',
      });
    }
  }
  return found;
}

/**
 * Syncs every folder, the innermost first, and every file but those that were synced when they were written: a file that was only linked is written
 * out once more by each sync, because its number of names has changed.
 */
export async function syncTree(folder: string, isSynced: (place: string) => boolean): Promise<void> {
  for (const name of await namesIn(folder)) {
    const place = join(folder, name);
    if (isSynced(place)) continue;
    if ((await factsOf(place))?.type === 'directory') await syncTree(place, isSynced);
    else await syncFile(place);
  }
  await syncDirectory(folder);
}
