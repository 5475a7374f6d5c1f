import { expect, test } from 'vitest';
import fc from 'fast-check';
import {
  explainArgv,
  explainDuration,
  writeDuration,
  parseByteSize,
  parseDuration,
  parsePercentage,
} from './quantities.ts';

test.each([
  ['30s', 30],
  ['500ms', 0.5],
  ['5m', 300],
  ['2h', 7200],
  ['1h30m', 5400],
  ['1h 30m 5s', 5405],
  ['2 weeks', 1_209_600],
  ['1 day', 86_400],
  ['1.5h', 5400],
  ['10 minutes', 600],
  [' 0s ', 0],
])('the duration %s is %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each([
  '',
  '30',
  's',
  '5 m 3',
  '-5s',
  '1m1h',
  '1m1m',
  '5 bananas',
  '1e3s',
  '∞s',
  '5,5s',
  `${'9'.repeat(400)}s`,
  `${'1s'.repeat(40)}`,
])('the text "%s" is not a duration', (text) => {
  expect(parseDuration(text)).toBeNull();
});

test.each([
  ['256MiB', 268_435_456],
  ['1.5 GB', 1_500_000_000],
  ['100 B', 100],
  ['2kib', 2048],
])('the size %s is %d bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(['', '256', '256 M', '-1MiB', 'MiB', '9999999999TiB', '1 constructor'])(
  'the text "%s" is not a size',
  (text) => {
    expect(parseByteSize(text)).toBeNull();
  },
);

test('a percentage is a fraction without binary noise', () => {
  expect([parsePercentage('5%'), parsePercentage('0.7 %'), parsePercentage('29%')]).toEqual([0.05, 0.007, 0.29]);
  expect([parsePercentage('5'), parsePercentage('-5%'), parsePercentage('%')]).toEqual([null, null, null]);
});

test('a formatted duration is read as the same number of seconds', () => {
  expect([writeDuration(5400), writeDuration(0), writeDuration(0.5)]).toEqual(['1h30m', '0s', '500ms']);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (milliseconds) => {
      expect(parseDuration(writeDuration(milliseconds / 1000))).toBe(milliseconds / 1000);
    }),
  );
});

test('a complaint says what is wrong and, on a second line, what to write', () => {
  expect(explainDuration(30)).toBe('is a number without a unit\nWrite the unit: 30s, 30m or 30h.');
  expect(explainArgv('npm run test')).toBe(
    'is one text, and no shell will split it\nWrite the program and its arguments as a list: [npm, run, test].',
  );
});

test('no text makes a parser throw', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const value of [parseDuration(text), parseByteSize(text), parsePercentage(text)]) {
        expect(value === null || (Number.isFinite(value) && value >= 0)).toBe(true);
      }
    }),
  );
});
