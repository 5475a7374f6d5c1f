import { expect, test } from 'vitest';
import type { Json } from '../release/json.ts';
import type { Findings } from './rules.ts';
import { checkArguments } from './rules-of-secrets.ts';

function found(stores: Json): string[] {
  const findings: Findings = { problems: [], warnings: [] };
  checkArguments({ variables: { secret: ['SESSION'] }, stores }, findings);
  return findings.problems.map(({ path }) => path.join('.'));
}

test.each([
  ['duckdb', 'copy-with'],
  ['duckdb', 'stop'],
  ['redis', 'start'],
  ['volume', 'start'],
  ['postgres', 'through'],
  ['command', 'backup'],
  ['command', 'restore'],
  ['command', 'check'],
  ['command', 'fingerprint'],
  ['command', 'size'],
  ['command', 'swap'],
  ['command', 'swap-back'],
  ['command', 'discard'],
])('a secret in the words of %s.%s is refused', (kind, key) => {
  expect(found({ data: { [kind]: { [key]: ['tool', '--key', '$SESSION'] } } })).toEqual([
    `stores.data.${kind}.${key}.2`,
  ]);
});

test('a secret in the environment of a command, in a header or in an address is none in a command line', () => {
  const copyWith = { post: 'http://localhost/$SESSION', headers: { stop: '$SESSION' } };
  expect(found({ data: { duckdb: { 'copy-with': copyWith, env: { start: '$SESSION' } } } })).toEqual([]);
});
