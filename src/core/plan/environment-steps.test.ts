import { expect, test } from 'vitest';
import { buildPlan } from './build-plan.ts';
import { changedEnvFile } from './environment-steps.ts';
import type { EnvironmentFileFact } from './facts.ts';
import { configWith, factsWith, request } from './plan-fixture.suite.ts';
import { planRollback } from './plan-rollback.ts';
import { planUndo } from './plan-undo.ts';
import { stepsOf, type Plan } from './plan.ts';

const CONFIG = configWith({ envFile: '.env' });
const BACK = { environment: 'production', to: null, depth: 'quick' as const, backup: null, reason: 'x' };
const ids = (plan: Plan): string[] => stepsOf(plan).map(({ step }) => step.id);
const fact = (change: Partial<EnvironmentFileFact> = {}): EnvironmentFileFact => ({
  path: '.env',
  isAsStarted: true,
  changes: { 'r-0002': null, 'r-0001': 'API_KEY' },
  ...change,
});
const release = (environmentFile: EnvironmentFileFact | null, change = {}): Plan =>
  buildPlan(CONFIG, { ...request, ...change }, factsWith({ environmentFile }), 'sha256:c');
const rollback = (environmentFile: EnvironmentFileFact | null, change = {}): Plan =>
  planRollback(CONFIG, { ...BACK, ...change }, factsWith({ environmentFile }), 'sha256:c');
const kept = (plan: Plan) => stepsOf(plan).find(({ step }) => step.id === 'lock.environment')?.step;

test('a release writes down the env file before anything changes, and its way back begins with it', () => {
  const plan = release(fact({ changes: { 'r-0002': 'API_KEY, NEW goes' } }));
  expect(ids(plan).slice(2, 5)).toEqual(['lock.take', 'lock.environment', 'backup.pre-release']);
  expect(kept(plan)?.undo?.title).toBe('put .env back as 1.0.0 was started with it: API_KEY, NEW goes');
  const back = stepsOf(planUndo(plan, ids(plan), 'x')).map(({ step }) => step);
  expect(back[0]).toMatchObject({ id: 'undo.lock.environment', onFailure: 'warn' });
  expect(back.slice(1).every((step) => step.onFailure === 'stop')).toBe(true);
});

test('an unchanged file is looked at again, and one that nobody wrote down is left', () => {
  expect(kept(release(fact()))?.undo?.title).toContain('leave .env: it is as 1.0.0 was started with it');
  const unknown = kept(release(fact({ changes: {} })));
  expect(unknown?.undo).toBeNull();
  expect(unknown?.notes).toEqual([
    'with which one 1.0.0 was started nobody wrote down: a rollback leaves .env as it is',
  ]);
  expect(kept(release(fact(), { keepEnvironment: true }))?.undo).toBeNull();
});

test('without an env file there is no such step', () => {
  expect(ids(buildPlan(configWith(), request, factsWith(), 'sha256:c'))).not.toContain('lock.environment');
});

test('by hand the file goes back before the older version is started', () => {
  const plan = rollback(fact());
  expect(ids(plan).slice(0, 3)).toEqual(['lock.take', 'deploy.environment', 'deploy.apply']);
  expect(stepsOf(plan)[1]?.step).toMatchObject({
    title: 'put .env back as 0.9.0 was started with it: API_KEY',
    input: { release: 'r-0001', version: '0.9.0', from: 'r-0002' },
  });
});

test('with data, it goes back right before the older version is started', () => {
  const createdAt = '2026-11-21T00:00:00.000Z';
  const backups = [
    { id: 'bk_1', reason: 'pre-release', release: 'r-0002', version: null, createdAt, consistentAt: createdAt },
  ];
  const facts = factsWith({ environmentFile: fact(), backups });
  const plan = planRollback(CONFIG, { ...BACK, depth: 'full', data: 'restore' }, facts, 'sha256:c');
  expect(ids(plan).slice(0, 8)).toEqual([
    'lock.take',
    'backup.pre-rollback',
    'data.stage',
    'maintenance.router',
    'data.stop',
    'data.swap',
    'deploy.environment',
    'deploy.apply',
  ]);
});

test.each([
  ['somebody changed it', fact({ isAsStarted: false }), {}, 'somebody changed it after 1.0.0 was started'],
  ['nobody wrote it down', fact({ changes: {} }), {}, 'nobody wrote down with which one 0.9.0 was started'],
  ['it is asked for', fact(), { envFile: 'keep' }, '(--keep-environment)'],
])('by hand it stays when %s, and the plan says so', (_, file, change, words) => {
  const plan = rollback(file, change);
  expect(ids(plan)).not.toContain('deploy.environment');
  expect(plan.warnings.some((warning) => warning.startsWith('.env stays as it is') && warning.includes(words))).toBe(
    true,
  );
});

test('by hand a file that is as it was needs neither a step nor a word', () => {
  const plan = rollback(fact({ changes: { 'r-0001': null } }));
  expect(ids(plan)).not.toContain('deploy.environment');
  expect(plan.warnings).toEqual([]);
});

test('by hand a file that somebody changed goes back where a person says so, and the plan tells that it was changed', () => {
  const plan = rollback(fact({ isAsStarted: false }), { envFile: 'return' });
  expect(stepsOf(plan)[1]?.step).toMatchObject({
    title: 'put .env back as 0.9.0 was started with it: API_KEY, though somebody changed it after 1.0.0 was started',
    input: { release: 'r-0001', version: '0.9.0', from: 'r-0002', replaces: 'anything' },
  });
  expect(plan.warnings).toEqual([]);
  expect(rollback(fact({ isAsStarted: false })).warnings[0]).toContain('--return-environment takes it back');
  // Where nobody changed it there is nothing to say.
  expect(rollback(fact(), { envFile: 'return' })).toEqual(rollback(fact()));
});

test.each([
  [
    'somebody changed it',
    fact({ isAsStarted: false }),
    { path: '.env', running: '1.0.0', target: '0.9.0', changes: 'API_KEY' },
  ],
  [
    'nobody wrote down how it was',
    fact({ isAsStarted: null }),
    { path: '.env', running: '1.0.0', target: '0.9.0', changes: 'API_KEY' },
  ],
  ['nobody changed it', fact(), null],
  ['it is as the older version had it', fact({ isAsStarted: false, changes: { 'r-0001': null } }), null],
  ['nobody wrote down the older one', fact({ isAsStarted: false, changes: {} }), null],
  ['there is none', null, null],
])('a person is asked about the file only where the answer makes a difference: %s', (_, environmentFile, asked) => {
  expect(changedEnvFile('0.9.0', factsWith({ environmentFile }))).toEqual(asked);
});
