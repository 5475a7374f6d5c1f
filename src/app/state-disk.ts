import { join } from 'node:path';
import { problem, type Problem } from '../core/release/problem.ts';
import { exists, freeBytes } from '../platform/files.ts';
import type { App } from './app.ts';

const FREE_BYTES_MIN = 40e6; // two files of PostgreSQL's log (16 MB each) and the rows of a release

/** What to tell when the disk of the built-in database is too full for a release to be recorded; null when there is room. */
export function fullStateDisk(app: Pick<App, 'stateDirectory'>): Problem | null {
  if (!exists(join(app.stateDirectory, 'postgres.json'))) return null;
  const free = freeBytes(app.stateDirectory);
  if (free >= FREE_BYTES_MIN) return null;
  return problem(
    'disk-full',
    `the disk is full: ${(free / 1e6).toFixed(1)} MB are free, and the journal of a release needs ${FREE_BYTES_MIN / 1e6} MB`,
    { where: app.stateDirectory, next: `Make room there: df -h ${app.stateDirectory}`, retry: true },
  );
}
