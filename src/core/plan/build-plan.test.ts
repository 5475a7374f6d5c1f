import { describe, expect, test } from 'vitest';
import { NOTHING_KNOWN } from '../migration/migration.ts';
import type { Statement } from '../migration/statement.ts';
import { afterFailure } from './after-failure.ts';
import { buildPlan } from './build-plan.ts';
import { mayProceed } from './may-proceed.ts';
import { configWith, factsWith, migrateWith, request } from './plan-fixture.suite.ts';
import { planBytes, planDigest } from './plan-digest.ts';
import { planRollback } from './plan-rollback.ts';
import { planUndo } from './plan-undo.ts';
import { stepsOf, type Plan } from './plan.ts';

const plan = (config = configWith(), facts = factsWith(), wanted = request): Plan =>
  buildPlan(config, wanted, facts, 'sha256:c');
const ids = (made: Plan): string[] => stepsOf(made).map(({ step }) => step.id);

describe('the plan of a release', () => {
  test('names the scratch folder of the release file, and none where the file does not', () => {
    expect(Object.keys(plan())).not.toContain('scratchDirectory');
    const config = configWith();
    config.backups.scratch = '/mnt/wide';
    expect(plan(config).scratchDirectory).toBe('/mnt/wide');
  });

  test('asks and backs up before it changes anything, and stops the old version last', () => {
    expect(ids(plan())).toEqual([
      'prepare.checklist',
      'gate.approval',
      'lock.take',
      'backup.pre-release',
      'migrate.up',
      'deploy.apply',
      'deploy.health',
      'deploy.traffic',
      'verify.checks',
      'watch.version',
      'retire.old',
    ]);
  });

  test('restores its backup to scratch before what cannot be taken back, with the time that took last', () => {
    for (const when of ['before-deploy', 'after-deploy'] as const) {
      const made = plan(
        configWith({ migrate: migrateWith({ reversible: false, when }) }),
        factsWith({ restoreSeconds: 11.2 }),
      );
      const proof = stepsOf(made).find(({ step }) => step.kind === 'prove-backup');
      expect(proof).toMatchObject({
        phase: 'backup',
        step: { onFailure: 'stop', notes: ['the last restore took 12s'] },
      });
      expect(ids(made).indexOf('backup.prove')).toBe(ids(made).indexOf('backup.pre-release') + 1);
      expect(ids(made).indexOf('backup.prove')).toBeLessThan(ids(made).indexOf('migrate.up'));
      expect(made.warnings.filter((warning) => warning.includes('cannot be taken back'))).toEqual([]);
      const begun = ids(made).slice(0, ids(made).indexOf('backup.prove') + 1);
      expect(proof && afterFailure(made, begun, proof.step)).toBe('cancel');
    }
  });

  test('warns when nothing proves that the data can be had back', () => {
    const migrate = migrateWith({ reversible: false });
    const bare = plan(configWith({ migrate, stores: [] }));
    expect(ids(bare)).not.toContain('backup.prove');
    expect(bare.warnings).toContain('"migrate up" cannot be taken back, and no backup is taken before it');
    expect(plan().warnings.filter((warning) => warning.includes('cannot be taken back'))).toEqual([]);
  });

  test('has no step for what the release file or the world does not have', () => {
    const bare = configWith({
      router: null,
      stores: [],
      migrate: null,
      checklist: [],
      verify: [],
      watch: null,
      approval: null,
    });
    const first = plan(bare, factsWith({ running: null, placement: 'in-place', components: [] }));
    expect(ids(first)).toEqual(['lock.take', 'deploy.apply']);
    expect(first.warnings).toEqual([
      'nothing verifies the new version through its public address (verify: is empty)',
      'nobody watches after the deploy (no watch:): the version counts as stable at once',
    ]);
  });

  test.each([
    [['api'], [], 'side-by-side', 'wait until api answers healthy'],
    [['api', 'web'], ['worker'], 'side-by-side', 'wait until api, web answers healthy and worker runs'],
    [[], ['service'], 'in-place', 'wait until the target says that the version runs'],
  ] as const)('says what is waited for: %j with a port, %j without, %s', (withPort, without, placement, title) => {
    const component = (name: string, hasPort: boolean) => ({ name, hasPort, startWithinSeconds: 30 });
    const components = [
      ...withPort.map((name) => component(name, true)),
      ...without.map((name) => component(name, false)),
    ];
    const made = plan(configWith(), factsWith({ components, placement }));
    expect(stepsOf(made).find(({ step }) => step.id === 'deploy.health')?.step.title).toBe(title);
  });

  test('what is unsafe in the SQL of the migration is a warning, without the SQL, and says how to see all of it', () => {
    const drop: Statement = {
      line: 3,
      text: "DROP TABLE a -- 'data'",
      remarks: [],
      deeds: [{ kind: 'drop-table', table: 'a', cascades: false, repeatable: false }],
    };
    const migration = {
      name: 'preview',
      dialect: 'sqlite' as const,
      up: [drop],
      down: 'unseen' as const,
      irreversible: null,
      inTransaction: null,
    };
    const facts = factsWith({ pending: { migration, facts: NOTHING_KNOWN, sqlDigest: 'sha256:1' } });
    expect(plan(configWith(), facts).warnings.filter((one) => one.startsWith('migration:'))).toEqual([
      expect.stringContaining('drop-table takes away what the version before still needs'),
      'migration: error drop-table, line 3: queries of the version that runs fail when a is gone, and its data is gone for good',
      'migration: the statements and the safe ways: shipway migrate check --env production --version 1.1.0',
    ]);
    const many = { ...migration, up: Array.from({ length: 30 }, (_, index) => ({ ...drop, line: index + 1 })) };
    const last = plan(
      configWith(),
      factsWith({ pending: { migration: many, facts: NOTHING_KNOWN, sqlDigest: 'sha256:1' } }),
    ).warnings.at(-1);
    expect(last).toMatch(/^migration: 10 more; /);
    expect(plan(configWith({ migrate: null }), facts).warnings.join()).not.toContain('migration:');
  });

  test('where the tool shows that there is no way down, the step says so itself, whatever the release file says', () => {
    const migration = {
      name: 'preview',
      dialect: 'postgresql' as const,
      up: [],
      down: null,
      irreversible: null,
      inTransaction: null,
    };
    const facts = factsWith({ pending: { migration, facts: NOTHING_KNOWN, sqlDigest: 'sha256:1' } });
    const step = stepsOf(plan(configWith(), facts)).find((one) => one.step.id === 'migrate.up')?.step;
    expect(step).toMatchObject({
      reversibility: 'irreversible',
      undo: null,
      input: { migrate: { reversible: false } },
    });
    expect(step?.notes).toContain(
      'way back: none but the backup of this release; lost is everything written since it was taken',
    );
  });

  test('a release type skips phases and shortens the watch', () => {
    const hotfix = plan(configWith({ migrate: null }), factsWith(), { ...request, releaseType: 'hotfix' });
    expect(ids(hotfix)).not.toContain('prepare.checklist');
    expect(stepsOf(hotfix).find(({ step }) => step.id === 'watch.version')?.step.limitSeconds).toBe(60);
    expect(hotfix.warnings).toEqual(['a release of type hotfix leaves out: prepare']);
  });

  test('a plan that leaves an environment out says so, unless the version was stable there', () => {
    const config = configWith({ after: 'staging', migrate: null });
    const hotfix = { ...request, releaseType: 'hotfix' };
    expect(plan(config, factsWith(), hotfix).warnings).toContain(
      'a release of type hotfix does not wait until the version was stable in staging',
    );
    expect(plan(config, factsWith({ stableElsewhere: ['staging'] }), hotfix).warnings.join()).not.toContain('staging');
    expect(plan(config).warnings).toEqual([]);
  });

  test('every step that changes the service says how it is taken back, and none is left without an answer', () => {
    for (const { step } of stepsOf(plan())) {
      expect(step.reversibility === 'nothing to undo' || step.reversibility === 'irreversible').toBe(
        step.undo === null,
      );
    }
  });

  test('without a way down for an incompatible migration the automatic rollback is disarmed and says why', () => {
    const made = plan(
      configWith({
        migrate: migrateWith({ reversible: false }),
      }),
    );
    expect(made.automaticRollback).toEqual({
      armed: false,
      why: '"migrate up" cannot be taken back; on a failure from there on everything is kept as it is and a person is called',
    });
  });
});

describe('the digest', () => {
  test('is the same for the same plan whatever the order of keys, and another for any change', () => {
    const made = plan();
    const turned = Object.fromEntries(Object.entries(made).toReversed()) as unknown as Plan;
    expect(planDigest(turned)).toBe(planDigest(made));
    expect(planDigest({ ...made, reason: 'x' })).not.toBe(planDigest(made));
    expect(planDigest(made)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('survives being stored and read', () => {
    expect(planDigest(JSON.parse(planBytes(plan())) as Plan)).toBe(planDigest(plan()));
  });
});

describe('the way back', () => {
  test('undoes what was begun, in reverse, and asks the older version the same questions', () => {
    const made = plan(configWith({ migrate: migrateWith({ compatible: true }) }));
    const back = planUndo(made, ids(made).slice(0, 9), 'error rate');
    expect(ids(back)).toEqual(['undo.deploy.traffic', 'undo.deploy.apply', 'undo.verify.checks']);
  });

  test('takes the schema down while work is refused and nothing writes, and serves again only on the older schema', () => {
    const back = planUndo(plan(), ids(plan()).slice(0, 9), 'error rate');
    expect(ids(back)).toEqual([
      'undo.maintenance.router',
      'undo.deploy.apply',
      'undo.migrate.up',
      'undo.deploy.traffic',
      'undo.verify.checks',
    ]);
    expect(back.version.number).toBe('1.0.0');
    expect(back.automaticRollback.armed).toBe(false);
  });

  test('undoes nothing that was not begun', () => {
    expect(ids(planUndo(plan(), ['prepare.checklist', 'lock.take', 'migrate.up'], 'x'))).toEqual([
      'undo.maintenance.router',
      'undo.migrate.up',
      'undo.deploy.traffic',
      'undo.verify.checks',
    ]);
    expect(ids(planUndo(plan(), ['prepare.checklist', 'lock.take'], 'x'))).toEqual([]);
  });

  test('after the old version was stopped it is started again before traffic returns', () => {
    expect(ids(planUndo(plan(), ids(plan()), 'x'))).toEqual([
      'undo.maintenance.router',
      'undo.deploy.apply',
      'undo.migrate.up',
      'undo.retire.old',
      'undo.deploy.traffic',
      'undo.verify.checks',
    ]);
  });

  test('in place the newer files stay until the way down was gone, and a declared switch is turned off again', () => {
    const call = { name: 'switch', kind: 'http', settings: {}, tries: 1, everySeconds: 1, timeoutSeconds: 5 };
    const config = configWith({ router: null, maintenance: { by: { on: call, off: call }, check: null } });
    const made = plan(config, factsWith({ placement: 'in-place' }));
    expect(ids(planUndo(made, ids(made).slice(0, 6), 'x'))).toEqual([
      'undo.maintenance.on',
      'undo.migrate.up',
      'undo.deploy.apply',
      'undo.maintenance.off',
      'undo.verify.checks',
    ]);
  });
});

describe('after a failure', () => {
  const step = (made: Plan, id: string) => stepsOf(made).find((entry) => entry.step.id === id)!.step;

  test('nothing changed yet: cancelled', () => {
    const made = plan();
    expect(
      afterFailure(made, ['prepare.checklist', 'lock.take', 'backup.pre-release'], step(made, 'backup.pre-release')),
    ).toBe('cancel');
  });

  test('something changed: rolled back', () => {
    expect(afterFailure(plan(), ids(plan()).slice(0, 6), step(plan(), 'deploy.apply'))).toBe('roll-back');
  });

  test('a step that cannot be taken back was begun: a person is called', () => {
    const made = plan(
      configWith({
        migrate: migrateWith({ reversible: false }),
      }),
    );
    expect(afterFailure(made, ids(made).slice(0, 6), step(made, 'deploy.apply'))).toBe('needs-human');
  });

  test('a rollback is never rolled back by itself, and cleaning up never fails a release', () => {
    const back = planUndo(plan(), ids(plan()), 'x');
    expect(afterFailure(back, ids(back), step(back, 'undo.deploy.apply'))).toBe('needs-human');
    expect(afterFailure(plan(), ids(plan()), step(plan(), 'retire.old'))).toBe('go-on');
  });
});

describe('a rollback by hand', () => {
  const wish = { environment: 'production', to: null, depth: 'quick' as const, backup: null, reason: 'bad' };
  const back = (change: object = {}, facts = factsWith()): Plan =>
    planRollback(configWith(), { ...wish, ...change }, facts, 'sha256:c');

  test('goes to the version that was stable before, verifies it, and stops the bad one last', () => {
    expect(back().version.number).toBe('0.9.0');
    expect(ids(back())).toEqual([
      'lock.take',
      'deploy.apply',
      'deploy.health',
      'deploy.traffic',
      'verify.checks',
      'retire.old',
    ]);
  });

  test('never goes to a version that was rolled back itself', () => {
    const older = { version: '0.8.0', release: 'r-0000', quarantined: false };
    const facts = factsWith({
      stableVersions: [
        { version: '1.0.0', release: 'r-0002', quarantined: false },
        { version: '0.9.0', release: 'r-0001', quarantined: true },
        older,
      ],
    });
    expect(back({}, facts).version.number).toBe('0.8.0');
    expect(() => back({ to: '0.9.0' }, facts)).toThrow('0.9.0 was stable here once, but is in quarantine');
  });

  test('says with the name of the service how a version is let out of quarantine', () => {
    const facts = factsWith({ stableVersions: [{ version: '0.9.0', release: 'r-0001', quarantined: true }] });
    const refused = (): Plan => back({ to: '0.9.0' }, facts);
    expect(refused).toThrow(expect.objectContaining({ next: expect.stringContaining('shipway unlock shop --') }));
  });

  test('with a backup it backs up, restores beside, stops the writer, and only then swaps', () => {
    const id = 'bk_20261121T100000Z_shop_production_pre-release_aaaaaa';
    const at = '2026-11-21T10:00:00.000Z';
    const backup = { id, reason: 'pre-release', release: 'r-0002', version: null, createdAt: at, consistentAt: at };
    const facts = factsWith({ backups: [backup] });
    const made = back({ data: 'restore', depth: 'full' }, facts);
    expect(ids(made).slice(0, 7)).toEqual([
      'lock.take',
      'backup.pre-rollback',
      'data.stage',
      'maintenance.router',
      'data.stop',
      'data.swap',
      'deploy.apply',
    ]);
    expect(stepsOf(made).find(({ step }) => step.id === 'data.stage')?.step.input).toMatchObject({ backup: id });
  });

  test.each([
    [{ to: '1.0.0' }, factsWith(), '1.0.0 is what runs in production'],
    [{ to: '3.0.0' }, factsWith(), '3.0.0 was never stable in production, so nobody knows whether it works'],
    [{}, factsWith({ running: null }), 'nothing of shop runs in production'],
    [
      {},
      factsWith({ stableVersions: [{ version: '1.0.0', release: 'r-0002', quarantined: false }] }),
      'no version but 1.0.0 was stable in production and is not in quarantine',
    ],
  ])('refuses %j', (change, facts, message) => {
    expect(() => back(change, facts)).toThrow(message);
  });
});

describe('may it proceed', () => {
  const ask = (change: Parameters<typeof factsWith>[0], by: 'person' | 'automation' = 'person') => {
    const facts = factsWith(change);
    return mayProceed(plan(configWith(), facts), configWith(), facts, by)?.message ?? null;
  };
  const since = '2026-11-21T01:00:00.000Z';

  test('nothing in the way', () => expect(ask({})).toBeNull());

  test('a lock, with who, why and since when', () => {
    expect(ask({ lock: { release: 'r-0007', person: 'ana', why: 'release of 1.0.5', since } })).toBe(
      `shop production is locked by r-0007 of ana since ${since}: release of 1.0.5`,
    );
  });

  test('a quarantined version, for everybody', () => {
    expect(ask({ quarantine: { version: '1.1.0', release: 'r-0003', reason: 'error rate', since } })).toBe(
      `shop 1.1.0 is in quarantine since ${since}: error rate (r-0003)`,
    );
  });

  test('a hold after a rollback, for automation only', () => {
    const hold = { release: 'r-0003', reason: 'error rate', since };
    expect(ask({ hold })).toBeNull();
    expect(ask({ hold }, 'automation')).toBe(
      `automatic releases of shop in production are held since ${since}: error rate (r-0003)`,
    );
  });

  test('an environment that comes after another wants the version to have been stable there', () => {
    const config = configWith({ after: 'staging' });
    const refused = mayProceed(plan(config), config, factsWith(), 'person');
    expect(refused?.message).toBe('shop 1.1.0 was not stable in staging before production');
    expect(mayProceed(plan(config), config, factsWith({ stableElsewhere: ['staging'] }), 'person')).toBeNull();
  });

  test('a release type that leaves that environment out needs not have been stable there', () => {
    const config = configWith({ after: 'staging' });
    const hotfix = plan(config, factsWith(), { ...request, releaseType: 'hotfix' });
    expect(mayProceed(hotfix, config, factsWith(), 'person')).toBeNull();
    expect(mayProceed(hotfix, configWith({ after: 'test' }), factsWith(), 'person')?.message).toBe(
      'shop 1.1.0 was not stable in test before production',
    );
  });
});
