import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { describeConfigProblem } from './config-problem.ts';
import { parseReleaseFile, parseReleaseObject } from './parse-release-file.ts';

const EXAMPLE = readFileSync(new URL('../../../test/fixtures/config/example.yaml', import.meta.url), 'utf8');
const RUNS = 300; // about 5 s on one core

const fragment = fc.oneof(
  fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ':',
    ': ',
    '- ',
    '\n',
    '\t',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!t ',
    '|\n',
    '> ',
    '%',
    '\0',
    '<<: *a',
    '~',
    '1.10',
  ),
  fc.constantFrom(
    '30',
    '.nan',
    'true',
    '__proto__: 1',
    '$SESSION_KEY',
    '\uD800',
    '\r',
    '---\n',
    '...\n',
    '? ',
    '\uFEFF',
    '0x10',
    '{{x}}',
    '1e999',
  ),
  fc.string({ maxLength: 5 }),
);

/** Cuts a piece out of the example and puts something else there, up to four times. */
const mutated = fc
  .array(fc.record({ at: fc.nat(EXAMPLE.length), cut: fc.oneof(fc.constant(0), fc.nat(40)), put: fragment }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((changes) =>
    changes.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), EXAMPLE),
  );

function expectUsable(text: string, result: ReturnType<typeof parseReleaseFile>): void {
  if ('config' in result) return;
  const lines = text.split(/\r\n|\n|\r/);
  expect(result.problems.length).toBeGreaterThan(0);
  for (const problem of result.problems) {
    expect(problem.line).toBeGreaterThanOrEqual(1);
    expect(problem.line).toBeLessThanOrEqual(lines.length);
    expect(problem.column).toBeGreaterThanOrEqual(1);
    expect(problem.column).toBeLessThanOrEqual(text.length + 1);
    expect(problem.message).not.toBe('');
    expect(problem.fix).toMatch(/[.?]$/);
    expect(describeConfigProblem(problem)).not.toMatch(/undefined|\[object|Invalid input/);
  }
}

test('a mutated example is read, or refused with places inside the file; it never throws', () => {
  fc.assert(
    fc.property(mutated, (text) => expectUsable(text, parseReleaseFile(text, 'shipway.yaml', sampleKinds))),
    { numRuns: RUNS },
  );
});

test('any text is read or refused; it never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) =>
      expectUsable(text, parseReleaseFile(text, 'shipway.yaml', sampleKinds)),
    ),
    { numRuns: RUNS },
  );
});

test('any value in the place of any key of the example is read or refused with a path; it never throws', () => {
  const example: unknown = parse(EXAMPLE);
  fc.assert(
    fc.property(fc.nat(250), fc.jsonValue({ maxDepth: 2 }), (position, value) => {
      const result = parseReleaseObject(replaceAt(example, position, value), 'shipway.config.ts', sampleKinds);
      if ('config' in result) return;
      expect(result.problems.length).toBeGreaterThan(0);
      for (const problem of result.problems)
        expect(describeConfigProblem(problem)).not.toMatch(/undefined|Invalid input/);
    }),
    { numRuns: RUNS },
  );
});

function replaceAt(value: unknown, position: number, replacement: unknown): unknown {
  let left = position;
  const copy = (one: unknown): unknown => {
    if (left-- === 0) return replacement;
    if (Array.isArray(one)) return one.map(copy);
    if (one === null || typeof one !== 'object') return one;
    return Object.fromEntries(Object.entries(one).map(([key, child]) => [key, copy(child)]));
  };
  return copy(value);
}
