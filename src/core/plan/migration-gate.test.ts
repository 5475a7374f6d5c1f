import { describe, expect, test } from 'vitest';
import { NOTHING_KNOWN, type Migration } from '../migration/migration.ts';
import type { Deed } from '../migration/statement.ts';
import { buildPlan } from './build-plan.ts';
import type { Facts } from './facts.ts';
import { mayProceed } from './may-proceed.ts';
import { sqlDigest, type PendingMigration } from './pending-migration.ts';
import { planDigest } from './plan-digest.ts';
import { planRollback } from './plan-rollback.ts';
import { configWith, factsWith, migrateWith, request } from './plan-fixture.suite.ts';
import { stepsOf } from './plan.ts';

const TIMEOUT: Deed = { kind: 'set-lock-timeout', milliseconds: 200, local: false };
const DROP: Deed = { kind: 'drop-column', table: 'orders', column: 'note', repeatable: false };
const INDEX: Deed = {
  kind: 'create-index',
  table: 'orders',
  name: 'i',
  columns: [],
  concurrently: false,
  repeatable: false,
};
const ADD: Deed = {
  kind: 'add-column',
  table: 'orders',
  column: 'gift',
  type: 'text',
  notNull: false,
  default: 'none',
  rewrites: null,
  constraints: [],
  repeatable: false,
};

function pending(deeds: Deed[], sql = 'SQL'): PendingMigration {
  const up = [TIMEOUT, ...deeds].map((deed, index) => ({
    line: index + 1,
    text: `the ${deed.kind}`,
    remarks: [],
    deeds: [deed],
  }));
  const migration: Migration = {
    name: 'preview',
    dialect: 'postgresql',
    up,
    down: 'unseen',
    irreversible: null,
    inTransaction: null,
  };
  return { migration, facts: NOTHING_KNOWN, sqlDigest: sqlDigest(sql) };
}

function planned(deeds: Deed[], migrate = migrateWith(), change: Partial<Facts> = {}) {
  const config = configWith({ migrate });
  const facts = factsWith({ pending: pending(deeds), ...change });
  const plan = buildPlan(config, request, facts, 'sha256:c');
  return { plan, refusal: mayProceed(plan, config, facts, 'person') };
}

describe('the judge as a gate', () => {
  test('a release with an error in its migration is refused, with rule, statement, why, the safe way and the two ways on', () => {
    const { refusal } = planned([DROP]);
    expect(refusal?.kind).toBe('refused');
    expect(refusal?.where).toBe('environments.production.migrate');
    expect(refusal?.message.split('\n')).toEqual([
      'the migration of shop 1.1.0 is unsafe in production: 1 error',
      '  line 2: drop-column: the drop-column',
      '    why: queries of the version that runs fail when orders.note is gone, and its data is gone for good',
      '    safe way:',
      '      -- now: let the new version neither read nor write it; if it is NOT NULL:',
      '      ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;',
      '      -- in a later release, when the version that runs does not use it any more:',
      '      ALTER TABLE orders DROP COLUMN note;',
    ]);
    expect(refusal?.next).toBe(
      'Go the safe way. If it does not hold here, say why in the release file: migrate: { allow: { drop-column: WHY } }. All of it: shipway migrate check --env production --version 1.1.0',
    );
  });

  test('more errors than a screen holds are counted', () => {
    const { refusal } = planned(Array.from({ length: 8 }, () => DROP));
    expect(refusal?.message).toContain('8 errors');
    expect(refusal?.message.split('\n').at(-1)).toBe('  and 3 more');
  });

  test('warnings are shown and refuse nothing', () => {
    const { plan, refusal } = planned([{ kind: 'drop-default', table: 'orders', column: 'note' }]);
    expect(refusal).toBeNull();
    expect(plan.warnings.join('\n')).toContain('migration: warning drop-default, line 2');
  });

  test('a rule that is allowed with a reason refuses nothing, and the reason is in the plan', () => {
    const { plan, refusal } = planned([DROP], migrateWith({ allow: { 'drop-column': 'unused since 1.0.0' } }));
    expect(refusal).toBeNull();
    expect(plan.warnings).toContain(
      'migration: error drop-column, line 2, is allowed: unused since 1.0.0 (release file)',
    );
  });

  test('a rule that is allowed excuses no other rule', () => {
    const { refusal } = planned([DROP, INDEX], migrateWith({ allow: { 'drop-column': 'unused since 1.0.0' } }));
    expect(refusal?.message).toContain('index-blocks-writes');
    expect(refusal?.message).not.toContain('drop-column');
  });

  test('where errors are only to warn, nothing is refused', () => {
    const { plan, refusal } = planned([DROP], migrateWith({ unsafe: 'warn' }));
    expect(refusal).toBeNull();
    expect(plan.warnings.join('\n')).toContain('migration: error drop-column');
  });

  test('what is not seen before it runs is not refused, and neither is a rollback', () => {
    expect(planned([DROP], migrateWith(), { pending: null }).refusal).toBeNull();
    const config = configWith();
    const facts = factsWith({ pending: pending([DROP]) });
    const wish = { environment: 'production', to: null, depth: 'quick' as const, backup: null, reason: 'bad' };
    const back = planRollback(config, wish, facts, 'sha256:c');
    expect(mayProceed(back, config, facts, 'person')).toBeNull();
  });

  test('a lock on a table of ten rows is a remark, on a large one an error, and without a database its size is unknown', () => {
    const sized = (bytes: number, rows: number): Partial<Facts> => {
      const tables = { orders: { bytes, rows, columns: {} } };
      return { pending: { ...pending([INDEX]), facts: { ...NOTHING_KNOWN, tables } } };
    };
    expect(planned([], migrateWith(), sized(32_000, 10)).refusal).toBeNull();
    expect(planned([], migrateWith(), sized(4e9, 12_000_000)).refusal?.message).toContain(
      'long-lock: the create-index\n    why: orders has 4000 MB in about 12000000 rows: the lock is held for about 10 s',
    );
    expect(planned([INDEX]).refusal?.message).toContain(
      'nobody can write orders while the index is built; the size of orders is not known',
    );
  });

  test('the digest of the plan covers the SQL that was judged, and the step shows it', () => {
    const config = configWith();
    const plan = (sql: string) => buildPlan(config, request, factsWith({ pending: pending([ADD], sql) }), 'sha256:c');
    expect(planDigest(plan('a'))).not.toBe(planDigest(plan('b')));
    expect(planDigest(plan('a'))).toBe(planDigest(plan('a')));
    const step = stepsOf(plan('a')).find((one) => one.step.id === 'migrate.up')?.step;
    expect(step?.input['judgedSql']).toBe(sqlDigest('a'));
    expect(step?.notes?.slice(0, 1)).toEqual([`only the SQL that was judged: ${sqlDigest('a').slice(0, 19)}…`]);
  });
});

describe('the order of migration and deploy', () => {
  const order = (deeds: Deed[], migrate = migrateWith()): string[] =>
    planned(deeds, migrate).plan.warnings.filter((one) => /^migration: (?:it runs|the release file)/.test(one));

  test('taking away before the deploy is warned of, adding is not', () => {
    expect(order([DROP])).toEqual([
      'migration: it runs before the new version is started, and drop-column takes away what the version before still needs; put that into `contract`, or into a later release',
    ]);
    expect(order([ADD])).toEqual([]);
  });

  test('a migration that is called compatible and is not is contradicted', () => {
    expect(order([DROP], migrateWith({ compatible: true })).at(-1)).toBe(
      'migration: the release file says `compatible: true`, and drop-column speaks against it: a rollback would leave the version before on this schema',
    );
  });

  test('adding what the new version needs after the deploy is warned of, and taking away as long as the old one is kept', () => {
    const after = migrateWith({ when: 'after-deploy' });
    expect(order([ADD, DROP], after)).toEqual([
      'migration: it runs after the new version is started, which fails until then where it needs orders.gift; run what adds before-deploy',
      'migration: it runs while the version before is kept for a rollback, and drop-column takes away what that one needs; put that into `contract`, or into a later release',
    ]);
    expect(order([INDEX], after)).toEqual([]);
  });

  test('what contracts runs at the very end, cannot be taken back, fails no release and leaves the automatic rollback armed', () => {
    const contract = { kind: 'command', settings: { up: ['contract'] } };
    const { plan } = planned([ADD], migrateWith({ contract }), {
      commands: { ...factsWith().commands, contract: [['contract']] },
    });
    const steps = stepsOf(plan).map(({ step }) => step);
    expect(steps.map(({ id }) => id).filter((id) => /^(?:migrate|deploy.apply|watch|retire)/.test(id))).toEqual([
      'migrate.up',
      'deploy.apply',
      'watch.version',
      'retire.old',
      'migrate.contract',
    ]);
    expect(steps.at(-1)).toMatchObject({
      kind: 'migrate-up',
      title: 'migrate: take away what only 1.0.0 needed',
      commands: [['contract']],
      reversibility: 'irreversible',
      undo: null,
      onFailure: 'warn',
      input: { migrate: contract },
    });
    expect(plan.automaticRollback.armed).toBe(true);
  });

  test('a quick rollback warns when something was taken away at the end, a full one brings the data back', () => {
    const config = configWith({ migrate: migrateWith({ contract: { kind: 'command', settings: {} } }) });
    const schema = {
      events: [
        {
          kind: 'contract' as const,
          at: '2026-11-21T00:01:00Z',
          release: 'r-0002',
          before: '6',
          after: '7',
          takenAt: null,
        },
      ],
      releases: {},
    };
    const backups = [
      {
        id: 'b1',
        reason: 'pre-release',
        release: 'r-0002',
        version: '1.0.0',
        createdAt: '2026-11-21T00:00:00Z',
        consistentAt: '2026-11-21T00:00:00Z',
      },
    ];
    const back = (depth: 'quick' | 'full') =>
      planRollback(
        config,
        { environment: 'production', to: null, depth, backup: null, reason: 'bad' },
        factsWith({ backups, ...(depth === 'full' ? { schema } : {}) }),
        'sha256:c',
      );
    expect(back('quick').warnings.join()).toContain('took away what older ones needed');
    expect(back('full').warnings.join()).not.toContain('took away');
    expect(back('full').data).toMatchObject({ way: 'restore', backup: 'b1' });
  });
});
