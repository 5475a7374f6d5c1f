import { expect, test } from 'vitest';
import { createLockTally, lockedOutBy } from './lock-tally.ts';

const held = (table: string, mode: string) => ({ table, mode, granted: true });

test('the time of a lock is from the first to the last look that saw it without a break', () => {
  const tally = createLockTally();
  tally.look(0, []);
  tally.look(5, [held('orders', 'AccessExclusiveLock')]);
  tally.look(25, [held('orders', 'AccessExclusiveLock')]);
  tally.look(30, []);
  tally.look(40, [held('orders', 'AccessExclusiveLock')]);
  tally.look(45, [held('orders', 'AccessExclusiveLock')]);
  expect(tally.report()).toEqual({
    locks: [{ table: 'orders', mode: 'AccessExclusiveLock', lockedOut: 'everybody', longestMs: 20 }],
    waited: null,
    stall: null,
    looks: 6,
  });
});

test('of each table the strongest mode is told; what keeps nobody waiting is not', () => {
  const tally = createLockTally();
  tally.look(0, [held('orders', 'ShareLock'), held('users', 'RowExclusiveLock')]);
  tally.look(10, [held('orders', 'ShareLock'), held('orders', 'AccessExclusiveLock')]);
  expect(tally.report().locks).toMatchObject([{ table: 'orders', mode: 'AccessExclusiveLock', longestMs: 0 }]);
});

test('what the migration waited for the longest is told, and the longest stall of others is kept', () => {
  const waits = (table: string) => ({ table, mode: 'AccessExclusiveLock', granted: false });
  const tally = createLockTally();
  tally.look(0, [waits('orders'), waits('users')]);
  tally.look(5, [waits('orders')]);
  tally.look(10, []);
  tally.stalled('orders', 12);
  tally.stalled('users', 30);
  tally.stalled('orders', 20);
  expect(tally.report()).toEqual({
    locks: [],
    waited: { table: 'orders', mode: 'AccessExclusiveLock', ms: 5 },
    stall: { table: 'users', ms: 30 },
    looks: 3,
  });
});

test.each([
  ['AccessShareLock', 'nobody'],
  ['RowExclusiveLock', 'nobody'],
  ['ShareUpdateExclusiveLock', 'nobody'],
  ['ShareLock', 'writers'],
  ['ExclusiveLock', 'writers'],
  ['AccessExclusiveLock', 'everybody'],
  ['SomeLockOfTomorrow', 'everybody'],
])('%s keeps %s waiting', (mode, who) => {
  expect(lockedOutBy(mode)).toBe(who);
});
