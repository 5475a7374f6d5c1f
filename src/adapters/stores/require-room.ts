import { problem } from '../../core/release/problem.ts';
import { freeBytes } from '../../platform/files.ts';

/** Throws `disk-full` with the bytes needed and free when a copy cannot fit: better before the first byte than after the last free one. */
export function requireRoom(folder: string, neededBytes: number, ofWhat: string): void {
  const free = freeBytes(folder);
  if (free >= neededBytes) return;
  throw problem('disk-full', `a copy of ${ofWhat} needs ${neededBytes} bytes, ${free} are free`, {
    where: folder,
    next: `Make room for ${neededBytes - free} bytes on the disk of ${folder} (df -h ${folder}), or keep backups elsewhere.`,
  });
}
