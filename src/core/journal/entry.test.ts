import { expect, test } from 'vitest';
import type { Json } from '../release/json.ts';
import { entryText, parseEntry, splitEntry } from './entry.ts';
import type { JournalEntry } from './entry.ts';

function entryWith(data: unknown): JournalEntry {
  return {
    index: 7,
    at: '2026-11-21T01:02:03.123456Z',
    type: 'step.observed',
    release: null,
    service: 'shop',
    environment: 'production',
    actor: { kind: 'system', id: 'test' },
    data: data as { [key: string]: Json },
  };
}

test('an entry has one canonical form, with names sorted and every digit of the time kept', () => {
  expect(entryText(entryWith({ b: 1.0, a: [true, null, 'é\u0000"'], '€': 1e21 }))).toBe(
    '{"actor":{"id":"test","kind":"system"},"at":"2026-11-21T01:02:03.123456Z","data":{"a":[true,null,"é\\u0000\\""],"b":1,"€":1e+21},' +
      '"environment":"production","index":7,"release":null,"service":"shop","type":"step.observed"}',
  );
});

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

test.each([
  ['a half surrogate pair', { text: 'cut \ud83d' }, /entry\.data\.text holds half a surrogate pair/],
  ['a half surrogate pair in a name', { '\udc00': 1 }, /a name in entry\.data holds half/],
  ['NaN', { number: Number.NaN }, /entry\.data\.number is NaN/],
  ['an infinity', { number: -Infinity }, /is -Infinity/],
  ['undefined', { list: [undefined] }, /entry\.data\.list\.0 is undefined/],
  ['a date', { at: new Date(0) }, /not a plain object/],
  ['a bigint', { n: 1n }, /is bigint/],
  ['a cycle', cycle, /deeper than 32/],
  ['data that is a list', [], /data is not an object/],
])('%s has no canonical form and is refused', (_, data, message) => {
  expect(() => entryText(entryWith(data))).toThrow(message);
});

test.each([
  ['a time with an offset', { at: '2026-11-21T01:02:03+01:00' }],
  ['number 0', { index: 0 }],
  ['a further field', { note: 'x' }],
])('%s is refused in the frame of an entry', (_, change) => {
  expect(() => entryText({ ...entryWith({}), ...change } as JournalEntry)).toThrow(/not a journal entry/);
});

test('what was written reads back as the same entry, and anything else as none', () => {
  const text = entryText(entryWith({ a: 1, z: '😀' }));
  expect(parseEntry(text)).toEqual(entryWith({ a: 1, z: '😀' }));
  expect(parseEntry(`${text} `)).toBeNull();
  expect(parseEntry(text.replace('"a":1', '"a":1,"a":1'))).toBeNull();
  expect(parseEntry(text.replace('"a":1', '"a":1.0'))).toBeNull();
  expect(parseEntry('[]')).toBeNull();
  expect(parseEntry('')).toBeNull();
});

test('an entry in three pieces, joined by time and index, is its canonical text', () => {
  const at = '2026-11-21T02:03:04.567Z';
  for (const data of [
    {},
    { a: 1, z: '😀', at: 'x', index: 7 },
    { 'é"': ['at', { index: 'environment' }] },
  ] as JournalEntry['data'][]) {
    const entry = { ...entryWith(data), at, index: 1234 };
    const [beforeAt, beforeIndex, behind] = splitEntry(entry);
    expect(`${beforeAt}${at}${beforeIndex}1234${behind}`).toBe(entryText(entry));
  }
});
