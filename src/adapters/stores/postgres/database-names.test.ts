import { describe, expect, it } from 'vitest';
import { isStagedFor, namesFor, namesFrom, nameOfProof, tagOfKept, tagOfStaged } from './database-names.ts';

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

describe('databases whose long names begin alike', () => {
  const [one, other] = [
    'customer_orders_of_the_first_half_of_a_long_year_1',
    'customer_orders_of_the_first_half_of_a_long_year_2',
  ];
  const all = [one, other, namesFor(one, TAG).staged, namesFor(one, TAG).kept];

  it('never see what restores of the other have made', () => {
    const { staged, kept } = namesFor(one, TAG);
    expect(tagOfStaged(staged, one, all)).toMatch(/^20261121T024843Z_[0-9a-f]{10}$/);
    expect(tagOfKept(kept, one, all)).toMatch(/^20261121T024843Z_[0-9a-f]{10}$/);
    expect([tagOfStaged(staged, other, all), tagOfKept(kept, other, all)]).toEqual([null, null]);
    expect([isStagedFor(staged, one, TAG), isStagedFor(staged, other, TAG)]).toEqual([true, false]);
    expect(() => namesFrom(staged, other)).toThrow('not a database of a restore');
    expect(nameOfProof(one, 'abc')).toBe(`${one}__proof_abc`);
    expect(nameOfProof(`${one}${one}`, 'abc')).not.toBe(nameOfProof(`${one}${other}`, 'abc'));
  });

  it('still find what was made before the names had a digest of the whole name, where it is surely theirs', () => {
    const id = /(\d{8}T\d{6}Z_[0-9a-f]{10})$/.exec(namesFor(one, TAG).staged)?.[1] ?? '';
    const front = one.slice(0, 63 - '__replaced_'.length - id.length);
    const [staged, kept] = [`${front}__restore_${id}`, `${front}__replaced_${id}`];
    expect(staged).not.toBe(namesFor(one, TAG).staged);
    expect(namesFrom(staged, one)).toEqual({ live: one, staged, kept });
    // Alone on its server, nobody else can have made it; beside one that begins alike, only the digest of the tag tells.
    expect([tagOfStaged(staged, one, [one, staged]), tagOfKept(kept, one, [one, kept])]).toEqual([id, id]);
    expect([tagOfStaged(staged, one, all), tagOfKept(kept, one, all)]).toEqual([null, null]);
    expect([isStagedFor(staged, one, TAG), isStagedFor(staged, other, TAG)]).toEqual([true, false]);
  });
});
