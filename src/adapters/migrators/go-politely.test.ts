import { describe, expect, test } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import { lockTimeoutOf, type Atomicity, type LockManners } from '../../core/release/lock-manners.ts';
import { problem } from '../../core/release/problem.ts';
import type { Clock } from '../../platform/clock.ts';
import { goPolitely, type PoliteRun } from './go-politely.ts';
import type { SessionLimits } from './session-limits.ts';

const SAFE: LockManners = { lockTimeoutMs: 'safe', retrySeconds: 60, statementTimeoutMs: null };
const ATOMIC: Atomicity = { atomic: true };
const LOOSE: Atomicity = { atomic: false, why: 'it says so' };
const NOT_GIVEN = problem('migration-failed', 'no lock', { where: 'migrate.x.up', next: 'n', retry: true });

/** A tool whose tries end as given, the last one again and again; each takes two seconds. */
function bench(
  ends: ('ok' | Error)[],
  change: { atomicity?: Atomicity | Error; revisions?: string[]; direction?: 'up' | 'down' } = {},
) {
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    sleep: async (ms) => void (nowMs += ms),
    speed: 1,
  };
  const effect = createEffect('/', { clock, token: 'r-1/migrate.up/1' });
  const tries: (SessionLimits | null)[] = [];
  const revisions = [...(change.revisions ?? ['7'])];
  const run: PoliteRun = {
    kind: 'x',
    direction: change.direction ?? 'up',
    revision: async () => (revisions.length > 1 ? revisions.shift() : revisions[0]) ?? null,
    atomicity: async () => {
      if (change.atomicity instanceof Error) throw change.atomicity;
      return change.atomicity ?? ATOMIC;
    },
    go: async (_version: string, _effect: unknown, limits: SessionLimits | null) => {
      tries.push(limits);
      nowMs += 2000;
      const end = ends[tries.length - 1] ?? ends.at(-1);
      if (end instanceof Error) throw end;
    },
  };
  return { run: (manners: LockManners | null) => goPolitely(run, manners, '1.0.0', effect), tries, effect };
}

describe('going up or down with manners', () => {
  test('without manners nothing is set', async () => {
    const { run, tries } = bench(['ok']);
    await run(null);
    expect(tries).toEqual([null]);
  });

  test('a run that leaves nothing when it fails waits 200 ms for a lock, and again until it is given', async () => {
    const { run, tries, effect } = bench([NOT_GIVEN, NOT_GIVEN, 'ok']);
    await run(SAFE);
    expect(tries).toHaveLength(3);
    expect(tries[0]).toEqual({
      lockTimeoutMs: 200,
      statementTimeoutMs: null,
      applicationName: 'shipway/r-1/migrate.up/1',
    });
    expect(effect.lines[0]).toBe(
      'migrate up: a lock was not given within 200 ms, and nothing was changed; tries again for 58 s',
    );
  });

  test('it ends after the time for it, with the number of tries', async () => {
    const { run, tries } = bench([NOT_GIVEN]);
    await expect(run(SAFE)).rejects.toMatchObject({
      message: expect.stringMatching(
        /^no lock\na lock was not given in time; it was tried \d+ times in 60 s; every try left the data as it was$/,
      ),
      where: 'migrate.x.up',
      retry: false,
    });
    expect(tries.length).toBeGreaterThan(15);
    expect(tries.length).toBeLessThan(31);
  });

  test('another failure is not tried again', async () => {
    const fault = problem('migration-failed', 'no such table', { next: 'n' });
    const { run, tries } = bench([fault]);
    await expect(run(SAFE)).rejects.toBe(fault);
    expect(tries).toHaveLength(1);
  });

  test('where a try may leave something behind no limit is set, and one that is asked for is tried once', async () => {
    const free = bench(['ok'], { atomicity: LOOSE });
    await free.run(SAFE);
    expect(free.tries[0]?.lockTimeoutMs).toBeNull();
    const bound = bench([NOT_GIVEN], { atomicity: LOOSE });
    await expect(bound.run({ ...SAFE, lockTimeoutMs: 500 })).rejects.toMatchObject({
      message: expect.stringContaining('it is not known that a try leaves nothing behind (it says so)'),
    });
    expect(bound.tries).toMatchObject([{ lockTimeoutMs: 500 }]);
  });

  test('a try that moved the revision is not repeated', async () => {
    const { run, tries } = bench([NOT_GIVEN], { revisions: ['7', '8'] });
    await expect(run(SAFE)).rejects.toMatchObject({
      message: expect.stringContaining('the try went from 7 to 8 before it failed'),
    });
    expect(tries).toHaveLength(1);
  });

  test('on the way down a try that took whole migrations back is gone on with, and the end says how far it came', async () => {
    const down = { direction: 'down', revisions: ['9', '8'] } as const;
    const went = bench([NOT_GIVEN, 'ok'], { ...down, revisions: [...down.revisions] });
    await went.run(SAFE);
    expect(went.tries).toHaveLength(2);
    expect(went.effect.lines[0]).toBe(
      'migrate down: a lock was not given within 200 ms, and it went from 9 to 8; tries again for 898 s',
    );
    const never = bench([NOT_GIVEN], { ...down, revisions: [...down.revisions] });
    await expect(never.run(SAFE)).rejects.toMatchObject({
      message: expect.stringMatching(/tried \d+ times in 900 s; it went from 9 to 8$/),
      next: expect.stringContaining('then try the way back again'),
    });
  });

  test('a tool that cannot tell whether a try leaves something behind is no reason not to go: without a limit', async () => {
    const fault = problem('migration-failed', 'alembic prints no SQL\nmore', { next: 'n' });
    const unknown = bench(['ok'], { atomicity: fault });
    await unknown.run(SAFE);
    expect(unknown.tries).toMatchObject([{ lockTimeoutMs: null }]);
    const bound = bench([NOT_GIVEN], { atomicity: fault });
    await expect(bound.run({ ...SAFE, lockTimeoutMs: 500 })).rejects.toMatchObject({
      message: expect.stringContaining('leaves nothing behind (it could not be found out: alembic prints no SQL)'),
    });
  });

  test('no limit at all asks for nothing', async () => {
    const { run, tries } = bench(['ok'], { atomicity: LOOSE });
    await run({ ...SAFE, lockTimeoutMs: 'none', statementTimeoutMs: 9 });
    expect(tries).toMatchObject([{ lockTimeoutMs: null, statementTimeoutMs: 9 }]);
  });
});

test.each([
  ['safe', ATOMIC, 200],
  ['safe', LOOSE, null],
  ['safe', null, null],
  ['none', ATOMIC, null],
  [50, LOOSE, 50],
] as const)('the limit of %s with %j is %s', (lockTimeoutMs, atomicity, expected) => {
  expect(lockTimeoutOf({ ...SAFE, lockTimeoutMs }, atomicity)).toBe(expected);
});
