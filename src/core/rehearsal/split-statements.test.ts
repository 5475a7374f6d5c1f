import { expect, test } from 'vitest';
import { shownSql, splitStatements } from './split-statements.ts';

test('statements end at a semicolon, and comments go', () => {
  const sql = 'SELECT 1; -- one; two\n\nINSERT INTO a VALUES (1)/* ; */;\n;';
  expect(splitStatements(sql)).toEqual(['SELECT 1', 'INSERT INTO a VALUES (1)']);
});

test.each([
  ["SELECT 'a;b'", 'a text'],
  ["SELECT 'it''s;'", 'a text with a quote in it'],
  ['SELECT "a;b"', 'a name'],
  ['SELECT $$a;b$$', 'a dollar quote'],
  ['SELECT $q$a;$$;b$q$', 'a dollar quote with a name'],
  ['SELECT a / b - c', 'a division and a difference'],
])('%s is one statement: the semicolon is in %s', (sql) => {
  expect(splitStatements(`${sql}; SELECT 2`)).toEqual([sql, 'SELECT 2']);
});

test('a statement with parameters stays as it is', () => {
  expect(splitStatements('SELECT * FROM a WHERE b = $1 AND c = $2')).toEqual([
    'SELECT * FROM a WHERE b = $1 AND c = $2',
  ]);
});

test('a long statement is shown on one line and cut', () => {
  expect(shownSql('SELECT\n  1')).toBe('SELECT 1');
  expect(shownSql(`SELECT ${'a, '.repeat(100)}b`)).toHaveLength(120);
});
