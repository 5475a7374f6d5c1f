import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseCriterion } from './parse-criterion.ts';

const page = readFileSync('docs/reference/criteria.md', 'utf8');
const accepted = (/```criteria\n([\s\S]*?)```/.exec(page)?.[1] ?? '').trim().split('\n');
const refused = [...page.matchAll(/^\| `([^`|]+)`\s*\|\s*`([^`|]+)`/gm)]
  .map((row) => [row[1] ?? '', row[2] ?? ''])
  .filter(([text]) => / [<>]|more than /.test(text ?? ''));

describe('the reference page of criteria', () => {
  test('has examples of both kinds', () => {
    expect(accepted.length).toBeGreaterThan(10);
    expect(refused.length).toBeGreaterThan(5);
  });

  test.each(accepted)('shows "%s", which is accepted', (text) => {
    expect(parseCriterion(text, 'warn')).toHaveProperty('criterion');
  });

  test.each(refused)('shows "%s", which is refused with the fix "%s"', (text, fix) => {
    expect(parseCriterion(text ?? '', 'warn')).toMatchObject({ error: { fix: expect.stringContaining(fix ?? '') } });
  });
});
