import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import { planHead } from '../../core/plan/build-plan.ts';
import { configWith } from '../../core/plan/plan-fixture.suite.ts';
import type { Plan } from '../../core/plan/plan.ts';
import { returnEnvironmentStep } from './return-environment.ts';
import { noteEnvironment } from './step-environment.ts';
import type { StepContext } from './step.ts';

const CONFIG = configWith({ envFile: '.env' });
const PLAN: Plan = planHead(CONFIG, CONFIG.environments['production']!, { version: '1.1.0', commit: null });

let project: string;
let path: string;
let aside: string;
beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), 'shipway-environment-'));
  path = join(project, '.env');
  aside = `${path}.replaced-r-0002`;
  writeFileSync(path, 'KEY=old\n');
  await noteEnvironment(PLAN, 'r-0001', testEffect(project));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

/** The version of r-0002 was started with the file as it is now. */
const start = () => noteEnvironment(PLAN, 'r-0002', testEffect(project));
const goBack = (release = 'r-0001', more: object = {}) => {
  const step = { input: { release, version: '1.0.0', ...more } };
  return returnEnvironmentStep.act({
    plan: PLAN,
    releaseId: 'r-0002',
    step,
    effect: testEffect(project),
  } as unknown as StepContext);
};

test('the file is put back, and an attempt after a killed one says so again', async () => {
  writeFileSync(path, 'KEY=new\nFLAG=1\n');
  await start();
  const wanted = { outcome: 'put-back', changed: 'FLAG goes, KEY', keptAt: '.env.replaced-r-0002', version: '1.0.0' };
  expect(await goBack()).toMatchObject(wanted);
  expect(await goBack()).toMatchObject(wanted);
  expect([readFileSync(path, 'utf8'), readFileSync(aside, 'utf8')]).toEqual(['KEY=old\n', 'KEY=new\nFLAG=1\n']);
});

test('behind a link too: what was there lies beside the link, where the attempt after a killed one finds it', async () => {
  mkdirSync(join(project, 'shared'));
  renameSync(path, join(project, 'shared/.env'));
  symlinkSync('shared/.env', path);
  writeFileSync(path, 'KEY=new\n');
  await start();
  const wanted = { outcome: 'put-back', keptAt: '.env.replaced-r-0002' };
  expect(await goBack()).toMatchObject(wanted);
  expect(await goBack()).toMatchObject(wanted);
  expect([readFileSync(join(project, 'shared/.env'), 'utf8'), readFileSync(aside, 'utf8')]).toEqual([
    'KEY=old\n',
    'KEY=new\n',
  ]);
});

test('a file that is as it was needs nothing', async () => {
  await start();
  expect(await goBack()).toMatchObject({ outcome: 'same', why: null });
  expect(existsSync(aside)).toBe(false);
});

test.each([
  ['somebody changed', 'r-0001', 'KEY=mine\n', 'somebody changed it meanwhile; going back would mean: KEY'],
  ['nobody wrote down', 'r-0000', 'KEY=new\n', 'nobody wrote down with which one 1.0.0 was started'],
])('a file that %s is left', async (_, release, now, why) => {
  writeFileSync(path, 'KEY=new\n');
  await start();
  writeFileSync(path, now);
  expect(await goBack(release)).toMatchObject({ outcome: 'left', why });
  expect(readFileSync(path, 'utf8')).toBe(now);
  expect(existsSync(aside)).toBe(false);
});

test('a file that somebody changed is replaced where a person wants that; it stays beside, and again is harmless', async () => {
  writeFileSync(path, 'KEY=new\n');
  await start();
  writeFileSync(path, 'KEY=mine\nMORE=1\n');
  const wanted = { outcome: 'put-back', changed: 'KEY, MORE goes', keptAt: '.env.replaced-r-0002' };
  expect(await goBack('r-0001', { replaces: 'anything' })).toMatchObject(wanted);
  expect(await goBack('r-0001', { replaces: 'anything' })).toMatchObject(wanted);
  expect([readFileSync(path, 'utf8'), readFileSync(aside, 'utf8')]).toEqual(['KEY=old\n', 'KEY=mine\nMORE=1\n']);
});

test('also when nobody wrote down with which one the version that goes was started', async () => {
  writeFileSync(path, 'KEY=mine\n');
  expect(await goBack('r-0001', { replaces: 'anything' })).toMatchObject({ outcome: 'put-back', changed: 'KEY' });
  expect(readFileSync(aside, 'utf8')).toBe('KEY=mine\n');
});

test('what is written after an attempt that was killed is kept nowhere, so it is left', async () => {
  writeFileSync(path, 'KEY=new\n');
  await start();
  writeFileSync(aside, 'KEY=mine\n');
  writeFileSync(path, 'KEY=later\n');
  expect(await goBack('r-0001', { replaces: 'anything' })).toMatchObject({ outcome: 'left' });
  expect([readFileSync(path, 'utf8'), readFileSync(aside, 'utf8')]).toEqual(['KEY=later\n', 'KEY=mine\n']);
});
