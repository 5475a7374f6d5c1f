import { expect, test } from 'vitest';
import type { CopyPlace } from '../config/service-config.ts';
import { afterFailure } from './after-failure.ts';
import { buildPlan } from './build-plan.ts';
import { configWith, factsWith, migrateWith, request } from './plan-fixture.suite.ts';
import { stepsOf, type Plan } from './plan.ts';

const place = (change: Partial<CopyPlace>): CopyPlace => ({
  name: 's3',
  kind: 's3',
  settings: {},
  required: false,
  unencrypted: false,
  limitSeconds: 60,
  ...change,
});
const planWith = (copies: CopyPlace[], config = configWith(), skip: string[] = []): Plan => {
  const releaseTypes = { regular: { approval: null, watchSeconds: null, skip } };
  return buildPlan(
    { ...config, releaseTypes, backups: { ...config.backups, copies } },
    request,
    factsWith(),
    'sha256:c',
  );
};
const idsOf = (plan: Plan): string[] => stepsOf(plan).map(({ step }) => step.id);

test('the backup is copied to every place after its proof and before the first change', () => {
  const config = configWith({ migrate: migrateWith({ reversible: false }) });
  const ids = idsOf(planWith([place({}), place({ name: 'disk', kind: 'directory' })], config));
  const from = ids.indexOf('backup.pre-release');
  expect(ids.slice(from, from + 5)).toEqual([
    'backup.pre-release',
    'backup.prove',
    'backup.copy-s3',
    'backup.copy-disk',
    'migrate.up',
  ]);
});

test('a place that is required stops the release, any other lets it go on', () => {
  for (const [required, outcome] of [
    [true, 'cancel'],
    [false, 'go-on'],
  ] as const) {
    const plan = planWith([place({ required })]);
    const step = stepsOf(plan).find(({ step }) => step.kind === 'copy-backup')?.step;
    if (step === undefined) throw new Error('there is no step that copies');
    expect(step).toMatchObject({ limitSeconds: 60, input: { takenBy: 'backup.pre-release', place: 's3' } });
    const begun = idsOf(plan).slice(0, idsOf(plan).indexOf(step.id) + 1);
    expect(afterFailure(plan, begun, step)).toBe(outcome);
  }
});

test('nothing is copied where nothing is backed up', () => {
  expect(idsOf(planWith([place({})], configWith({ stores: [] }))).join()).not.toContain('copy');
  expect(idsOf(planWith([place({})], configWith(), ['backup'])).join()).not.toContain('copy');
});

test('a plan without places says nothing of them, so that its digest stays what it was', () => {
  const config = configWith();
  expect(Object.keys(buildPlan(config, request, factsWith(), 'sha256:c'))).not.toContain('backupCopies');
});
