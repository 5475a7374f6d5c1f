import { join } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { readText } from '../../../platform/files.ts';
import { openForReading } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { MOUNT } from './workbench.ts';
import { createEntryList, type VolumeEntry } from './list-entries.ts';
import { countersOf, fingerprintOf, requireSafe } from './volume-entries.ts';
import type { Description } from './volumes.ts';

export const ARCHIVE = 'volume.tar';
export const DESCRIPTION = 'volume.json';
const CHUNK_BYTES = 1024 * 1024;
const next = 'Use another backup: shipway backup list shows them.';

/** Everything in a copy, read to its end; refuses what a restore must not follow. */
export async function readArchive(folder: string, kind: 'backup-failed' | 'backup-invalid'): Promise<VolumeEntry[]> {
  const where = join(folder, ARCHIVE);
  const reader = createEntryList(MOUNT);
  const file = await openForReading(where);
  try {
    for (let position = 0; ;) {
      const buffer = Buffer.alloc(CHUNK_BYTES); // a new one each time: the reader keeps parts of it
      const read = await file.read(buffer, position);
      if (read === 0) break;
      reader.write(buffer.subarray(0, read));
      position += read;
    }
  } finally {
    await file.close();
  }
  try {
    const entries = reader.end();
    requireSafe(entries, where);
    return entries;
  } catch (error) {
    if (isProblem(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const way = kind === 'backup-failed' ? 'Take the backup again; docker logs what it could not read.' : next;
    throw problem(kind, `the archive of the volume is not whole: ${why}`, { where, next: way, cause: error });
  }
}

/** The copy's entries; throws `backup-invalid` with the first thing in which it differs from what was captured. */
export async function checkCopy(folder: string, recorded: Capture): Promise<VolumeEntry[]> {
  await readDescription(folder);
  const entries = await readArchive(folder, 'backup-invalid');
  requireSame(entries, recorded, join(folder, ARCHIVE));
  return entries;
}

export function requireSame(entries: readonly VolumeEntry[], recorded: Capture, where: string): void {
  for (const [name, count] of Object.entries(countersOf(entries))) {
    if (recorded.counters[name] === count) continue;
    throw problem('backup-invalid', `${name}: ${count} are there, ${recorded.counters[name]} were captured`, {
      where,
      next,
    });
  }
  if (fingerprintOf(entries) === recorded.fingerprint) return;
  throw problem('backup-invalid', 'the content differs from what was captured', { where, next });
}

export async function readDescription(folder: string): Promise<Description> {
  const where = join(folder, DESCRIPTION);
  try {
    const value = JSON.parse((await readText(where)) ?? '') as Description;
    const labels = Object.values(value.labels);
    if (value.format === 1 && typeof value.driver === 'string' && labels.every((label) => typeof label === 'string'))
      return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('backup-invalid', 'the description of the volume is damaged', { where, next });
}
