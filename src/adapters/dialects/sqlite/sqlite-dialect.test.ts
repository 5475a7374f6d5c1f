import { describe, expect, test } from 'vitest';
import type { Deed } from '../../../core/migration/statement.ts';
import { describeDialect } from '../dialect.suite.ts';
import { openSqliteDialect } from './sqlite-dialect.ts';

describeDialect({ kind: 'sqlite', beyondRules: 'PRAGMA writable_schema = ON' });

describe('the dialect of SQLite', () => {
  const dialect = openSqliteDialect();
  const deeds = async (sql: string): Promise<Deed[]> =>
    (await dialect.read(sql)).flatMap((statement) => statement.deeds);

  test('names are one in upper and lower case, and in every kind of quotes', async () => {
    expect(await deeds('ALTER TABLE [Users] RENAME COLUMN `Nick` TO "Alias"')).toEqual([
      { kind: 'rename-column', table: 'users', column: 'nick', to: 'alias' },
    ]);
  });

  test.each([
    ['UPDATE a SET b = 1 WHERE id = 7', true],
    ['UPDATE a SET b = 1 WHERE (id BETWEEN 1 AND 9)', true],
    ['DELETE FROM a WHERE rowid IN (SELECT rowid FROM a LIMIT 10)', true],
    ['UPDATE a SET b = 1', false],
    ['DELETE FROM a WHERE id NOT IN (1, 2)', false],
    ['INSERT INTO a DEFAULT VALUES', true],
    ['INSERT INTO a SELECT * FROM b', false],
  ])('%s is bounded: %s', async (sql, bounded) => {
    expect(await deeds(sql)).toMatchObject([{ kind: 'write', bounded }]);
  });

  test('a script with one mistake is not judged at all, and the line of the mistake is named', async () => {
    expect(await dialect.read('DROP TABLE a;\nDROP TABEL b;')).toMatchObject([
      {
        line: 2,
        deeds: [{ kind: 'opaque', why: expect.stringContaining('the whole script cannot be read: near "TABEL"') }],
      },
    ]);
  });
});
