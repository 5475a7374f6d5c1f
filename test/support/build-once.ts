import { execFileSync } from 'node:child_process';
import { buildPrograms } from './build-programs.ts';

/** Tests of the command line and of the router run the compiled program, as a user does; it is compiled once per test run. */
export async function setup(): Promise<() => void> {
  // `npm test` has just done it
  if (process.env['SHIPWAY_IS_BUILT'] !== '1') execFileSync('node', ['scripts/build.mjs'], { stdio: 'inherit' });
  return buildPrograms();
}
