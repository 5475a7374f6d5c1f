import { describe, expect, test } from 'vitest';
import { countFindings, judgeMigration } from './judge-migration.ts';
import { NOTHING_KNOWN, type Migration, type MigrationFacts } from './migration.ts';
import { readFacts } from './read-facts.ts';
import { readScript, shownStatement } from './read-script.ts';
import { keepsBytes } from './rules-of-columns.ts';
import type { Deed } from './statement.ts';

const DROP: Deed = { kind: 'drop-column', table: 'users', column: 'nick', repeatable: false };
const INDEX: Deed = {
  kind: 'create-index',
  table: 'users',
  name: 'i',
  columns: [],
  concurrently: false,
  repeatable: false,
};
const TIMEOUT: Deed = { kind: 'set-lock-timeout', milliseconds: 200, local: false };

function migration(deeds: Deed[], change: Partial<Migration> = {}, remarks: string[] = []): Migration {
  const up = deeds.map((deed, index) => ({ line: index + 1, text: deed.kind, remarks, deeds: [deed] }));
  return {
    name: 'm.sql',
    dialect: 'postgresql',
    up,
    down: 'unseen',
    irreversible: null,
    inTransaction: null,
    ...change,
  };
}

function sized(bytes: number): MigrationFacts {
  return { ...NOTHING_KNOWN, tables: { users: { bytes, rows: null, columns: {} } } };
}

describe('judgeMigration', () => {
  test('a finding names rule, severity, statement, line, why and the safe way', () => {
    expect(judgeMigration(migration([TIMEOUT, DROP]), NOTHING_KNOWN)).toEqual([
      {
        rule: 'drop-column',
        severity: 'error',
        name: 'm.sql',
        direction: 'up',
        line: 2,
        statement: 'drop-column',
        why: 'queries of the version that runs fail when users.nick is gone, and its data is gone for good',
        safeWay: expect.stringContaining('ALTER TABLE users DROP COLUMN nick;'),
        allowed: null,
      },
    ]);
  });

  test('what is allowed with a reason stays to be seen and does not count', () => {
    const [finding] = judgeMigration(migration([TIMEOUT, DROP], {}, ['allow drop-column never used']), NOTHING_KNOWN);
    expect(finding?.allowed).toBe('never used');
    expect(countFindings(finding === undefined ? [] : [finding])).toEqual({
      errors: 0,
      warnings: 0,
      notes: 0,
      allowed: 1,
    });
  });

  test.each(['allow drop-column', 'allow drop-table never used', 'allow'])('"%s" allows nothing', (remark) => {
    const [finding] = judgeMigration(migration([TIMEOUT, DROP], {}, [remark]), NOTHING_KNOWN);
    expect(finding?.allowed).toBeNull();
  });

  test.each([
    [10_000_000, ['index-blocks-writes note']],
    [200_000_000, ['index-blocks-writes error']],
    [40_000_000_000, ['index-blocks-writes error', 'long-lock error']],
  ])('a lock on %d bytes is %j', (bytes, expected) => {
    const found = judgeMigration(migration([TIMEOUT, INDEX]), sized(bytes));
    expect(found.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual(expected);
  });

  test('the size stands in the finding, with the time it means', () => {
    const found = judgeMigration(migration([TIMEOUT, INDEX]), sized(40_000_000_000));
    expect(found[1]?.why).toBe(
      'users has 40000 MB: the lock is held for about 100 s, and everybody who needs the table waits',
    );
  });

  test('a missing lock_timeout is said once, before the first statement that needs it', () => {
    const found = judgeMigration(migration([{ kind: 'harmless' }, DROP, DROP]), NOTHING_KNOWN);
    expect(found.filter((one) => one.rule === 'no-lock-timeout').map((one) => one.line)).toEqual([2]);
  });

  test('a lock_timeout set for one transaction ends with it', () => {
    const local: Deed = { kind: 'set-lock-timeout', milliseconds: 200, local: true };
    const added: Deed = { kind: 'drop-not-null', table: 'users', column: 'a' };
    const run = (deeds: Deed[]) => judgeMigration(migration(deeds), NOTHING_KNOWN).map((one) => one.rule);
    expect(run([{ kind: 'begin' }, local, added, { kind: 'commit' }])).toEqual([]);
    expect(run([{ kind: 'begin' }, local, { kind: 'commit' }, added])).toEqual(['no-lock-timeout']);
  });

  test('what could not be judged is a finding, in both directions', () => {
    const opaque: Deed = { kind: 'opaque', why: 'built at run time' };
    const down = [{ line: 9, text: '', remarks: [], deeds: [opaque] }];
    const found = judgeMigration(migration([opaque], { down }), NOTHING_KNOWN);
    expect(found.map(({ rule, direction, severity }) => [rule, direction, severity])).toEqual([
      ['not-judged', 'up', 'error'],
      ['not-judged', 'down', 'error'],
    ]);
  });

  test('a migration that changes nothing needs no way down', () => {
    expect(judgeMigration(migration([{ kind: 'harmless' }], { down: null }), NOTHING_KNOWN)).toEqual([]);
  });

  test('enum values inside a transaction are an error where PostgreSQL refuses them', () => {
    const value: Deed = { kind: 'add-enum-value', type: 'mood', value: 'calm', repeatable: true };
    const facts = { ...NOTHING_KNOWN, engineVersion: 11 };
    const found = judgeMigration(migration([value], { inTransaction: true, irreversible: 'so' }), facts);
    expect(found.map(({ rule, severity }) => [rule, severity])).toEqual([['enum-value-in-transaction', 'error']]);
  });
});

describe('types that keep their bytes', () => {
  test.each([
    ['character varying(50)', 'varchar(100)', true],
    ['varchar(50)', 'text', true],
    ['text', 'varchar', true],
    ['varchar(100)', 'varchar(50)', false],
    ['text', 'varchar(50)', false],
    ['numeric(8,2)', 'numeric(12, 2)', true],
    ['numeric(8,2)', 'numeric(12,4)', false],
    ['numeric(8,2)', 'numeric', true],
    ['integer', 'int4', true],
    ['integer', 'bigint', false],
    ['character(3)', 'character(5)', false],
  ])('%s to %s: %s', (before, after, expected) => {
    expect(keepsBytes(before, after)).toBe(expected);
  });
});

describe('a script', () => {
  test('is split at its marks, and line numbers stay', () => {
    const parts = readScript('-- migrate:up\nA;\n-- migrate:down\nB;');
    expect(parts.up.split('\n').indexOf('A;')).toBe(1);
    expect(parts.down?.split('\n').indexOf('B;')).toBe(3);
    expect(parts.inTransaction).toBe(true);
  });

  test.each([
    ['-- migrate:up transaction:false\nA;', false],
    ['-- +goose NO TRANSACTION\n-- +goose Up\nA;', false],
    ['-- +goose Up\nA;', true],
    ['A;', null],
    ["SELECT 'transaction: false';", null],
  ])('%j runs in a transaction: %s', (text, expected) => {
    expect(readScript(text).inTransaction).toBe(expected);
  });

  test('without marks it goes up only, also when a comment has the word down in it', () => {
    expect(readScript('-- down the road\nA;')).toMatchObject({ up: '-- down the road\nA;', down: null });
  });

  test('a statement is shown on one line without comments', () => {
    expect(shownStatement('DROP  -- really\n TABLE a')).toBe('DROP TABLE a');
  });
});

describe('facts from JSON', () => {
  test('what the database can be asked for can be given', () => {
    const given = { proven: ['id'], defaults: { id: 'identity' } };
    const facts = readFacts(JSON.stringify({ absent: ['b'], tables: { a: given } }), 'f');
    expect(facts).toMatchObject({ absent: ['b'], tables: { a: given } });
    for (const wrong of [
      '{"absent": "b"}',
      '{"tables": {"a": {"proven": [1]}}}',
      '{"tables": {"a": {"defaults": {"b": 1}}}}',
    ])
      expect(() => readFacts(wrong, 'f')).toThrow('the facts cannot be used');
  });

  test('what is left out is not known', () => {
    expect(readFacts('{"tables": {"a": {"bytes": 5}}}', 'f')).toEqual({
      ...NOTHING_KNOWN,
      tables: { a: { bytes: 5, rows: null, columns: {} } },
    });
  });

  test.each([
    '[]',
    'x',
    '{"table": {}}',
    '{"unused": "a"}',
    '{"tables": {"a": {"bytes": "5"}}}',
    '{"tables": {"a": {"size": 5}}}',
    '{"lockTimeoutMs": -1}',
  ])('%s is refused', (text) => {
    expect(() => readFacts(text, 'facts.json')).toThrow(
      expect.objectContaining({ kind: 'usage', where: 'facts.json' }),
    );
  });
});
