import { describe, expect, test } from 'vitest';
import type { RehearsalConfig } from '../config/service-config.ts';
import type { Migration } from '../migration/migration.ts';
import { NOTHING_KNOWN } from '../migration/migration.ts';
import { outcomeOf } from '../rehearsal/rehearsal.ts';
import { buildPlan } from './build-plan.ts';
import type { Facts, RehearsalFact } from './facts.ts';
import { mayProceed } from './may-proceed.ts';
import { configWith, factsWith, request } from './plan-fixture.suite.ts';
import { rehearsalStanding, rehearsalSubject } from './rehearsal-standing.ts';

const DECLARED: RehearsalConfig = {
  env: { DATABASE_URL: '$SCRATCH_URL' },
  store: null,
  checks: [],
  limitSeconds: 600,
  stallSecondsMax: null,
  ignoreTables: [],
  required: true,
  validSeconds: null,
};
const FINGERPRINT = 'sha256:f';
const planWith = (facts: Facts, config = configWith({ rehearsal: DECLARED }), type = 'regular') =>
  buildPlan(config, { ...request, releaseType: type }, facts, FINGERPRINT);
const subject = rehearsalSubject(planWith(factsWith()), factsWith()) ?? '';

const PASSED: RehearsalFact = {
  id: 'abc',
  ageSeconds: 7200,
  outcome: 'passed',
  subject,
  revisionBefore: '7',
  tookMs: { up: 3100, down: 400 },
  stallMs: null,
  fault: null,
};

function standing(
  rehearsal: RehearsalFact | null,
  declared: Partial<RehearsalConfig> = {},
  facts: Partial<Facts> = {},
) {
  const config = configWith({ rehearsal: { ...DECLARED, ...declared } });
  const all = factsWith({ rehearsal, ...facts });
  const plan = planWith(all, config);
  return { standing: rehearsalStanding(plan, config, all), refusal: mayProceed(plan, config, all, 'person') };
}

describe('a release and the rehearsal of its migration', () => {
  test('a passed rehearsal opens the gate and is shown with its figures', () => {
    expect(standing(PASSED)).toEqual({
      standing: {
        state: 'rehearsed',
        required: true,
        sentence: 'rehearsed 2h ago: up 3.1s, down 0.4s',
        down: 'proven',
      },
      refusal: null,
    });
    expect(standing({ ...PASSED, stallMs: 201, tookMs: { up: 3100, down: null } }).standing?.sentence).toBe(
      'rehearsed 2h ago: up 3.1s, no way down, queries of others waited 0.2s at most',
    );
  });

  test('without one the release is refused with what to type', () => {
    const { refusal } = standing(null);
    expect(refusal).toMatchObject({
      kind: 'refused',
      message: 'the migration of shop 1.1.0 in production: not rehearsed',
      next: 'Try it on a copy of the data first: shipway rehearse 1.1.0 --env production',
    });
  });

  test.each<[string, Partial<RehearsalFact>, string]>([
    ['of another revision', { revisionBefore: '6' }, 'rehearsed 2h ago from revision 6; the data is now at 7'],
    [
      'of another migration',
      { subject: 'x' },
      'rehearsed 2h ago, but another migration than the one that would run now',
    ],
    [
      'that failed',
      { outcome: 'failed', fault: 'a column is missing' },
      'rehearsed 2h ago, and it failed: a column is missing',
    ],
    [
      'without an end',
      { outcome: 'could-not-measure', fault: 'no room' },
      'rehearsed 2h ago, but not to its end: no room',
    ],
  ])('one %s does not count', (_, change, sentence) => {
    const found = standing({ ...PASSED, ...change });
    expect(found.standing?.sentence).toBe(sentence);
    expect(found.refusal?.message).toContain(sentence);
  });

  test('one that is too old does not count where the file says how long it does', () => {
    expect(standing(PASSED, { validSeconds: 3600 }).refusal?.message).toContain(
      'rehearsed 2h ago, which counts for 1h',
    );
    expect(standing(PASSED, { validSeconds: 7300 }).refusal).toBeNull();
  });

  test('where it is not required it is shown and nothing is refused', () => {
    const found = standing(null, { required: false });
    expect([found.standing?.state, found.refusal]).toEqual(['not-rehearsed', null]);
  });

  test('a file that declares no rehearsal asks for none', () => {
    const facts = factsWith();
    const plan = planWith(facts, configWith());
    expect(rehearsalStanding(plan, configWith(), facts)).toBeNull();
    expect(mayProceed(plan, configWith(), facts, 'person')).toBeNull();
  });

  test('a release type may leave it out, and the plan says so', () => {
    const config = configWith({ rehearsal: DECLARED });
    config.releaseTypes['hotfix'] = { approval: null, watchSeconds: null, skip: ['rehearsal'] };
    const plan = planWith(factsWith(), config, 'hotfix');
    expect(mayProceed(plan, config, factsWith(), 'person')).toBeNull();
    expect(plan.warnings).toContain('a release of type hotfix leaves out: rehearsal');
  });

  test('the SQL that would run is part of what was rehearsed, and none at all needs no rehearsal', () => {
    const pending = (digest: string, up: Migration['up']): Facts['pending'] => {
      const migration: Migration = {
        name: 'preview',
        dialect: 'postgresql',
        up,
        down: null,
        irreversible: null,
        inTransaction: null,
      };
      return { migration, facts: NOTHING_KNOWN, sqlDigest: digest };
    };
    const statement = { line: 1, text: 'SELECT 1', remarks: [], deeds: [] };
    const [one, other] = ['a', 'b'].map((digest) => {
      const facts = factsWith({ pending: pending(digest, [statement]) });
      return rehearsalSubject(planWith(facts), facts);
    });
    expect(one).not.toBe(other);
    expect(standing(null, {}, { pending: pending('a', []) })).toEqual({ standing: null, refusal: null });
    const [begin, commit] = (['begin', 'commit'] as const).map((kind) => ({ ...statement, deeds: [{ kind }] }));
    if (begin === undefined || commit === undefined) throw new Error('made above');
    expect(standing(null, {}, { pending: pending('a', [begin, commit]) }).standing).toBeNull();
    expect(standing(null, {}, { pending: pending('a', [begin, statement, commit]) }).refusal).not.toBeNull();
  });
});

test('one failure is enough, and what could not be told never counts as passed', () => {
  const finding = (severity: 'failure' | 'unknown' | 'warning') => ({
    severity,
    kind: 'discards' as const,
    sentence: '',
  });
  expect(outcomeOf([finding('warning')])).toBe('passed');
  expect(outcomeOf([finding('unknown'), finding('warning')])).toBe('could-not-measure');
  expect(outcomeOf([finding('unknown'), finding('failure')])).toBe('failed');
});
