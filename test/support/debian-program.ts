import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface FoundProgram {
  /** Null when the program is not here and may not be installed. */
  path: string | null;
  /** Why its tests are skipped, for their title; empty when they run. */
  reason: string;
}

/** A program of Debian that tests need; installed when that is allowed. */
export function debianProgram(program: string, debianPackage: string): FoundProgram {
  const here = findProgram(program);
  if (here !== null) return { path: here, reason: '' };
  const fault = installDebian([debianPackage]);
  const path = findProgram(program);
  return { path, reason: path === null ? `needs ${program}: ${fault ?? 'its package brought no such program'}` : '' };
}

/** Whether tests may change this machine: root, and CI or the full mode. */
export function mayInstall(): boolean {
  const isFull = process.env['CI'] === 'true' || process.env['SHIPWAY_TEST_FULL'] === '1';
  return process.getuid?.() === 0 && isFull;
}

/** Installs packages of Debian when that is allowed (root, and CI or the full mode); says why not, or null. */
export function installDebian(packages: string[]): string | null {
  const command = `apt-get install ${packages.join(' ')}`;
  if (!mayInstall()) return `${command}, or SHIPWAY_TEST_FULL=1 as root`;
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  // The lists of a fresh machine are empty, or so old that what they name is gone.
  const fault = apt(install);
  return fault === null || apt(['update']) !== null ? fault : apt(install);
}

function apt(words: string[]): string | null {
  // Another test file may be installing at the same time.
  const ran = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
  });
  if (ran.status === 0) return null;
  const said = `${ran.stdout ?? ''}${ran.stderr ?? ''}`.trimEnd().split('\n').at(-1) ?? '';
  return `apt-get ${words[0] ?? ''} ended with ${ran.status ?? String(ran.error?.message)}: ${said}`;
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
