// `npm test`: install, build, static checks, tests. Works on a fresh clone. Extra words go to vitest: `npm test -- src/core/plan`.
// The last line is always the count, alone on its line: `N passed, N failed`, and `, N skipped` when there were any.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countResults, summaryLine } from './count-results.mjs';
import { runChecks } from './check.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Full mode also runs what takes minutes or needs root (small file systems, other users). SHIPWAY_TEST_FULL=0 switches it off.
function isFullMode() {
  const wanted = process.env.SHIPWAY_TEST_FULL;
  if (wanted !== undefined && wanted !== '') return wanted === '1';
  return process.env.CI === 'true' || process.getuid?.() === 0;
}

function run(script, environment = {}) {
  const env = { ...process.env, ...environment };
  return spawnSync(process.execPath, script, { cwd: root, stdio: 'inherit', env }).status ?? 1;
}

function stage(number, text) {
  process.stdout.write(`\n[${number}/4] ${text}\n`);
}

function finish(counts) {
  process.stdout.write(`\n${summaryLine(counts)}\n`);
  process.exit(counts.failed === 0 ? 0 : 1);
}

function runTests(args) {
  const scratch = mkdtempSync(join(tmpdir(), 'shipway-results-'));
  const resultFile = join(scratch, 'results.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`];
  const environment = { SHIPWAY_TEST_FULL: isFullMode() ? '1' : '0', SHIPWAY_IS_BUILT: '1' };
  const status = run([join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...reporters, ...args], environment);
  const results = existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, 'utf8')) : null;
  rmSync(scratch, { recursive: true, force: true });
  return countResults(results, status);
}

const oneFailed = { passed: 0, failed: 1, skipped: 0 };
stage(1, 'install');
if (run(['scripts/install.mjs']) !== 0) finish(oneFailed);
stage(2, 'build');
if (run(['scripts/build.mjs']) !== 0) finish(oneFailed);
stage(3, 'static checks');
const failedChecks = runChecks();
stage(4, isFullMode() ? 'tests, full mode' : 'tests (SHIPWAY_TEST_FULL=1 runs the long ones as well)');
const counts = runTests(process.argv.slice(2));
if (failedChecks.length > 0) process.stdout.write(`\nstatic checks that failed: ${failedChecks.join(', ')}\n`);
finish({ ...counts, failed: counts.failed + failedChecks.length });
