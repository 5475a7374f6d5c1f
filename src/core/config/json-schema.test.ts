import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import type { Json } from '../release/json.ts';
import { jsonSchema } from './json-schema.ts';

const EXAMPLE: unknown = parse(
  readFileSync(new URL('../../../test/fixtures/config/example.yaml', import.meta.url), 'utf8'),
);
const schema = jsonSchema(sampleKinds);

/** As an editor would: the schema read back by an implementation of JSON Schema. */
function accepts(value: unknown): boolean {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;
}

function changed(path: (string | number)[], value: unknown): unknown {
  const copy = structuredClone(EXAMPLE);
  let parent = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) parent = parent[part] as Record<string | number, unknown>;
  parent[path.at(-1)!] = value;
  return copy;
}

test('an editor accepts the example', () => {
  expect(accepts(EXAMPLE)).toBe(true);
});

test.each([
  [['servce'], 'notes'],
  [['environments', 'production', 'drain'], 30],
  [['environments', 'production', 'keep-old'], 'until-stabel'],
  [['environments', 'production', 'target'], { kubernetes: {} }],
  [['environments', 'production', 'target', 'process', 'components', 'api', 'comand'], ['x']],
  [['environments', 'production', 'verify', 0, 'Health', 'expct'], {}],
  [['environments', 'production', 'watch', 'for'], undefined],
])('an editor refuses a wrong %j', (path, value) => {
  expect(accepts(JSON.parse(JSON.stringify(changed(path, value))))).toBe(false);
});

test('the schema is draft 7, refers to nothing outside itself, and describes every key of our own', () => {
  expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
  expect(JSON.stringify(schema)).not.toContain('$ref');
  const undescribed = keysWithoutDescription(schema, []).filter(
    (path) => !/\.(process|command|builtin|sqlite|files|promql|scrape)\./.test(path),
  );
  expect(undescribed).toEqual([]);
});

function keysWithoutDescription(value: Json, path: string[]): string[] {
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((item) => keysWithoutDescription(item, path));
  const properties = (value['properties'] ?? {}) as { [key: string]: { description?: string } };
  const own = Object.keys(properties)
    .filter((key) => properties[key]?.description === undefined)
    .map((key) => [...path, key].join('.'));
  const below = Object.entries(properties).flatMap(([key, child]) =>
    keysWithoutDescription(child as Json, [...path, key]),
  );
  const others = ['items', 'anyOf', 'additionalProperties'].flatMap((key) =>
    keysWithoutDescription(value[key] ?? null, path),
  );
  return [...own, ...below, ...others];
}
