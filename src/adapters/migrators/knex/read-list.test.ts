import { describe, expect, test } from 'vitest';
import { readList } from './read-list.ts';

describe('what knex migrate:list prints', () => {
  test('names are taken as many as the headings say, with colours and with lines of the knexfile around', () => {
    const output =
      'connecting\n\u001B[32mFound 2 Completed Migration file/files.\n\u001B[39m\u001B[36m1_a.js\n\u001B[39m\u001B[36m2_b.js\n\u001B[39m\u001B[32mFound 1 Pending Migration file/files.\n\u001B[39m\u001B[36m3_c.js\n\u001B[39m\nbye\n';
    expect(readList(output)).toEqual({ applied: ['1_a.js', '2_b.js'], pending: ['3_c.js'] });
  });

  test('none is an empty list', () => {
    const output = 'No Completed Migration files Found.\nNo Pending Migration files Found.\n';
    expect(readList(output)).toEqual({ applied: [], pending: [] });
  });

  test.each([
    '',
    'Found 1 Completed Migration file/files.\n1_a.js\n',
    'Found 2 Completed Migration file/files.\n1_a.js\n\nNo Pending Migration files Found.\n',
  ])('%j is no list', (output) => expect(readList(output)).toBeNull());
});
