import { describe, expect, test } from 'vitest';
import { contractSql, withoutBrackets } from './contract-sql.ts';

const run = (...parts: string[]): string => `BEGIN;\n\n${parts.join('\n\n')}\n\nCOMMIT;\n\n`;
const UP = '-- Running upgrade r1 -> r2\n\nALTER TABLE a ADD b int;';
const CONTRACT = '-- Running upgrade r2 -> r3\n\nALTER TABLE a DROP c;';

describe('the SQL of the contract before the way up has run', () => {
  test('what a tool prints from the revision of now is taken without the way up, and is what it prints afterwards', () => {
    expect(contractSql(run(UP, CONTRACT), run(UP))).toBe(CONTRACT);
    expect(withoutBrackets(run(CONTRACT))).toBe(CONTRACT);
  });

  test('with a transaction around each it is the same', () => {
    expect(contractSql(run(UP) + run(CONTRACT), run(UP))).toBe(CONTRACT);
  });

  test('a contract with a preview of its own is taken whole', () => {
    expect(contractSql('ALTER TABLE a DROP c;\n', 'ALTER TABLE a ADD b int;\n')).toBe('ALTER TABLE a DROP c;');
    expect(contractSql('ALTER TABLE a DROP c;\n', '')).toBe('ALTER TABLE a DROP c;');
  });

  test('a transaction in the middle stays: it is part of the migration', () => {
    expect(withoutBrackets('BEGIN;\nA;\nCOMMIT;\nB;\nBEGIN;\nC;\nCOMMIT;')).toBe('A;\nCOMMIT;\nB;\nBEGIN;\nC;');
  });
});
