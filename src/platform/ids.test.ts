import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomId } from './ids.ts';

describe('randomId', () => {
  it('has one character for 5 bits, in lower-case base32', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (bytes) => {
        expect(randomId(bytes)).toMatch(new RegExp(`^[a-z2-7]{${Math.ceil((bytes * 8) / 5)}}$`));
      }),
    );
    expect(randomId()).toHaveLength(10);
  });

  it('does not repeat and uses every character in every place', () => {
    const ids = Array.from({ length: 20_000 }, () => randomId(5));
    expect(new Set(ids).size).toBe(ids.length);
    for (let at = 0; at < 8; at++) expect(new Set(ids.map((id) => id[at])).size).toBe(32);
  });
});
