/**
 * What a command costs to start: `shipway --help` and `shipway status` (the built-in server running) against `node -e 0`, and how long the
 * very first release of a project takes to its first step. Run: npm run bench:start
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../src/state/open-database.ts';
import { removeServer } from '../src/state/embedded-postgres.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'bin', 'shipway.js');
const ROUNDS = 15; // in turn, so that a busy moment hits all alike; medians
const HELP_LIMIT = 4;
const STATUS_LIMIT = 12;

const project = mkdtempSync(join(tmpdir(), 'shipway-bench-'));
chmodSync(project, 0o755);
execFileSync(process.execPath, [join(ROOT, 'examples', 'demo', 'prepare.mjs'), project, '18999'], { stdio: 'ignore' });

const { coldMs, bare, help, status } = await measureAll();

const [nodeMs, helpMs, statusMs] = [median(bare), median(help), median(status)];
const verdict = (ratio: number, limit: number): string =>
  `${ratio.toFixed(2)} x (limit ${limit})  ${ratio <= limit ? 'PASS' : 'FAIL'}`;
console.log(`median of ${ROUNDS} runs`);
console.log(`  node -e 0           ${nodeMs.toFixed(0)} ms`);
console.log(`  shipway --help      ${helpMs.toFixed(0)} ms  ${verdict(helpMs / nodeMs, HELP_LIMIT)}`);
console.log(`  shipway status      ${statusMs.toFixed(0)} ms  ${verdict(statusMs / nodeMs, STATUS_LIMIT)}`);
console.log(`  cold first release to its first step: ${coldMs.toFixed(0)} ms (stated: creates the built-in database)`);
process.exit(helpMs / nodeMs <= HELP_LIMIT && statusMs / nodeMs <= STATUS_LIMIT ? 0 : 1);

async function measureAll(): Promise<{ coldMs: number; bare: number[]; help: number[]; status: number[] }> {
  const all = { coldMs: 0, bare: [] as number[], help: [] as number[], status: [] as number[] };
  const state = join(project, '.shipway');
  try {
    all.coldMs = await coldFirstStep();
    const database = await openDatabase({ stateDirectory: state, url: null, applicationName: 'bench' });
    for (let round = 0; round < ROUNDS + 1; round += 1) {
      const measured = [time(['-e', '0']), time([PROGRAM, '--help']), time([PROGRAM, 'status'])] as const;
      if (round === 0) continue; // warms the disk cache
      all.bare.push(measured[0]);
      all.help.push(measured[1]);
      all.status.push(measured[2]);
    }
    await database.close();
    return all;
  } finally {
    await removeServer(state);
    rmSync(project, { recursive: true, force: true });
  }
}

function time(args: string[]): number {
  const startedMs = performance.now();
  const ran = spawnSync(process.execPath, args, { cwd: project, stdio: 'ignore' });
  if (ran.status !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(ran.status)}`);
  return performance.now() - startedMs;
}

/** From the command to the moment its first step begins, in a project without any state. The release fails in its checklist on purpose. */
async function coldFirstStep(): Promise<number> {
  const startedMs = Date.now();
  spawnSync(process.execPath, [PROGRAM, 'release', '9.9.9'], { cwd: project, stdio: 'ignore' });
  const memory = await openDatabase({ stateDirectory: join(project, '.shipway'), url: null, applicationName: 'bench' });
  const { rows } = await memory.pool.query<{ started_at: string }>(
    'select started_at from shipway.step_run where attempt > 0 order by position limit 1',
  );
  await memory.close();
  return Date.parse(rows[0]?.started_at ?? '') - startedMs;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
