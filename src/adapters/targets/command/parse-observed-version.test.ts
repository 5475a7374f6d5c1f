import { expect, test } from 'vitest';
import { parseObservedVersion } from './parse-observed-version.ts';

test.each([
  ['1.2.3\n', { version: '1.2.3', release: null }],
  ['looking around\n\n1.2.3\r\n\n', { version: '1.2.3', release: null }],
  ['v1.2.3', { version: '1.2.3', release: null }],
  ['vanilla', { version: 'vanilla', release: null }],
  ['1.2.3-rc.1+build.5', { version: '1.2.3-rc.1+build.5', release: null }],
  ['{"version":"v1.2.3"}', { version: '1.2.3', release: null }],
  ['{"version":"1.2.3","release":"r7"}', { version: '1.2.3', release: 'r7' }],
  ['{\n  "version": "1.2.3"\n}\n', { version: '1.2.3', release: null }],
])('%j is read as a version', (output, expected) => {
  expect(parseObservedVersion(output)).toEqual(expected);
});

test.each(['none', 'ready\nnone\n', '{"version":null}', '{"version":"none"}'])(
  '%j means that nothing runs',
  (output) => {
    expect(parseObservedVersion(output)).toBe('none');
  },
);

test.each([
  '',
  '\n \n',
  'Error: connection refused',
  '-1',
  '{"error":"x"}',
  '{"version":7}',
  '{"version":"a b"}',
  '{broken}',
  'x'.repeat(201),
])('%j tells nothing', (output) => {
  expect(parseObservedVersion(output)).toBe('unreadable');
});
