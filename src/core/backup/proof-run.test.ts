import { describe, expect, test } from 'vitest';
import { chooseDrill, drillConcern } from './drill.ts';
import { faultOf, lastRestoreProof, outcomeOf, type ProofOutcome, type ProofRun } from './proof-run.ts';
import { checkedAt, notCheckedAt, isVerificationLevel } from './verification-level.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');
const daysAgo = (days: number): string => new Date(NOW_MS - days * DAY_MS).toISOString();

function run(days: number, outcomes: ProofOutcome[] = ['pass'], change: Partial<ProofRun> = {}): ProofRun {
  const stores = outcomes.map((outcome, at) => ({
    store: `store${at}`,
    outcome,
    fault: outcome === 'pass' ? null : 'torn',
    seconds: 1,
    checked: [],
    notChecked: [],
  }));
  const frame = { backup: 'bk_1', level: 3, by: 'ana', release: null, tool: 'shipway 1', isComplete: true };
  return { ...frame, at: daysAgo(days), stores, ...change };
}

describe('a look at a backup', () => {
  test('is as good as the worst of its stores, and none at all proves nothing', () => {
    expect(outcomeOf(run(0, ['pass', 'pass']))).toBe('pass');
    expect(outcomeOf(run(0, ['pass', 'could-not-measure']))).toBe('could-not-measure');
    expect(outcomeOf(run(0, ['could-not-measure', 'fail']))).toBe('fail');
    expect(outcomeOf(run(0, []))).toBe('could-not-measure');
    expect(faultOf(run(0, ['could-not-measure', 'fail']))).toBe('store1: torn');
    expect(faultOf(run(0, ['pass']))).toBeNull();
    expect(faultOf(run(0, []))).toBe('it holds no store');
  });

  test.each([
    ['a lower level', run(1, ['pass'], { level: 2 })],
    ['one store of several', run(1, ['pass'], { isComplete: false })],
    ['a failure', run(1, ['fail'])],
    ['one that could not look', run(1, ['could-not-measure'])],
  ])('is no proof by a restore: %s', (_what, last) => {
    const before = run(2);
    expect(lastRestoreProof([last])).toBeNull();
    expect(lastRestoreProof([before, last])).toBe(before);
  });

  test('says at each level what it looked at and what not', () => {
    expect(checkedAt(1)).toEqual([
      'every part is there and has its size',
      'manifest and signature are right, and every part has its SHA-256',
    ]);
    expect(notCheckedAt(3)).toEqual(['no version was started on the restored copy (V4)']);
    for (const level of [0, 1, 2, 3] as const) expect(checkedAt(level).length + notCheckedAt(level).length).toBe(5);
    expect([-1, 1.5, 5, Number.NaN].some(isVerificationLevel)).toBe(false);
  });
});

describe('a drill', () => {
  const candidate = (id: string, age: number, tried: number | null) => ({
    id,
    createdAt: daysAgo(age),
    lastTriedAt: tried === null ? null : daysAgo(tried),
  });

  test('takes the newest and the one untried for the longest time', () => {
    expect(chooseDrill([])).toEqual([]);
    expect(chooseDrill([candidate('a', 1, null)])).toEqual([{ id: 'a', why: 'newest' }]);
    const all = [candidate('a', 9, 2), candidate('b', 8, 5), candidate('c', 7, 1), candidate('d', 0, 0)];
    expect(chooseDrill(all).map((one) => one.id)).toEqual(['d', 'b']);
    expect(chooseDrill([...all, candidate('e', 3, null)]).map((one) => one.id)).toEqual(['d', 'e']);
  });

  test('gives every backup its turn, also when one of them always fails', () => {
    const tried = new Map<string, number | null>(['a', 'b', 'c', 'd'].map((id) => [id, null]));
    const turns: string[] = [];
    for (let day = 30; day > 24; day -= 1) {
      const candidates = [...tried].map(([id, last], at) => candidate(id, 40 - at, last));
      for (const { id } of chooseDrill(candidates)) tried.set(id, day);
      turns.push(chooseDrill(candidates)[1]?.id ?? '');
    }
    expect(turns).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('is late when the last proof is older than asked, and not before there was anything to prove', () => {
    const at = (runs: ProofRun[], firstBackupAt: string | null = daysAgo(30), everySeconds: number | null = 604_800) =>
      drillConcern({ everySeconds, runs, firstBackupAt, listed: ['bk_1'] }, NOW_MS);
    expect(at([])).toBe('no backup was ever proven by a restore (backups.drill: every 7d)');
    expect(at([], daysAgo(3))).toBeNull();
    expect(at([], null)).toBeNull();
    expect(at([run(6)])).toBeNull();
    expect(at([run(8)])).toBe('no backup was proven by a restore since 2026-11-13 12:00:00Z (backups.drill: every 7d)');
    expect(at([run(8)], daysAgo(30), null)).toBeNull();
    expect(at([run(3), run(1, ['fail'])])).toBe('the last proof by a restore failed: bk_1: store0: torn');
    expect(at([run(1, ['fail']), run(0)])).toBeNull();
    expect(at([run(3), run(1, ['fail'], { isComplete: false })])).toBeNull();
  });

  test('that found the newest backup damaged is not forgotten when the next one is good', () => {
    const concern = (runs: ProofRun[], listed = ['bk_old', 'bk_new']) =>
      drillConcern({ everySeconds: 604_800, runs, firstBackupAt: daysAgo(30), listed }, NOW_MS);
    const newest = run(0.2, ['fail'], { backup: 'bk_new' });
    const older = run(0.1, ['pass'], { backup: 'bk_old' });
    expect(concern([newest, older])).toBe('the last proof by a restore failed: bk_new: store0: torn');
    expect(concern([newest, older, run(0, ['pass'], { backup: 'bk_new' })])).toBeNull();
    expect(concern([newest, older], ['bk_old'])).toBeNull();
    const unseen = run(0, ['could-not-measure'], { backup: 'bk_old' });
    expect(concern([newest, unseen])).toBe('the last proof by a restore failed: bk_new: store0: torn (and 1 more)');
    expect(concern([unseen])).toBe('the last proof by a restore could not be made: bk_old: store0: torn');
  });
});
