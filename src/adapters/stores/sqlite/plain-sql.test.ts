import { expect, test } from 'vitest';
import { plainSql, plainTable } from './plain-sql.ts';

test('blanks, comments, capitals and needless quotes mean nothing', () => {
  expect(plainSql('CREATE TABLE "users" (\n  id INTEGER, -- the key\n  [email] TEXT)')).toBe(
    plainSql('create table users(id integer,`email` text /* */)'),
  );
});

test('texts and names that need their quotes stay as they are', () => {
  expect(plainSql(`DEFAULT 'It''s -- A' CHECK ("a b" > 1)`)).toBe(`default 'It''s -- A' check ( "a b" > 1 )`);
});

test('columns and constraints of a table may stand in any order, and nothing else may change', () => {
  const one = plainTable('CREATE TABLE t (a TEXT, b NUMERIC(10, 2), CHECK (a <> b)) WITHOUT ROWID');
  expect(plainTable('CREATE TABLE t (b NUMERIC(10,2), a TEXT, CHECK (a <> b)) without rowid')).toBe(one);
  expect(plainTable('CREATE TABLE t (a TEXT, b NUMERIC(10, 3), CHECK (a <> b)) WITHOUT ROWID')).not.toBe(one);
  expect(plainTable('CREATE TABLE t (a TEXT, b NUMERIC(10, 2), CHECK (a <> b))')).not.toBe(one);
});
