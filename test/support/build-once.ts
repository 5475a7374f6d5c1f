import { execFileSync } from 'node:child_process';

/** Tests of the command line and of the router run the compiled program, as a user does; it is compiled once per test run. */
export function setup(): void {
  if (process.env['SHIPWAY_IS_BUILT'] === '1') return; // `npm test` has just done it
  execFileSync('node', ['scripts/build.mjs'], { stdio: 'inherit' });
}
