import { expect, it } from 'vitest';
import { withoutNotation } from './schema-lines.ts';

it.each([
  [
    "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
    "((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))",
  ],
  ['(a > (5)::numeric(10,2))', '(a > 5)'],
  ["'2020-01-01 00:00:00'::timestamp without time zone", "'2020-01-01 00:00:00'"],
  ['\'x\'::public."My Type"', "'x'"],
])('reads %s and %s, which PostgreSQL writes for one expression, as the same', (before, after) => {
  expect(withoutNotation(before)).toBe(withoutNotation(after));
});

it('tells different expressions apart', () => {
  expect(withoutNotation('(a > 5)')).not.toBe(withoutNotation('(a > 6)'));
  expect(withoutNotation("a = 'x'::text")).not.toBe(withoutNotation("b = 'x'::text"));
});
