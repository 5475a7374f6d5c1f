import { describe, expect, test } from 'vitest';
import { readAtomicity } from './read-atomicity.ts';

const RECORD = "UPDATE alembic_version SET version_num='r2' WHERE alembic_version.version_num = 'r1';";

describe('what the SQL of alembic says about its transactions', () => {
  test.each([
    ['one around all', `BEGIN;\n\n-- Running upgrade r1 -> r2\n\nALTER TABLE a ADD b int;\n\n${RECORD}\n\nCOMMIT;\n\n`],
    [
      'one around each, with its record',
      `BEGIN;\nSELECT 1;\n${RECORD}\nCOMMIT;\nBEGIN;\nSELECT 2;\n${RECORD}\nCOMMIT;\n`,
    ],
    ['nothing to run', 'BEGIN;\n\nCOMMIT;\n\n'],
  ])('%s: a failure leaves the data as it was', (_, sql) => expect(readAtomicity(sql)).toEqual({ atomic: true }));

  test.each([
    ['none', 'ALTER TABLE a ADD b int;\n', /outside a transaction: ALTER TABLE a ADD b int;/],
    [
      'a block that commits by itself',
      `BEGIN;\nSELECT 1;\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON a (b);\nBEGIN;\n${RECORD}\nCOMMIT;\n`,
      /outside a transaction: CREATE INDEX/,
    ],
    [
      'several around one migration',
      `BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\n${RECORD}\nCOMMIT;\n`,
      /several transactions/,
    ],
    ['one that is left open', 'BEGIN;\nSELECT 1;\n', /leaves a transaction open/],
  ])('%s: it may leave something behind', (_, sql, why) => {
    expect(readAtomicity(sql)).toEqual({ atomic: false, why: expect.stringMatching(why) });
  });
});
