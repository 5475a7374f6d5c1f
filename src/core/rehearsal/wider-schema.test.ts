import { expect, test } from 'vitest';
import { isWider } from './wider-schema.ts';

const column = (type: string, more = 'null f identity '): string => `column public.orders.note type ${type} ${more}`;
const check = (valid: string, rule: string): string =>
  `constraint known of public.orders kind c valid ${valid} deferrable f f as ${rule}`;
const labels = (list: string): string => `type public.mood kind e owner shop rights base - null t labels {${list}}`;

test.each([
  ['a longer text', column('character varying(50)'), column('character varying(200)')],
  ['a number with more digits', column('numeric(8,2)'), column('numeric(12,2)')],
  ['a constraint that was validated', check('f', 'CHECKaISNOTNULLNOTVALID'), check('t', 'CHECKaISNOTNULL')],
  ['a constraint that is no longer validated', check('t', 'CHECKaISNOTNULL'), check('f', 'CHECKaISNOTNULLNOTVALID')],
  ['a value more', labels('"good","bad"'), labels('"good","so","bad","none"')],
])('%s takes all that was taken before', (_, before, now) => {
  expect(isWider(before, now)).toBe(true);
});

test.each([
  ['a shorter text', column('character varying(200)'), column('character varying(50)')],
  ['another scale', column('numeric(12,2)'), column('numeric(12,4)')],
  [
    'a longer text that may be NULL now',
    column('character varying(50)'),
    column('character varying(90)', 'null t identity '),
  ],
  ['another rule', check('t', 'CHECKa>0'), check('t', 'CHECKa>1')],
  ['a value less', labels('"good","bad"'), labels('"good"')],
  ['values in another order', labels('"good","bad"'), labels('"bad","good"')],
  ['another table', 'table public.a kind r', 'table public.a kind p'],
])('%s does not', (_, before, now) => {
  expect(isWider(before, now)).toBe(false);
});
