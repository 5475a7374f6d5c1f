/**
 * What a release costs besides its work: 20 empty steps through our engine, the same 20 steps on the bare durable engine, and a shell
 * script of 20 `true`. Run: npm run bench:engine
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { planBytes, planDigest } from '../src/core/plan/plan-digest.ts';
import { stepsOf, type Plan, type PlannedStep } from '../src/core/plan/plan.ts';
import type { EngineParts } from '../src/engine/engine-parts.ts';
import { runExecutor } from '../src/engine/launch.ts';
import { realClock } from '../src/platform/clock.ts';
import { createLog } from '../src/platform/log.ts';
import { loadVariables } from '../src/platform/variables.ts';
import { removeServer } from '../src/state/embedded-postgres.ts';
import { openDatabase } from '../src/state/open-database.ts';
import { createRelease, getRelease } from '../src/state/releases.ts';

const STEPS = 20;
const ROUNDS = 15; // medians of fifteen runs each, taken in turn, so that a busy moment hits both alike
const LIMIT = 2;

const state = mkdtempSync(join(tmpdir(), 'shipway-bench-'));
const database = await openDatabase({ stateDirectory: state, url: null, applicationName: 'bench' });

const bare = DBOS.registerWorkflow(
  async () => {
    for (let step = 0; step < STEPS; step += 1) await DBOS.runStep(async () => ({}), { name: `step-${step}` });
  },
  { name: 'bare' },
);

const parts = {
  database,
  adapters: {} as EngineParts['adapters'],
  backups: {} as EngineParts['backups'],
  variablesFor: () => loadVariables({ envFile: null, processEnvironment: {}, secretNames: [], publicNames: [] }),
  clock: realClock,
  project: 'this',
  projectDirectory: state,
  stateDirectory: state,
  log: createLog(null, 'silent'),
} satisfies EngineParts;

void runExecutor(parts, { stopWhenIdle: false });
while (!DBOS.isInitialized()) await realClock.sleep(20);

const ours: number[] = [];
const bares: number[] = [];
const scripts: number[] = [];
for (let round = 0; round < ROUNDS + 2; round += 1) {
  const measured = [await timeRelease(), await timeBare(), timeScript()] as const;
  if (round < 2) continue; // the first rounds warm up connections and code
  ours.push(measured[0]);
  bares.push(measured[1]);
  scripts.push(measured[2]);
}
const [release, durable, script] = [median(ours), median(bares), median(scripts)];
console.log(`20 empty steps, median of ${ROUNDS} runs`);
console.log(`  shipway release      ${release.toFixed(1)} ms`);
console.log(`  bare durable engine  ${durable.toFixed(1)} ms`);
console.log(`  script of 20 true    ${script.toFixed(1)} ms`);
console.log(
  `  release / bare ${(release / durable).toFixed(2)} (limit ${LIMIT})  ${release / durable <= LIMIT ? 'PASS' : 'FAIL'}`,
);
console.log(`  release / script ${(release / script).toFixed(2)} (stated, no limit)`);
await database.close();
await removeServer(state);
rmSync(state, { recursive: true, force: true });
process.exit(release / durable <= LIMIT ? 0 : 1);

/** From the moment the executor picks the release up until it is stable, by the database's own clock. */
async function timeRelease(): Promise<number> {
  const plan = emptyPlan();
  const id = await createRelease(database.db, {
    project: 'this',
    service: 'bench',
    environment: `e${Math.random()}`,
    kind: 'release',
    releaseType: 'regular',
    version: '1.0.0',
    previousVersion: null,
    plan: planBytes(plan),
    planDigest: planDigest(plan),
    requestedBy: 'bench',
    reason: null,
    speed: 1,
    steps: stepsOf(plan).map(({ phase, step }) => ({ id: step.id, phase, kind: step.kind, title: step.title })),
  });
  while ((await getRelease(database.db, id)).finished_at === null) await realClock.sleep(50);
  return workflowMs(`${id}.1`);
}

async function timeBare(): Promise<number> {
  const handle = await DBOS.startWorkflow(bare)();
  await handle.getResult();
  return workflowMs(handle.workflowID);
}

/** From the begin of a workflow to its end, by the durable engine's own record, which comes a moment after the result. */
async function workflowMs(workflowId: string): Promise<number> {
  for (;;) {
    const { rows } = await database.pool.query<{ ms: number | null }>(
      'select (completed_at - created_at)::float8 as ms from dbos.workflow_status where workflow_uuid = $1',
      [workflowId],
    );
    const ms = rows[0]?.ms ?? null;
    if (ms !== null) return ms;
    await realClock.sleep(5);
  }
}

function timeScript(): number {
  const startedMs = performance.now();
  execFileSync('bash', ['-c', Array.from({ length: STEPS }, () => '/bin/true').join('\n')]);
  return performance.now() - startedMs;
}

function emptyPlan(): Plan {
  const steps = Array.from({ length: STEPS }, (_, index): PlannedStep => ({
    id: `deploy.nothing-${index}`,
    kind: 'do-nothing',
    title: 'do nothing',
    input: {},
    commands: [],
    undo: null,
    reversibility: 'nothing to undo',
    limitSeconds: 10,
    onFailure: 'stop',
  }));
  return {
    format: 1,
    kind: 'release',
    service: 'bench',
    environment: 'bench',
    releaseType: 'regular',
    version: { number: '1.0.0', commit: null },
    previous: null,
    reason: null,
    target: { kind: 'none', settings: {} },
    router: null,
    stores: [],
    backupDirectory: '',
    envFile: null,
    variables: { secret: [], public: [] },
    phases: [{ name: 'deploy', steps }],
    automaticRollback: { armed: false, why: '' },
    timeBudgetSeconds: 0,
    configFingerprint: '',
    warnings: [],
  };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
