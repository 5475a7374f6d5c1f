import { readdirSync, readlinkSync } from 'node:fs';
import { findByEnvironment } from './process-table.ts';

/** Files that running processes with this variable hold open; empty where the system does not tell (only Linux does). */
export function openFilesOf(name: string, value: string): string[] {
  const files = new Set<string>();
  for (const { identity } of findByEnvironment(name, (found) => found === value)) {
    for (const file of filesOf(identity.pid)) files.add(file);
  }
  return [...files].sort();
}

function filesOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((handle) => {
      const path = targetOf(`${folder}/${handle}`);
      return path?.startsWith('/') === true ? [path] : [];
    });
  } catch {
    return []; // ended meanwhile, of somebody else, or a system without /proc
  }
}

function targetOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null; // closed meanwhile
  }
}
