import { join } from 'node:path';
import { parseBackupId } from '../../../core/backup/backup-id.ts';
import { problem } from '../../../core/release/problem.ts';
import {
  exists,
  listDirectory,
  readText,
  removeTree,
  syncDirectory,
  writeAtomically,
} from '../../../platform/files.ts';
import type { Pin } from '../vault.ts';

const PIN = '.pin';

function pinPath(directory: string, id: string): string {
  return join(directory, id + PIN);
}

export async function writePin(directory: string, pin: Pin): Promise<void> {
  await writeAtomically(pinPath(directory, pin.id), `${JSON.stringify({ format: 1, ...pin })}\n`);
}

export async function removePin(directory: string, id: string): Promise<void> {
  if (!exists(pinPath(directory, id))) return;
  await removeTree(pinPath(directory, id));
  await syncDirectory(directory);
}

/** A pin that cannot be read holds all the same: somebody meant the backup to stay. */
export async function listPins(directory: string): Promise<Pin[]> {
  const pins: Pin[] = [];
  for (const name of listDirectory(directory)) {
    const id = name.endsWith(PIN) ? name.slice(0, -PIN.length) : '';
    if (parseBackupId(id) === null) continue;
    const unreadable = { id, reason: 'its pin cannot be read', by: 'unknown', at: '1970-01-01T00:00:00.000Z' };
    pins.push(parsePin((await readText(pinPath(directory, id))) ?? '', id) ?? unreadable);
  }
  return pins;
}

function parsePin(text: string, id: string): Pin | null {
  try {
    const { reason, by, at } = JSON.parse(text) as Pin;
    return [reason, by, at].every((one) => typeof one === 'string') ? { id, reason, by, at } : null;
  } catch {
    return null;
  }
}

/** The last word before anything is hidden or deleted, whatever was decided elsewhere. */
export async function requireUnpinned(directory: string, id: string): Promise<void> {
  if (!exists(pinPath(directory, id))) return;
  throw problem('refused', `${id} is pinned`, {
    where: pinPath(directory, id),
    next: `Take the pin away first: shipway backup unpin ${id}`,
  });
}
