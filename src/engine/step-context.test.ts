import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planHead } from '../core/plan/build-plan.ts';
import { configWith } from '../core/plan/plan-fixture.suite.ts';
import type { Plan, PlannedStep } from '../core/plan/plan.ts';
import { realClock } from '../platform/clock.ts';
import { replaceFile } from '../platform/replace-file.ts';
import { loadVariables } from '../platform/variables.ts';
import type { Executor } from './engine-parts.ts';
import type { LoadedRelease } from './loaded-release.ts';
import { contextFor } from './step-context.ts';

const CONFIG = configWith({ envFile: '.env' });
const PLAN = planHead(CONFIG, CONFIG.environments['production']!, { version: '1.1.0', commit: null });
const OLDER = { bytes: Buffer.from('TOKEN=older\n'), mode: 0o600 };

let project: string;
let path: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-context-'));
  path = join(project, '.env');
  writeFileSync(path, 'TOKEN=newer\n');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

/** The token that a step of this kind gets; what it says of itself is the plan that was approved. */
function tokenOf(kind: PlannedStep['kind']): string {
  const executor = {
    variablesFor: ({ envFile }: Plan) =>
      loadVariables({
        envFile: join(project, envFile ?? ''),
        processEnvironment: {},
        secretNames: [],
        publicNames: [],
      }),
    database: { db: null },
    projectDirectory: project,
    stateDirectory: join(project, '.shipway'),
    lost: new AbortController().signal,
    clock: realClock,
  } as unknown as Executor;
  const release = { row: { id: 'r-0002' }, plan: PLAN, planDigest: 'sha256:0' } as unknown as LoadedRelease;
  const step = { id: 'undo.one', kind } as PlannedStep;
  const context = contextFor(executor, release, step, new AbortController().signal)(1, 't');
  expect(context.plan).toBe(PLAN);
  return context.effect.resolve('$TOKEN');
}

test.each<[PlannedStep['kind'], string]>([
  ['begin-maintenance', 'newer'],
  ['migrate-down', 'newer'],
  ['end-maintenance', 'older'],
  ['apply-version', 'older'],
])('once the env file before is back, %s is done with the %s one', async (kind, token) => {
  await replaceFile(path, OLDER, 'r-0002');
  expect(tokenOf(kind)).toBe(token);
});

test('the newer one is found behind a link too', async () => {
  mkdirSync(join(project, 'shared'));
  writeFileSync(join(project, 'shared/.env'), 'TOKEN=newer\n');
  rmSync(path);
  symlinkSync('shared/.env', path);
  await replaceFile(path, OLDER, 'r-0002');
  expect([tokenOf('begin-maintenance'), tokenOf('apply-version')]).toEqual(['newer', 'older']);
});

test('while nothing was put aside, or only by another release, what lies there is read', async () => {
  expect(tokenOf('begin-maintenance')).toBe('newer');
  await replaceFile(path, OLDER, 'r-0001');
  expect(tokenOf('begin-maintenance')).toBe('older');
});
