import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { atomicityOf, joinScripts } from './migration-files.ts';
import { readRecord, revisionOf, stateOf } from './read-record.ts';

const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
const file = (name: string, sql = 'SELECT 1;') => ({ name, sql, down: null });
const row = (name: string, state: 'done' | 'open' | 'back', checksum = sum('SELECT 1;')) => {
  return { name, checksum, isFinished: state === 'done', isRolledBack: state === 'back', hasError: false };
};

describe('what the look at the table of prisma prints', () => {
  test.each([
    [
      'the engine of the package',
      'Error: ERROR: invalid input syntax for type integer: "shipway-looks [["a", "x", true, false, false]]"\n',
    ],
    ['another line break', 'ERROR: …integer: "shipway-looks [["a", "x", true,\n  false, false]]"\nmore "text"'],
  ])('rows are read from %s', (_, output) => {
    expect(readRecord(output)).toEqual([
      { name: 'a', checksum: 'x', isFinished: true, isRolledBack: false, hasError: false },
    ]);
  });

  test.each([
    'The underlying table for model `_prisma_migrations` does not exist.',
    'ERROR: relation "_prisma_migrations" does not exist',
  ])('%s: nothing was ever applied', (output) => expect(readRecord(output)).toEqual([]));

  test.each(['', 'Database `shop` does not exist', "Can't reach database server", 'shipway-looks [[x]"'])(
    '%j is no answer',
    (output) => expect(readRecord(output)).toBeNull(),
  );
});

describe('the state of prisma', () => {
  test('what was rolled back is not applied, and what hangs is neither applied nor waiting', () => {
    const state = stateOf([row('1', 'done'), row('2', 'back'), row('3', 'open')], [file('1'), file('2'), file('3')]);
    expect(state).toMatchObject({ applied: ['1'], failed: [{ name: '3' }], pending: [{ name: '2' }], edited: [] });
    expect(revisionOf(state, 'none')).toBe('1, failed: 3');
    expect(revisionOf(stateOf([], []), 'none')).toBe('none');
  });

  test('a migration that another version brought counts, though its file is not here', () => {
    expect(revisionOf(stateOf([row('1', 'done'), row('2', 'done')], [file('1')]), 'none')).toBe('2');
  });

  test('a file is edited when its checksum is another, whatever its line ends', () => {
    const rows = [row('1', 'done', sum('SELECT 1;\r\n')), row('2', 'done')];
    expect(stateOf(rows, [file('1', 'SELECT 1;\n'), file('2', 'SELECT 2;')]).edited).toEqual(['2']);
  });
});

describe('whether a script leaves nothing when it fails', () => {
  test.each([
    ['ALTER TABLE a ADD b int;\nALTER TABLE a ADD c int;\n', false, true],
    ['ALTER TABLE a ADD b int;\nALTER TABLE a ADD c int;\n', true, false],
    ['ALTER TABLE a ADD b int;\n-- and no more\n', true, true],
    ['ALTER TABLE a ADD b int', true, true],
    ['CREATE INDEX CONCURRENTLY i ON a (b);', false, false],
    ['BEGIN; SELECT 1; COMMIT;', false, false],
  ])('%j, sent statement by statement: %s', (sql, isSplit, expected) => {
    expect(atomicityOf(file('m', sql), isSplit).atomic).toBe(expected);
  });
});

test('scripts are closed, so that the next never becomes part of the one before', () => {
  const script = (name: string, sql: string) => ({ name, file: 'migration.sql', sql });
  expect(joinScripts([script('1', 'SELECT 1 -- no end'), script('2', 'SELECT 2;\n')])).toBe(
    '-- 1/migration.sql\nSELECT 1 -- no end\n;\n\n-- 2/migration.sql\nSELECT 2;\n',
  );
});
