import { expect, test } from 'vitest';
import { formatDuration } from './format-duration.ts';
import { buildPlan } from './build-plan.ts';
import { parseVersion } from './parse-version.ts';
import { configWith, factsWith, request } from './plan-fixture.suite.ts';
import { commandText, renderPlan } from './render-plan.ts';

test('the plan shows phases, commands, undo, reversibility and limits', () => {
  const lines = renderPlan(
    buildPlan(configWith({ checklist: [], approval: null, watch: null }), request, factsWith(), 'sha256:c'),
    'sha256:abc',
  );
  expect(lines.slice(0, 13)).toEqual([
    'release shop 1.1.0 -> production   type regular   live now: 1.0.0 (r-0002)',
    'plan sha256:abc',
    '',
    '  lock      lock service and environment until the end',
    '            nothing to undo, at most 30s, on failure: stop',
    '  backup    back up database and verify the copy',
    '            nothing to undo, at most 1h, on failure: stop',
    '  migrate   migrate up',
    '            $ up',
    '            way back: down with the files of this version, while the service refuses work; lost is what only the new schema has a place for',
    "            undo: migrate down to 7 with the newer version's files",
    '                  $ down',
    '            reversible until first write, at most 30m, on failure: roll-back',
  ]);
});

test.each([
  [['node', 'x.mjs', 'a b'], "node x.mjs 'a b'"],
  [['sh', '-c', "echo 'hi'"], "sh -c 'echo '\\''hi'\\'''"],
  [['GET http://x expects 200'], 'GET http://x expects 200'],
])('%j can be pasted', (argv, text) => {
  expect(commandText(argv)).toBe(text);
});

test.each([
  [0.04, '0s'],
  [0.44, '0.4s'],
  [59.6, '1m'],
  [370, '6m10s'],
  [7200, '2h'],
  [7 * 86_400, '7d'],
  [90_061, '1d1h'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each(['1.2.3', 'v1.2.3', '1.0.0-rc.1', '1.0.0+build.5'])('%s is a version', (text) => {
  expect(parseVersion(text)).toBe(text.replace(/^v/, ''));
});

test.each(['', '1', '1.2', '01.2.3', '1.2.3-', '1.2.3 ', 'latest', '../etc'])('"%s" is not', (text) => {
  expect(() => parseVersion(text)).toThrow('is not a version');
});
