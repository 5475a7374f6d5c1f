import { dirname } from 'node:path';
import { exists } from '../platform/files.ts';
import { look, mayWriteIn } from '../platform/ownership.ts';
import type { App } from './app.ts';
import type { Finding } from './finding.ts';

const WHAT = 'state folder';

/** Others may pass through (the built-in server runs as another user under root), but not read or write; this user has to be able to. */
export async function inspectStateFolder({ stateDirectory }: Pick<App, 'stateDirectory'>): Promise<Finding> {
  const entry = await look(stateDirectory);
  if (entry !== null && entry.kind !== 'folder') {
    return fail(`${stateDirectory} is not a folder`, 'Move it away.');
  }
  const folder = existingFolder(stateDirectory);
  if (!(await mayWriteIn(folder))) {
    const place = entry === null ? `${stateDirectory} cannot be made: ` : '';
    return fail(
      `${place}this user may not write in ${folder}`,
      `Give this user the right (ls -ld ${folder}), or run shipway as the user who has it.`,
    );
  }
  if (entry === null) return ok(`${stateDirectory} is made with the first release`);
  const mode = entry.mode.toString(8);
  if ((entry.mode & 0o066) === 0) return ok(`${stateDirectory} (mode ${mode})`);
  const found = `${stateDirectory} can be read or written by others (mode ${mode})`;
  return { level: 'warn', what: WHAT, found, next: `chmod go-rw ${stateDirectory}` };
}

const ok = (found: string): Finding => ({ level: 'ok', what: WHAT, found, next: '' });
const fail = (found: string, next: string): Finding => ({ level: 'fail', what: WHAT, found, next });

/** The folder itself, or the nearest one above it that is there. */
export function existingFolder(path: string): string {
  return exists(path) || dirname(path) === path ? path : existingFolder(dirname(path));
}
