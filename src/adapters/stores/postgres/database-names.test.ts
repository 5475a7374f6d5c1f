import { describe, expect, it } from 'vitest';
import { namesFor, namesFrom } from './database-names.ts';

const TAG = 'bk_20261121T024843Z_shop_production_pre-release_abc234';

describe('the names of a restore', () => {
  it('hold the name and the tag as they are while they fit', () => {
    expect(namesFor('app', 'bk_1')).toEqual({
      live: 'app',
      staged: 'app__restore_bk_1',
      kept: 'app__replaced_bk_1',
    });
  });

  it('keep the time of a backup when the tag is too long', () => {
    expect(namesFor('app', TAG).staged).toMatch(/^app__restore_20261121T024843Z_[0-9a-f]{10}$/);
  });

  it.each(['a'.repeat(63), 'ü'.repeat(31), 'short'])(
    'never exceed 63 bytes, beyond which PostgreSQL cuts: %s',
    (live) => {
      const { staged, kept } = namesFor(live, TAG);
      for (const name of [staged, kept]) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(staged).not.toContain('\uFFFD');
    },
  );

  it('differ for databases and tags that are cut to the same front', () => {
    const [one, other] = [`${'a'.repeat(60)}1`, `${'a'.repeat(60)}2`];
    expect(namesFor(one, TAG).kept).not.toBe(namesFor(other, TAG).kept);
    expect(namesFor(one, TAG).kept).not.toBe(namesFor(one, `${TAG}-2`).kept);
  });

  it.each(['app', 'a'.repeat(63), 'with "quotes"'])('are found again from either of the two: %s', (live) => {
    const names = namesFor(live, TAG);
    expect(namesFrom(names.staged, live)).toEqual(names);
    expect(namesFrom(names.kept, live)).toEqual(names);
  });

  it.each(['app', 'other__restore_bk_1', 'postgres', 'app__restore_bk"1'])(
    'are not read from another database: %s',
    (name) => {
      expect(() => namesFrom(name, 'app')).toThrow('not a database of a restore');
    },
  );
});
