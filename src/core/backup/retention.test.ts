import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTimeZone, periodOf } from './calendar-period.ts';
import { faultOf, history } from './retention-histories.suite.ts';
import {
  decideRetention,
  isTakenBack,
  type KnownBackup,
  type RetentionNeeds,
  type RetentionPolicy,
} from './retention.ts';
import { describeDropRule, describeKeepRule } from './retention-rule.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const NOTHING_NEEDED: RetentionNeeds = { live: null, targets: [], open: [], held: null };
const NONE: RetentionPolicy = {
  forSeconds: 0,
  last: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  versions: null,
  timeZone: 'UTC',
};

/** A verified backup; the id says when. */
function taken(createdAt: string, change: Partial<KnownBackup> = {}): KnownBackup {
  const proof = { level: 2, outcome: 'pass' as const, at: createdAt };
  const rest = { release: null, suspicious: false, pin: null, unreadable: false, isKnown: true };
  return { id: createdAt, createdAt, reason: 'manual', proof, ...rest, ...change };
}

/** Three good ones of today: whatever the newest three and the 48 hours ask for is there. */
const FRESH = ['09', '10', '11'].map((hour) => taken(`2026-11-21T${hour}:00:00.000Z`));

/** Id and rules of the backups before today that stay. */
function kept(
  backups: KnownBackup[],
  policy: Partial<RetentionPolicy> = {},
  needs: Partial<RetentionNeeds> = {},
): Record<string, string[]> {
  const { verdicts } = decideRetention({
    policy: { ...NONE, ...policy },
    backups: [...FRESH, ...backups],
    needs: { ...NOTHING_NEEDED, ...needs },
    nowMs: Date.parse(NOW),
  });
  const own = verdicts.filter(({ id }) => backups.some((backup) => backup.id === id));
  return Object.fromEntries(
    own.flatMap((verdict) => (verdict.keep ? [[verdict.id, verdict.rules.map(describeKeepRule)]] : [])),
  );
}

describe('a backup is kept', () => {
  const old = '2026-01-05T00:00:00.000Z';
  test.each<[string, KnownBackup, Partial<RetentionNeeds>, string]>([
    ['that is pinned', taken(old, { pin: 'case 12' }), {}, 'pinned: case 12'],
    [
      'that was taken before the live version',
      taken(old, { reason: 'pre-release', release: 'r-2' }),
      { live: { version: '1.2.0', release: 'r-2' } },
      'taken before r-2, which brought 1.2.0, the live version',
    ],
    [
      'that was taken before a rollback that is live',
      taken(old, { reason: 'pre-rollback', release: 'r-3' }),
      { live: { version: '1.1.0', release: 'r-3' } },
      'taken before r-3, which brought 1.1.0, the live version',
    ],
    [
      'that was taken before a version that a rollback may lead to',
      taken(old, { reason: 'pre-release', release: 'r-1' }),
      { targets: [{ version: '1.1.0', release: 'r-1' }] },
      'taken before r-1; a rollback may lead to 1.1.0',
    ],
    [
      'of a release that is not over',
      taken(old, { reason: 'pre-rollback', release: 'r-9' }),
      { open: [{ release: 'r-9', backups: [] }] },
      'r-9 is not over and needs it',
    ],
    [
      'that the plan of an open rollback names by its id',
      taken(old, { id: 'bk_x1' }),
      { open: [{ release: 'r-9', backups: ['bk_x1'] }] },
      'r-9 is not over and needs it',
    ],
    [
      'that the plan of an open rollback names by its release',
      taken(old, { reason: 'pre-release', release: 'r-4' }),
      { open: [{ release: 'r-9', backups: ['before:r-4'] }] },
      'r-9 is not over and needs it',
    ],
    [
      'of a release whose hold is not lifted',
      taken(old, { reason: 'pre-release', release: 'r-5' }),
      { held: 'r-5' },
      'taken for r-5, whose hold nobody has lifted',
    ],
    [
      'whose manifest cannot be trusted',
      taken(old, { unreadable: true, proof: null }),
      {},
      'its manifest cannot be trusted; a person has to look at it',
    ],
    [
      'that this memory has never seen',
      taken(old, { proof: null, isKnown: false }),
      {},
      'this memory has never seen it: verify or pin it',
    ],
    ['that is dated in the future', taken('2027-01-01T00:00:00.000Z'), {}, 'dated in the future; a clock was wrong'],
  ])('%s, under a policy that keeps nothing', (_, backup, needs, rule) => {
    expect(kept([backup], {}, needs)).toEqual({ [backup.id]: [rule] });
  });

  test('as long as it is younger than the policy says, verified or not', () => {
    const edge = [
      taken('2026-11-14T12:00:00.001Z', { proof: null }),
      taken('2026-11-14T12:00:00.000Z', { proof: null }),
    ];
    expect(kept(edge, { forSeconds: 7 * 86_400 })).toEqual({ '2026-11-14T12:00:00.001Z': ['younger than 1w'] });
  });

  test('as the newest of each day, week, month and year that has one', () => {
    const days = ['11-20T01', '11-20T23', '11-18T12', '11-14T12', '10-31T12', '10-30T12'];
    const backups = [...days.map((day) => taken(`2026-${day}:00:00.000Z`)), taken('2025-12-31T12:00:00.000Z')];
    expect(kept(backups, { daily: 3, weekly: 2, monthly: 2, yearly: 2 })).toEqual({
      '2026-11-20T23:00:00.000Z': ['daily, the newest of 2026-11-20'],
      '2026-11-18T12:00:00.000Z': ['daily, the newest of 2026-11-18'],
      '2026-11-14T12:00:00.000Z': ['weekly, the newest of 2026-W46'],
      '2026-10-31T12:00:00.000Z': ['monthly, the newest of 2026-10'],
      '2025-12-31T12:00:00.000Z': ['yearly, the newest of 2025'],
    });
  });

  test('as the newest of a day that begins and ends in the stated time zone', () => {
    const backups = ['19T22:30', '19T23:30', '20T22:30'].map((at) => taken(`2026-11-${at}:00.000Z`));
    const names = (timeZone: string): string[] => Object.keys(kept(backups, { daily: 3, timeZone }));
    expect(names('UTC')).toEqual(['2026-11-19T23:30:00.000Z', '2026-11-20T22:30:00.000Z']);
    expect(names('Europe/Berlin')).toEqual(['2026-11-19T22:30:00.000Z', '2026-11-20T22:30:00.000Z']);
  });

  test('before the newest versions only, where the policy names how many', () => {
    const releases = ['r-1', 'r-2', 'r-3'];
    const backups = releases.map((release) => taken(old, { id: release, reason: 'pre-release', release }));
    const targets = [...releases].reverse().map((release) => ({ version: `1.${release.at(-1)}.0`, release }));
    const live = { version: '1.3.0', release: 'r-3' };
    expect(Object.keys(kept(backups, { versions: 1 }, { live, targets }))).toEqual(['r-2', 'r-3']);
    expect(Object.keys(kept(backups, { versions: null }, { live, targets }))).toEqual(releases);
    // Another release changed the schema after 1.2.0, and takes no version's place.
    const changed = [...targets, { version: '1.2.0', release: 'r-1' }];
    expect(Object.keys(kept(backups, { versions: 1 }, { live, targets: changed }))).toEqual(releases);
  });
});

describe('a backup that is not proven good', () => {
  const bad: [string, Partial<KnownBackup>, string][] = [
    [
      'failed',
      { proof: { level: 2, outcome: 'fail', at: NOW } },
      'its last check failed, so it fills no place, and it is past its time',
    ],
    ['unverified', { proof: null }, 'never verified, so it fills no place, and it is past its time'],
    [
      'only hashed',
      { proof: { level: 1, outcome: 'pass', at: NOW } },
      'never verified, so it fills no place, and it is past its time',
    ],
    [
      'suspicious',
      { suspicious: true },
      'much smaller than the one before it, so it fills no place, and it is past its time',
    ],
  ];
  test.each(bad)('(%s) takes no place from a good one', (_, facts, rule) => {
    const good = taken('2026-11-20T10:00:00.000Z');
    const newer = taken('2026-11-20T20:00:00.000Z', facts);
    const request = { backups: [...FRESH, good, newer], needs: NOTHING_NEEDED, nowMs: Date.parse(NOW) };
    const { verdicts } = decideRetention({ ...request, policy: { ...NONE, daily: 2 } });
    expect(verdicts.find(({ id }) => id === good.id)).toMatchObject({ keep: true });
    const dropped = verdicts.find(({ id }) => id === newer.id);
    expect(dropped?.keep === false && describeDropRule(dropped.rule)).toBe(rule);
  });

  test.each(bad)('(%s) is no recent proof, so that nothing is pruned', (_, facts) => {
    const backups = [
      taken('2026-11-21T11:00:00.000Z', facts),
      ...['01', '02', '03', '04'].map((day) => taken(`2026-11-${day}T00:00:00.000Z`)),
    ];
    const decision = decideRetention({ policy: NONE, backups, needs: NOTHING_NEEDED, nowMs: Date.parse(NOW) });
    expect(decision).toMatchObject({ stopped: true });
    expect(decision.heldBack).toBeGreaterThan(0);
    expect(decision.verdicts.every((verdict) => verdict.keep)).toBe(true);
    expect(decision.verdicts[0]).toMatchObject({ rules: [{ rule: 'stopped' }] });
  });
});

test('of a history that another memory made nothing goes, although the first backup of this one is good', () => {
  const ages = [1, 3, 8, 15, 31, 62, 93, 124, 180];
  const strange = ages.map((days) =>
    taken(new Date(Date.parse(NOW) - days * 86_400_000).toISOString(), { proof: null, isKnown: false }),
  );
  const policy = { ...NONE, forSeconds: 7 * 86_400, last: 3, daily: 7, weekly: 4, monthly: 6 };
  const backups = [...strange, taken('2026-11-21T11:00:00.000Z')];
  const decision = decideRetention({ policy, backups, needs: NOTHING_NEEDED, nowMs: Date.parse(NOW) });
  expect(decision.stopped).toBe(false);
  expect(decision.verdicts.filter(({ keep }) => !keep)).toEqual([]);
});

describe('what is in the trash and kept by a rule', () => {
  const failed = { proof: { level: 2, outcome: 'fail', at: NOW } } as const;
  test.each<[string, Partial<KnownBackup>, boolean]>([
    ['is taken back', {}, true],
    ['is taken back when this memory has never seen it', { proof: null, isKnown: false }, true],
    ['stays there when it is damaged', failed, false],
    ['is taken back also damaged when a person pinned it', { ...failed, pin: 'evidence' }, true],
  ])('%s', (_, facts, answer) => {
    expect(isTakenBack(taken('2026-11-20T00:00:00.000Z', facts))).toBe(answer);
  });
});

test('a clock that jumped ahead by years prunes nothing', () => {
  const nowMs = Date.UTC(2036, 0, 1);
  const decision = decideRetention({ policy: NONE, backups: FRESH, needs: NOTHING_NEEDED, nowMs });
  expect(decision).toMatchObject({ stopped: true, heldBack: 0 });
});

test('the newest three verified stay under a policy that keeps nothing', () => {
  const backups = [...FRESH, taken('2026-11-21T08:00:00.000Z')];
  const { verdicts } = decideRetention({ policy: NONE, backups, needs: NOTHING_NEEDED, nowMs: Date.parse(NOW) });
  expect(verdicts.map(({ keep }) => keep)).toEqual([false, true, true, true]);
});

test('in random histories nothing needed goes, a second prune drops nothing, and one more backup takes nothing away', () => {
  fc.assert(
    fc.property(history, (drawn) => {
      expect(faultOf(drawn)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('a random history does have something to drop', () => {
  const dropping = fc.sample(history, 200).filter((drawn) => decideRetention(drawn).verdicts.some(({ keep }) => !keep));
  expect(dropping.length).toBeGreaterThan(20);
});

test.each([
  ['2026-12-31T12:00:00Z', 'UTC', '2026-12-31', '2026-W53', '2026-12', '2026'],
  ['2027-01-03T12:00:00Z', 'UTC', '2027-01-03', '2026-W53', '2027-01', '2027'],
  ['2024-12-30T12:00:00Z', 'UTC', '2024-12-30', '2025-W01', '2024-12', '2024'],
  ['2026-12-31T23:30:00Z', 'Europe/Berlin', '2027-01-01', '2026-W53', '2027-01', '2027'],
  ['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25', '2026-W43', '2026-10', '2026'],
])('%s in %s is %s, %s', (at, zone, ...periods) => {
  const found = (['day', 'week', 'month', 'year'] as const).map((period) => periodOf(Date.parse(at), period, zone));
  expect(found).toEqual(periods);
});

test('a time zone is a name that is known, and no bare offset', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Ushuaia'].every(isTimeZone)).toBe(true);
  expect(['', '+02:00', 'Europe/Berlyn', 'Mars', 'a b'].some(isTimeZone)).toBe(false);
});
