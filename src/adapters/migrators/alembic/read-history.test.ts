import { describe, expect, test } from 'vitest';
import { goalOf, readCurrent, readHistory, splitHistory } from './read-history.ts';

const HISTORY = [
  'connecting to the database -> now',
  'r3, x2 -> r4 (head) (mergepoint), join the branches',
  'x1 -> x2 (expand) (effective head), ',
  'r1 -> x1, other branch, with a comma',
  'r2 -> r3, a note -> and an arrow',
  'r1 -> r2, second',
  '<base> -> r1 (branchpoint), first',
  '',
].join('\n');

describe('what alembic prints', () => {
  test('every revision of the history is read with its parents, and other lines are not', () => {
    expect(readHistory(HISTORY)).toEqual([
      { revision: 'r4', parents: ['r3', 'x2'] },
      { revision: 'x2', parents: ['x1'] },
      { revision: 'x1', parents: ['r1'] },
      { revision: 'r3', parents: ['r2'] },
      { revision: 'r2', parents: ['r1'] },
      { revision: 'r1', parents: [] },
    ]);
  });

  test('the current revisions are read without what is said about them', () => {
    expect(readCurrent('connecting to sqlite:///x\nx2 (effective head)\nr3\n')).toEqual(['r3', 'x2']);
    expect(readCurrent('')).toEqual([]);
  });

  test.each([
    [[], [], ['r1', 'r2', 'r3', 'x1', 'x2', 'r4']],
    [['r2'], ['r1', 'r2'], ['r3', 'x1', 'x2', 'r4']],
    [
      ['r3', 'x1'],
      ['r1', 'r2', 'r3', 'x1'],
      ['x2', 'r4'],
    ],
    [['r4'], ['r1', 'r2', 'r3', 'x1', 'x2', 'r4'], []],
  ])('at %j, %j is applied and %j waits', (current, applied, pending) => {
    expect(splitHistory(readHistory(HISTORY), current)).toEqual({ applied, pending });
  });
});

test.each([
  ['head', 'r2'],
  ['heads', 'r2'],
  ['r1', 'r1'],
  ['expand@head', null],
])('up to %s ends at %s', (to, goal) => {
  const history = readHistory('r1 -> r2 (head), tag\n<base> -> r1, notes\n');
  expect(goalOf(to, history)).toBe(goal);
});
