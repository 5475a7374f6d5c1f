import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { isSecretName } from '../release/secret-name.ts';
import { referencePage } from './reference-page.ts';
import { BUILT_IN_NAMES } from './rules-of-secrets.ts';

const page = referencePage(sampleKinds);

test('each key has a line with its type, default, meaning and example', () => {
  expect(page).toContain(
    '| `drain` | duration | `30s` | Limit of waiting for open requests before an old version is cut off. |  |',
  );
  expect(page).toContain(
    '| `for` | duration | *required* | How long the new version is watched before it counts as stable. | `10m` |',
  );
  expect(page).toContain('| `keep-old` | `until-stable`, `until-verified` | `until-stable` |');
});

test('every name that shipway itself gives a value is named', () => {
  for (const name of BUILT_IN_NAMES) expect(page).toContain(`\`$${name}\``);
});

test('the examples of secret and public variables need the lists they are examples of', () => {
  const example = (key: string): string =>
    new RegExp(`^\\| \`${key}\` .*\`\\[ (\\w+) \\]\` \\|$`, 'm').exec(page)?.[1] ?? '';
  expect(example('secret')).toMatch(/^\w+$/);
  expect(isSecretName(example('secret'))).toBe(false);
  expect(isSecretName(example('public'))).toBe(true);
});

test('the settings of every adapter have a section', () => {
  for (const path of ['target.process.components.<name>', 'target.command', 'router.builtin', 'migrate.command']) {
    expect(page).toContain(`\n## \`environments.<name>.${path}\`\n`);
  }
  expect(page).toContain('\n## `stores.<name>.sqlite`\n');
});

test('every table is whole and no section is there twice with the same keys', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  expect(rows.filter((row) => row.replaceAll('\\|', '').split('|').length !== 7)).toEqual([]);
  const sections = page.split('\n## ').slice(1);
  expect(new Set(sections).size).toBe(sections.length);
});
