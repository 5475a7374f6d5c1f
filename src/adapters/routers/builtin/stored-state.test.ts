import { describe, expect, test } from 'vitest';
import type { Slot } from '../router.ts';
import { createSlotTable } from './slot-table.ts';
import { compareStates, mistakeIn, parseStoredState } from './stored-state.ts';

const slot = (id: string, weight: number, more: Partial<Slot> = {}): Slot => ({
  id,
  release: 'r',
  version: '1',
  host: '127.0.0.1',
  port: 8000,
  weight,
  ...more,
});

describe('a wanted state', () => {
  test.each([
    [1, [slot('a', 100)]],
    [9, []],
    [2, [slot('a', 33.33), slot('b', 66.67)]],
    [2, [slot('a', 0, { host: '::1' }), slot('b', 100, { host: 'api.internal' })]],
  ])('of generation %i is right', (generation, slots) => {
    expect(mistakeIn({ generation, slots })).toBeNull();
  });

  test.each([
    ['generation is not a whole number from 1', { generation: 0, slots: [] }],
    ['weights add up to 90, not to 100', { generation: 1, slots: [slot('a', 90)] }],
    ['slot a: weight is not 0 to 100', { generation: 1, slots: [slot('a', Number.NaN)] }],
    ['slot a: host is neither an address nor a name', { generation: 1, slots: [slot('a', 100, { host: 'a b' })] }],
    ['slot a\r\nx: id is not 1 to 200 visible ASCII characters', { generation: 1, slots: [slot('a\r\nx', 100)] }],
  ])('is wrong: %s', (mistake, state) => {
    expect(mistakeIn(state)).toBe(mistake);
  });

  test.each([
    ['newer', 6, [slot('b', 100)]],
    ['same', 5, [slot('b', 0), slot('a', 100)]],
    ['conflict', 5, [slot('a', 0), slot('b', 100)]],
    ['conflict', 5, [slot('a', 100)]],
    ['older', 4, [slot('a', 100), slot('b', 0)]],
  ])('is %s', (relation, generation, slots) => {
    expect(compareStates({ generation: 5, slots: [slot('a', 100), slot('b', 0)] }, { generation, slots })).toBe(
      relation,
    );
  });
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '{"generation":1,"slots":[]}',
  '{"generation":1,"slots":[{}],"probeKey":"kkkkkkkkkkkkkkkkkkkk"}',
])('the stored text %j is no state', (text) => {
  expect(parseStoredState(text)).toBeNull();
});

describe('the choice of a slot', () => {
  const tableOf = (...slots: Slot[]) => {
    const table = createSlotTable();
    table.apply({ generation: 1, slots, probeKey: 'k' });
    return table;
  };

  test('gives each slot its share of the range', () => {
    const table = tableOf(slot('a', 10), slot('off', 0), slot('b', 90));
    const chosen = [0, 0.05, 0.0999, 0.1, 0.5, 0.9999].map((share) => table.choose(() => share, null)?.slot.id);
    expect(chosen).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
  });

  test('never takes the excepted slot, and never one without weight', () => {
    const table = tableOf(slot('a', 100), slot('warm', 0));
    expect(table.choose(Math.random, table.choose(Math.random, null))).toBeNull();
  });

  test('counts a slot that moved to another port under one name', () => {
    const table = tableOf(slot('a', 100));
    const entry = table.choose(Math.random, null);
    const exchange = { cut: () => undefined, place: -1 };
    if (entry) table.begin(entry, exchange);
    table.apply({ generation: 2, slots: [slot('a', 100, { port: 8001 })], probeKey: 'k' });
    expect([table.inFlight(), table.choose(Math.random, null)?.target.port]).toEqual([{ a: 1 }, 8001]);
    if (entry) table.end(entry, exchange);
    expect(table.inFlight()).toEqual({ a: 0 });
  });
});
