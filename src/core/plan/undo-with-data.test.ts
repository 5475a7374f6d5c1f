import { describe, expect, it } from 'vitest';
import { buildPlan } from './build-plan.ts';
import type { EnvironmentConfig } from '../config/service-config.ts';
import type { Facts } from './facts.ts';
import { configWith, factsWith, migrateWith, request } from './plan-fixture.suite.ts';
import { stepsOf, type Plan } from './plan.ts';
import { planUndo } from './plan-undo.ts';
import { waitingWords, whyNoData } from './undo-with-data.ts';

const planWith = (change: Partial<EnvironmentConfig> = {}, facts: Partial<Facts> = {}): Plan =>
  buildPlan(configWith({ prestage: true, ...change }), request, factsWith(facts), 'f');
const ids = (plan: Plan): string[] => stepsOf(plan).map(({ step }) => step.id);
const kinds = (plan: Plan): string[] => stepsOf(plan).map(({ step }) => step.kind);
const until = (plan: Plan, id: string): string[] => ids(plan).slice(0, ids(plan).indexOf(id) + 1);

describe('a copy of the data that waits', () => {
  it('is made after the backup and before the first change, and only when the release file asks for it', () => {
    const made = ids(planWith());
    expect(made.indexOf('backup.prestage')).toBe(made.indexOf('backup.pre-release') + 1);
    expect(made.indexOf('backup.prestage')).toBeLessThan(made.indexOf('migrate.up'));
    expect(ids(buildPlan(configWith(), request, factsWith(), 'f'))).not.toContain('backup.prestage');
    expect(ids(planWith({}, { running: null }))).not.toContain('backup.prestage');
    expect(ids(planWith({ stores: [] }))).not.toContain('backup.prestage');
  });

  it('comes after the proof, says what it costs, and fails no release', () => {
    const made = planWith({ migrate: migrateWith({ reversible: false }) });
    const names = ids(made);
    expect(names.indexOf('backup.prestage')).toBe(names.indexOf('backup.prove') + 1);
    const step = stepsOf(made).find((one) => one.step.id === 'backup.prestage')?.step;
    expect(step).toMatchObject({ onFailure: 'warn', undo: null, input: { takenBy: 'backup.pre-release' } });
    expect(step?.notes?.[0]).toBe(
      'takes the room of one more copy; not done, with a warning, where not twice as much is free',
    );
  });

  it('changes nothing of the way back by itself', () => {
    const made = planWith();
    const without = buildPlan(configWith(), request, factsWith(), 'f');
    expect(ids(planUndo(made, until(made, 'watch.version'), 'x'))).toEqual(
      ids(planUndo(without, until(without, 'watch.version'), 'x')),
    );
  });
});

describe('a release that is turned around with its data', () => {
  const back = (data: 'restore' | 'restore-after-backup', change: Partial<EnvironmentConfig> = {}): Plan => {
    const made = planWith(change);
    return planUndo(made, until(made, 'watch.version'), 'x', data);
  };

  it('swaps while nobody writes: what was checked before, refused, stopped; then the older version, its traffic and its verification', () => {
    expect(ids(back('restore'))).toEqual([
      'undo.data.stage',
      'undo.maintenance.router',
      'undo.deploy.apply',
      'undo.data.stop',
      'undo.data.swap',
      'undo.deploy.traffic',
      'undo.verify.checks',
    ]);
  });

  it('takes no schema down: the data that is put in place has the older one', () => {
    expect(kinds(back('restore'))).not.toContain('migrate-down');
  });

  it('backs up first what the newer version has written, when that is asked for', () => {
    const steps = stepsOf(back('restore-after-backup'));
    expect(steps[0]?.step).toMatchObject({
      id: 'undo.backup.pre-rollback',
      input: { reason: 'pre-rollback', runs: '1.1.0', stores: ['database'] },
    });
  });

  it('swaps what its own step has staged, and stages what the release has let wait', () => {
    const steps = stepsOf(back('restore')).map(({ step }) => step);
    expect(steps.find((step) => step.kind === 'stage-restore')?.input).toEqual({
      stores: ['database'],
      takenBy: 'backup.pre-release',
      prestagedBy: 'backup.prestage',
    });
    expect(steps.find((step) => step.kind === 'swap-restore')?.input).toMatchObject({ stagedBy: 'undo.data.stage' });
  });

  it('puts the env file back after the swap, because the stores are found by the newer one', () => {
    const environmentFile = { path: '.env', isAsStarted: true, changes: { 'r-0002': 'API_KEY' } };
    const made = planWith({ envFile: '.env' }, { environmentFile });
    const names = kinds(planUndo(made, until(made, 'watch.version'), 'x', 'restore'));
    expect(names.indexOf('return-environment')).toBeGreaterThan(names.indexOf('swap-restore'));
    expect(names.indexOf('return-environment')).toBeLessThan(names.indexOf('return-traffic'));
  });

  it('starts the version before itself where no router does', () => {
    const names = kinds(back('restore', { router: null }));
    expect(names.slice(names.indexOf('swap-restore') + 1)).toEqual(['start-previous', 'run-checks']);
  });

  it('deploys in place only after the swap, and refuses where nobody keeps writers away', () => {
    const maintenance = { by: { file: 'maintenance.flag' }, check: null };
    const made = planWith({ router: null, maintenance }, { placement: 'in-place' });
    const names = kinds(planUndo(made, until(made, 'watch.version'), 'x', 'restore'));
    expect(names).toEqual([
      'stage-restore',
      'begin-maintenance',
      'swap-restore',
      'revert-version',
      'end-maintenance',
      'run-checks',
    ]);
    const unguarded = planWith({ router: null }, { placement: 'in-place' });
    expect(whyNoData(unguarded, until(unguarded, 'watch.version'))).toContain('nothing keeps writers away');
    expect(whyNoData(made, until(made, 'migrate.up'))).toContain('has the data open');
  });

  it('is refused by a plan that lets no copy wait, and before the first change', () => {
    const without = buildPlan(configWith(), request, factsWith(), 'f');
    expect(whyNoData(without, ids(without))).toContain('prestage: true');
    const made = planWith();
    expect(whyNoData(made, until(made, 'backup.prestage'))).toBe('it has changed nothing yet');
    expect(ids(planUndo(made, until(made, 'backup.prestage'), 'x', 'restore'))).toEqual([]);
    expect(whyNoData(made, until(made, 'watch.version'))).toBeNull();
  });
});

describe('what a status says of it', () => {
  it('names size and time, and says nothing where nothing waits', () => {
    expect(waitingWords({ waiting: [{}], bytes: 412_000_000, seconds: 12.34 })).toBe(
      'the data of before waits beside the live data (about 412 MB more on the disk): going back to it is one swap, about a second; restoring it took 12.3 s',
    );
    expect(waitingWords({ waiting: [{}], later: ['cache'] })).toBe(
      'the data of before waits beside the live data: cache would be restored then, after a backup',
    );
    expect(waitingWords({ waiting: [] })).toBeNull();
    expect(waitingWords(null)).toBeNull();
  });
});
