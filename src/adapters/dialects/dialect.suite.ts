import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DialectName, Statement } from '../../core/migration/statement.ts';
import { dialectKinds } from './index.ts';

/** What an implementation says about itself, so that the contract can be tried on it. */
export interface DialectCase {
  kind: DialectName;
  /** A statement of this dialect that no rule knows, or that is built at run time. */
  beyondRules: string;
}

const WORDS = [
  'ALTER',
  'TABLE',
  'DROP',
  'users',
  '(',
  ')',
  ';',
  "'",
  '"',
  '$$',
  '--',
  '/*',
  '\n',
  'ADD',
  'COLUMN',
  'é',
  '🙂',
  '\0',
  ',',
];

/** The promises of `dialect.ts`, tried on one implementation. */
export function describeDialect(one: DialectCase): void {
  describe(`the contract of dialects, kept by ${one.kind}`, () => {
    const dialect = dialectKinds[one.kind].open();
    const first = async (sql: string): Promise<Statement | undefined> => (await dialect.read(sql))[0];

    test('statements come in the order of the text, each with the line of its first word', async () => {
      const sql = '-- größer 🙂\n\nDROP TABLE a;\n/* two\nlines */ DROP TABLE b; DROP TABLE c\n;\n\nDROP TABLE "Ä"';
      const found = await dialect.read(sql);
      expect(found.map((statement) => [statement.line, statement.text.slice(0, 12)])).toEqual([
        [3, 'DROP TABLE a'],
        [5, expect.stringContaining('DROP TABLE')],
        [5, 'DROP TABLE c'],
        [8, 'DROP TABLE "'],
      ]);
    });

    test('a hundred thousand lines are numbered right to the last', async () => {
      const found = await dialect.read(`${'SELECT 1;\n'.repeat(5_000)}DROP TABLE a;`);
      expect(found.at(-1)?.line).toBe(5_001);
    });

    test('no SQL is no statement', async () => {
      expect(await dialect.read('')).toEqual([]);
      expect(await dialect.read('  \n-- nothing here\n')).toEqual([]);
    });

    test('names are plain: the default schema is left out, quotes are taken off', async () => {
      const schema = one.kind === 'sqlite' ? 'main' : 'public';
      expect((await first(`DROP TABLE ${schema}."users"`))?.deeds).toMatchObject([
        { kind: 'drop-table', table: 'users' },
      ]);
    });

    test('what a comment before a statement says to shipway belongs to that statement only', async () => {
      const sql = 'SELECT 1;\n-- shipway: allow drop-table never used\nDROP TABLE a;\nDROP TABLE b;';
      const found = await dialect.read(sql);
      expect(found.map((statement) => statement.remarks)).toEqual([[], ['allow drop-table never used'], []]);
    });

    test('what cannot be said is said to be opaque', async () => {
      for (const sql of [one.beyondRules, 'this is no SQL', "SELECT 'never closed"]) {
        expect((await dialect.read(sql)).flatMap((statement) => statement.deeds)).toContainEqual({
          kind: 'opaque',
          why: expect.stringMatching(/./),
        });
      }
    });

    test('a statement of megabytes is shown shortened', async () => {
      const rows = Array.from({ length: 20_000 }, (_, index) => `(${index})`).join(',');
      expect((await first(`INSERT INTO a VALUES ${rows};`))?.text.length).toBeLessThanOrEqual(200);
    });

    test('no text makes it throw, and no text is passed over in silence', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.constantFrom(...WORDS), { maxLength: 25 }), async (words) => {
          const found = await dialect.read(words.join(' '));
          expect(Array.isArray(found)).toBe(true);
          for (const statement of found) expect(statement.deeds.length).toBeGreaterThan(0);
        }),
        { numRuns: 300 },
      );
    });

    test('an expression nested a hundred thousand deep does not end the process', async () => {
      const sql = `SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}; DROP TABLE a;`;
      expect((await dialect.read(sql)).length).toBeGreaterThan(0);
    });
  });
}
