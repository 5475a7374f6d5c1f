import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { describeConfigProblem } from './config-problem.ts';
import { parseReleaseFile } from './parse-release-file.ts';

const TARGET = 'target: { command: { deploy: [./deploy.sh], observe: [./look.sh] } }';

function read(text: string) {
  const result = parseReleaseFile(text, 'shipway.yaml', sampleKinds);
  if ('problems' in result) throw new Error(result.problems.map(describeConfigProblem).join('\n'));
  return result;
}

const migrating = (words: string): string =>
  `service: shop\nenvironments:\n  production:\n    ${TARGET}\n    migrate: { command: { up: [up], down: [down] }${words} }\n`;
const migrate = (words: string) => read(migrating(words)).config.environments['production']?.migrate;

test('errors of the judge refuse a release at the end of the line, and only warn where another environment follows', () => {
  const text = `service: shop
environments:
  staging: { ${TARGET}, migrate: { command: { up: [up], down: [down] } } }
  production: { ${TARGET}, after: staging, migrate: { command: { up: [up], down: [down] } } }
`;
  const { environments } = read(text).config;
  expect(environments['staging']?.migrate?.unsafe).toBe('warn');
  expect(environments['production']?.migrate?.unsafe).toBe('refuse');
  expect(migrate(', unsafe: warn')?.unsafe).toBe('warn');
});

test('rules are allowed by name, each with its reason', () => {
  expect(migrate('')?.allow).toEqual({});
  expect(migrate(', allow: { drop-column: unused since 2.3.0 }')?.allow).toEqual({
    'drop-column': 'unused since 2.3.0',
  });
});

test.each([
  [
    'a rule that does not exist',
    'allow: { drop-colum: why }',
    /drop-colum.*is not a rule[\s\S]*Did you mean "drop-column"\?/,
  ],
  [
    'a rule without a reason',
    "allow: { drop-column: '' }",
    /drop-column.*has no reason[\s\S]*Say why the rule does not hold here/,
  ],
  ['a list without reasons', 'allow: [drop-column]', /allow/],
  ['a contract of an unknown kind', 'contract: { comand: { up: [up] } }', /comand.*is not a known kind of migration/],
])('%s is refused with what to write', (_, words, message) => {
  expect(() => migrate(`, ${words}`)).toThrow(message);
});

test('what contracts is a migration of its own, with settings of its own', () => {
  expect(migrate('')?.contract).toBeNull();
  expect(migrate(', contract: { command: { up: [contract] } }')?.contract).toEqual({
    kind: 'command',
    settings: expect.objectContaining({ up: ['contract'] }),
    locks: { lockTimeoutMs: 'safe', retrySeconds: 60, statementTimeoutMs: null },
  });
});

test.each([
  ['', { lockTimeoutMs: 'safe', retrySeconds: 60, statementTimeoutMs: null }],
  [
    ', lock-timeout: 500ms, retry-for: 2m, statement-timeout: 15s',
    { lockTimeoutMs: 500, retrySeconds: 120, statementTimeoutMs: 15_000 },
  ],
  [', lock-timeout: none, retry-for: 0s', { lockTimeoutMs: 'none', retrySeconds: 0, statementTimeoutMs: null }],
])('how it waits for locks is read from "%s", for the contract too', (words, expected) => {
  expect(migrate(words)?.locks).toEqual(expected);
  expect(migrate(`${words}, contract: { command: { up: [contract] } }`)?.contract?.locks).toEqual(expected);
});

test.each(['lock-timeout: 0s', 'lock-timeout: soon', 'statement-timeout: 0s'])('%s is refused', (words) => {
  expect(() => migrate(`, ${words}`)).toThrow(/timeout/);
});

test('keys beside the kind are not taken for a kind when the way down is looked for', () => {
  const text = migrating(', contract: { command: { up: [contract] } }, unsafe: warn, allow: { drop-column: why }');
  expect(read(text).warnings.map(describeConfigProblem).join('\n')).not.toContain('has no way down');
});
