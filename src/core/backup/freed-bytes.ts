import { objectsOf, sealedFiles, type Manifest } from './manifest.ts';

/** One backup whose data lies in the vault, and whether it leaves. */
export interface LeavingBackup {
  id: string;
  /** null: what it holds is not known. */
  manifest: Manifest | null;
  leaves: boolean;
}

/**
 * Bytes that become free when these leave, by id. An object that others hold too is on the disk once: it becomes free only with its last holder, and is
 * counted for the newest of those that leave. Everything else is each backup's own, also where it is equal.
 */
export function freedBytes(backups: readonly LeavingBackup[]): Map<string, number> {
  const held = new Set<string>();
  for (const { manifest, leaves } of backups) {
    if (manifest !== null && !leaves) for (const { sha256 } of sharedFilesOf(manifest)) held.add(sha256);
  }
  const freed = new Map<string, number>();
  const newestFirst = backups.filter(({ leaves }) => leaves).toSorted((a, b) => (a.id < b.id ? 1 : -1));
  for (const { id, manifest } of newestFirst) {
    let bytes = manifest === null ? 0 : sealedFiles(manifest).reduce((sum, file) => sum + file.bytes, 0);
    for (const file of manifest === null ? [] : sharedFilesOf(manifest)) {
      if (held.has(file.sha256)) bytes -= file.bytes;
      held.add(file.sha256);
    }
    freed.set(id, bytes);
  }
  return freed;
}

function sharedFilesOf(manifest: Manifest): { sha256: string; bytes: number }[] {
  return manifest.stores.flatMap(objectsOf).map(({ stored }) => stored);
}
