import { expect, test } from 'vitest';
import { isFinal, mayFollow, RELEASE_STATES } from './release-state.ts';

test('nothing follows an end, and every other state can reach one', () => {
  for (const from of RELEASE_STATES) {
    const next = RELEASE_STATES.filter((to) => to !== from && mayFollow(from, to));
    expect(next.length === 0).toBe(isFinal(from));
  }
  const reached = new Set<string>(RELEASE_STATES.filter(isFinal));
  for (let turn = 0; turn < RELEASE_STATES.length; turn += 1) {
    for (const from of RELEASE_STATES)
      if (RELEASE_STATES.some((to) => reached.has(to) && mayFollow(from, to))) reached.add(from);
  }
  expect([...reached].toSorted()).toEqual([...RELEASE_STATES].toSorted());
});

test('a release that was rolled back never becomes stable', () => {
  expect(mayFollow('rolling-back', 'stable')).toBe(false);
  expect(mayFollow('rolling-back', 'running')).toBe(false);
});
