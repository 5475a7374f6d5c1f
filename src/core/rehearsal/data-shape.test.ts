import { expect, test } from 'vitest';
import { countSentence, partName, partsBeyond } from './data-shape.ts';

const OLD = { orders: ['id', 'body'], gone: ['id'] };

test('what only the larger shape has is a whole new table, or the new columns of one that both have', () => {
  expect(partsBeyond(OLD, { orders: ['id', 'note', 'body'], tags: ['id', 'name'] })).toEqual([
    { table: 'orders', column: 'note' },
    { table: 'tags', column: null },
  ]);
  expect(partsBeyond(OLD, OLD)).toEqual([]);
});

test('a part is named with its table, and counted in rows or values', () => {
  expect(partName({ table: 'public.tags', column: null })).toBe('table public.tags');
  expect(countSentence({ table: 'public.tags', column: null, count: 1 })).toBe('table public.tags: 1 row');
  expect(countSentence({ table: 'orders', column: 'note', count: 0 })).toBe('column orders.note: 0 values');
});
