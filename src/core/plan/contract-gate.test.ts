import { describe, expect, test } from 'vitest';
import { NOTHING_KNOWN, type Migration } from '../migration/migration.ts';
import type { Deed } from '../migration/statement.ts';
import type { Atomicity, LockManners } from '../release/lock-manners.ts';
import { buildPlan } from './build-plan.ts';
import type { Facts } from './facts.ts';
import { mayProceed } from './may-proceed.ts';
import { sqlDigest, type PendingMigration } from './pending-migration.ts';
import { planDigest } from './plan-digest.ts';
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
const LOCKS: LockManners = { lockTimeoutMs: 'safe', retrySeconds: 60, statementTimeoutMs: null };
const CONTRACT = { kind: 'command', settings: { up: ['contract'] }, locks: LOCKS };

function pending(deeds: Deed[], sql: string, change: Partial<Migration> = {}): PendingMigration {
  const up = deeds.map((deed, index) => ({ line: index + 1, text: `the ${deed.kind}`, remarks: [], deeds: [deed] }));
  const migration: Migration = {
    name: 'contract',
    dialect: 'postgresql',
    up,
    down: null,
    irreversible: 'it takes away',
    inTransaction: null,
    ...change,
  };
  return { migration, facts: NOTHING_KNOWN, sqlDigest: sqlDigest(sql) };
}

function planned(deeds: Deed[], change: Partial<Facts> = {}, migrate = migrateWith({ contract: CONTRACT })) {
  const config = configWith({ migrate });
  const contract = { pending: pending([TIMEOUT, ...deeds], 'C'), atomicity: null };
  const facts = factsWith({ contract, ...change });
  const plan = buildPlan(config, request, facts, 'sha256:c');
  return { plan, refusal: mayProceed(plan, config, facts, 'person') };
}

const said = (deeds: Deed[], change: Partial<Facts> = {}): string[] =>
  planned(deeds, change).plan.warnings.filter((one) => one.startsWith('contract: '));

describe('the contract is judged', () => {
  test('what only the version before would miss is no fault of it', () => {
    expect(planned([DROP]).refusal).toBeNull();
  });

  test('a lock that blocks everybody is one, and the release is refused before anything runs', () => {
    const { refusal } = planned([INDEX]);
    expect(refusal?.message).toMatch(
      /^the contract of shop 1\.1\.0 is unsafe in production: 1 error\n  line 2: index-blocks-writes/,
    );
    expect(refusal?.where).toBe('environments.production.migrate.contract');
  });

  test('a rule that is allowed with its reason is allowed there too, and warns where errors only warn', () => {
    const allow = { 'index-blocks-writes': 'ten rows' };
    const allowed = planned([INDEX], {}, migrateWith({ contract: CONTRACT, allow }));
    expect(allowed.refusal).toBeNull();
    expect(allowed.plan.warnings).toContain(
      'contract: error index-blocks-writes, line 2, is allowed: ten rows (release file)',
    );
    const warned = planned([INDEX], {}, migrateWith({ contract: CONTRACT, unsafe: 'warn' }));
    expect(warned.refusal).toBeNull();
    expect(warned.plan.warnings.join('\n')).toContain('contract: error index-blocks-writes, line 2: ');
  });

  test('the plan holds the digest of its SQL, and is another with another SQL', () => {
    const { plan } = planned([DROP]);
    const step = stepsOf(plan).find((one) => one.step.id === 'migrate.contract')?.step;
    expect(step?.input).toMatchObject({ judgedSql: sqlDigest('C'), after: 'migrate.up' });
    expect(step?.notes?.[0]).toBe(`only the SQL that was judged: ${sqlDigest('C').slice(0, 19)}…`);
    const other = planned([], { contract: { pending: pending([TIMEOUT, DROP], 'D'), atomicity: null } }).plan;
    expect(planDigest(other)).not.toBe(planDigest(plan));
  });

  test('what is not seen is planned without a digest', () => {
    const { plan } = planned([], { contract: { pending: null, atomicity: null } });
    expect(stepsOf(plan).at(-1)?.step.input).toEqual({ migrate: CONTRACT, version: '1.1.0' });
  });
});

describe('the order of the contract', () => {
  test('dropping in the same release ends the way back to the version before, and the plan warns of that', () => {
    expect(said([DROP])).toEqual([
      'contract: with drop-column at the end of this release the code of 1.0.0 fails on the schema; from then on only a rollback with the data goes back',
    ]);
  });

  test('a first release has no version to go back to', () => {
    expect(said([DROP], { running: null })).toEqual([]);
  });

  test('what it adds comes too late for the new version', () => {
    expect(said([ADD])[0]).toBe(
      'contract: it runs last, and the new version fails until then where it needs orders.gift; run what adds before-deploy',
    );
  });
});

describe('how a migration waits for locks, in the plan', () => {
  const notes = (locks: LockManners | undefined, atomicity: Atomicity | null): string[] => {
    const migrate = migrateWith(locks === undefined ? {} : { locks });
    const { plan } = planned([], { atomicity, contract: { pending: null, atomicity: null } }, migrate);
    const found = stepsOf(plan).find((one) => one.step.id === 'migrate.up')?.step.notes ?? [];
    return found.filter((note) => note.startsWith('waits for'));
  };
  const ATOMIC: Atomicity = { atomic: true };
  const LOOSE: Atomicity = { atomic: false, why: 'a part runs outside a transaction' };

  test.each([
    [LOCKS, ATOMIC, ['waits for a lock 200 ms at most; tries again for 1m']],
    [LOCKS, LOOSE, ['waits for locks without a limit (a part runs outside a transaction)']],
    [{ ...LOCKS, lockTimeoutMs: 'none' as const }, ATOMIC, ['waits for locks without a limit (lock-timeout: none)']],
    [
      { ...LOCKS, lockTimeoutMs: 500 },
      LOOSE,
      ['waits for a lock 500 ms at most; does not try again: a part runs outside a transaction'],
    ],
    [LOCKS, null, []],
    [undefined, ATOMIC, []],
  ])('%j with %j: %j', (locks, atomicity, expected) => {
    expect(notes(locks, atomicity)).toEqual(expected);
  });

  test('the contract says it for itself', () => {
    const { plan } = planned([], { contract: { pending: null, atomicity: ATOMIC } });
    expect(stepsOf(plan).at(-1)?.step.notes).toEqual(['waits for a lock 200 ms at most; tries again for 1m']);
  });
});

describe('a tool that shows its way down', () => {
  test('says better than the release file whether there is one: without it automatic rollback is disarmed', () => {
    const up = (down: Migration['down']) =>
      planned([], { pending: pending([TIMEOUT, ADD], 'A', { down, irreversible: null }) }, migrateWith()).plan;
    expect(up('unseen').automaticRollback.armed).toBe(true);
    const plan = up(null);
    expect(plan.automaticRollback.armed).toBe(false);
    expect(stepsOf(plan).find((one) => one.step.id === 'migrate.up')?.step).toMatchObject({
      undo: null,
      reversibility: 'irreversible',
    });
  });
});
