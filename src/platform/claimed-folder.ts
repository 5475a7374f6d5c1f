import { hostname } from 'node:os';
import { removeTree, readText, writeAtomically } from './files.ts';
import { identify, isAlive } from './process-table.ts';

// Beside the folder, not in it: a backup must not hold anything but parts when it is renamed.

interface Owner {
  pid: number;
  startedAt: string;
  host: string;
}

/** `own`: this process. `other`: a living process, or one on another machine, where we cannot look. */
export type Ownership = 'nobody' | 'own' | 'other';

function ownerPath(folder: string): string {
  return `${folder}.owner`;
}

/** Notes that this process uses the folder; called before the folder is made, so that no sweep finds it without an owner. */
export async function claimFolder(folder: string): Promise<void> {
  const identity = identify(process.pid);
  const owner: Owner = { pid: process.pid, startedAt: identity?.startedAt ?? '', host: hostname() };
  await writeAtomically(ownerPath(folder), JSON.stringify(owner));
}

export async function ownershipOf(folder: string): Promise<Ownership> {
  const owner = parseOwner((await readText(ownerPath(folder))) ?? '');
  if (owner === null) return 'nobody';
  if (owner.host !== hostname()) return 'other';
  const self = identify(process.pid);
  if (owner.pid === self?.pid && owner.startedAt === self.startedAt) return 'own';
  return isAlive({ pid: owner.pid, startedAt: owner.startedAt }) ? 'other' : 'nobody';
}

function parseOwner(text: string): Owner | null {
  try {
    const value = JSON.parse(text) as Owner;
    return Number.isInteger(value.pid) && typeof value.startedAt === 'string' && typeof value.host === 'string'
      ? value
      : null;
  } catch {
    return null;
  }
}

/** Deletes the folder first: an owner without a folder is nothing, a folder without an owner is dead. */
export async function removeClaimed(folder: string): Promise<void> {
  await removeTree(folder);
  await removeTree(ownerPath(folder));
}
