import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeConfigProblem } from '../../src/core/config/config-problem.ts';
import { jsonSchema } from '../../src/core/config/json-schema.ts';
import { parseReleaseFile } from '../../src/core/config/parse-release-file.ts';
import { referencePage } from '../../src/core/config/reference-page.ts';
import { kinds } from '../../src/wiring/adapters.ts';

const FILES = ['test/fixtures/config/example.yaml', 'examples/demo/shipway.yaml'];

function textOf(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}

test.each(FILES)('%s is read with the adapters that exist', (file) => {
  const result = parseReleaseFile(textOf(file), file, kinds);
  expect('problems' in result ? result.problems.map(describeConfigProblem) : []).toEqual([]);
});

test.each(FILES)('an editor with the schema of the adapters that exist accepts %s', (file) => {
  const schema = z.fromJSONSchema(jsonSchema(kinds) as Parameters<typeof z.fromJSONSchema>[0]);
  expect(schema.safeParse(parse(textOf(file))).error?.issues ?? []).toEqual([]);
});

test('what the checks of a file were checked to is accepted by the checks again', () => {
  const result = parseReleaseFile(textOf(FILES[0]!), 'shipway.yaml', kinds);
  const production = 'config' in result ? result.config.environments['production'] : undefined;
  const checks = [...(production?.checklist ?? []), ...(production?.verify ?? [])];
  expect(checks).toHaveLength(4);
  for (const { kind, settings } of checks) expect(kinds.checks[kind]?.settings.parse(settings)).toEqual(settings);
});

test('a misspelt setting of an adapter is found at its place', () => {
  const text = textOf(FILES[0]!).replace('start-within: 30s', 'strat-within: 30s');
  const result = parseReleaseFile(text, 'shipway.yaml', kinds);
  expect('problems' in result ? result.problems.map(describeConfigProblem) : []).toEqual([
    'shipway.yaml:27:13 environments.production.target.process.components.api.strat-within: is not a known key. Did you mean "start-within"?',
  ]);
});

test('the reference page has a section for every adapter', () => {
  const page = referencePage(kinds);
  for (const kind of [...Object.keys(kinds.targets), ...Object.keys(kinds.routers), ...Object.keys(kinds.stores)]) {
    expect(page).toMatch(new RegExp(`\n## \`[^\`]*\\.${kind}(\\.[^\`]*)?\`\n`));
  }
});
