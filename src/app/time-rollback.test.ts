import { expect, test } from 'vitest';
import type { Plan } from '../core/plan/plan.ts';
import type { ReleaseView, StepView } from './release-view.ts';
import { timeOfRollback } from './time-rollback.ts';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 21, 10, 0, second)).toISOString();
const release = (finished: number, state = 'rolled-back') =>
  ({ state, createdAt: at(0), finishedAt: at(finished) }) as ReleaseView;
const step = (phase: string, kind: string, tookSeconds: number, isUndo = false) =>
  ({ phase, kind, tookSeconds, startedAt: at(5), isUndo }) as StepView;
const plan = (kind: Plan['kind']) => ({ kind }) as Plan;

test('a rollback by hand is timed from the decision, by part, against five minutes', () => {
  const steps = [
    step('deploy', 'apply-version', 2),
    step('deploy', 'shift-traffic', 1),
    step('verify', 'run-checks', 1),
  ];
  expect(timeOfRollback(release(9), plan('rollback'), steps)).toEqual({
    depth: 'quick',
    seconds: 9,
    budgetSeconds: 300,
    parts: [
      { name: 'code', seconds: 3 },
      { name: 'verification', seconds: 1 },
    ],
  });
});

test('one that takes data back has fifteen minutes', () => {
  for (const kind of ['migrate-down', 'swap-restore']) {
    expect(timeOfRollback(release(9), plan('rollback'), [step('data', kind, 1)])).toMatchObject({
      depth: 'full',
      budgetSeconds: 900,
    });
  }
});

test('of a release that failed only the way back counts, from its first step on', () => {
  const steps = [step('migrate', 'migrate-up', 4), step('migrate', 'migrate-down', 3, true)];
  expect(timeOfRollback(release(9), plan('release'), steps)).toEqual({
    depth: 'full',
    seconds: 4,
    budgetSeconds: 900,
    parts: [{ name: 'data', seconds: 3 }],
  });
});

test('what was not rolled back has no time of it', () => {
  expect(timeOfRollback(release(9, 'stable'), plan('release'), [])).toBeNull();
});
