import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface FoundProgram {
  /** Null when the program is not here and may not be installed. */
  path: string | null;
  /** Why its tests are skipped, for their title; empty when they run. */
  reason: string;
}

/** A program of Debian that tests need; installed when that is allowed (root, and CI or the full mode). Starts no service. */
export function debianProgram(program: string, debianPackage: string): FoundProgram {
  const here = findProgram(program);
  if (here !== null) return { path: here, reason: '' };
  const mayInstall =
    process.getuid?.() === 0 && (process.env['CI'] === 'true' || process.env['SHIPWAY_TEST_FULL'] === '1');
  if (!mayInstall) return { path: null, reason: `needs ${program}: apt-get install ${debianPackage}` };
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const installed = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', debianPackage], {
    env: environment,
    encoding: 'utf8',
  });
  const path = findProgram(program);
  const lastLine = `${installed.stdout}${installed.stderr}`.trimEnd().split('\n').at(-1) ?? '';
  return { path, reason: path === null ? `apt-get could not install ${debianPackage}: ${lastLine}` : '' };
}

function findProgram(program: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // Looked for in the next folder.
    }
  }
  return null;
}
