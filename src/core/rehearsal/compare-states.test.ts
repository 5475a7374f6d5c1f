import { describe, expect, test } from 'vitest';
import { changedTables, compareStates, discardedBy, lostWrites, type Comparison } from './compare-states.ts';
import type { ColumnState, DataState } from './data-state.ts';

const NOTHING_LEFT_OUT: Comparison = { ignored: [], written: [] };

const column = (name: string, values: number, sum = `${name}${values}`): ColumnState => ({ name, values, sum });

function users(columns: ColumnState[], rows = 50): DataState {
  return {
    schema: ['index users_email on users', ...columns.map(({ name }) => `column public.users.${name} type text`)],
    tables: [{ name: 'public.users', rows, sum: columns.map((one) => one.sum).join(), columns }],
  };
}

const BEFORE = users([column('id', 50), column('email', 50)]);
const sentences = (now: DataState, left = NOTHING_LEFT_OUT): string[] =>
  compareStates(BEFORE, now, left).map((one) => one.sentence);

describe('comparing a database with what it was', () => {
  test('equal states have no difference', () => {
    expect(compareStates(BEFORE, structuredClone(BEFORE), NOTHING_LEFT_OUT)).toEqual([]);
  });

  test('a lost column is named with its values, and its schema line is not told again', () => {
    expect(sentences(users([column('id', 50)]))).toEqual(['column public.users.email is missing (50 values)']);
  });

  test('a column that was left behind is named', () => {
    const now = users([column('id', 50), column('email', 50), column('nick', 0)]);
    expect(sentences(now)).toEqual(['column public.users.nick is left behind (0 values)']);
  });

  test('values thrown away are counted', () => {
    expect(sentences(users([column('id', 50), column('email', 40)]))).toEqual([
      'column public.users.email has 40 values, 50 before',
    ]);
  });

  test('other values in the same number are seen', () => {
    expect(sentences(users([column('id', 50), column('email', 50, 'other')]))).toEqual([
      'column public.users.email has other values than before (50 values)',
    ]);
  });

  test('the same values in other rows are seen by the sum over the rows', () => {
    const now = structuredClone(BEFORE);
    now.tables[0]!.sum = 'swapped';
    expect(sentences(now)).toEqual(['rows of table public.users are not those of before']);
  });

  test('lost rows are counted before the columns they were in', () => {
    expect(sentences(users([column('id', 48), column('email', 48)], 48))[0]).toBe(
      'table public.users has 48 rows, 50 before',
    );
  });

  test('another order of the same columns is a difference of its own kind', () => {
    const now = structuredClone(BEFORE);
    now.tables[0]!.columns.reverse();
    expect(compareStates(BEFORE, now, NOTHING_LEFT_OUT)).toEqual([
      {
        kind: 'order',
        sentence: 'the columns of public.users stand in another order: email, id, before: id, email',
      },
    ]);
  });

  test('a table that was left behind takes its indexes with it', () => {
    const now = structuredClone(BEFORE);
    now.tables.push({ name: 'public.tags', rows: 3, sum: '9', columns: [] });
    now.schema.push('index tags_name of public.tags', 'column public.tags.name type text');
    expect(sentences(now)).toEqual(['table public.tags is left behind (3 rows)']);
  });

  test('a changed line of the schema is one difference, with both texts', () => {
    const now = { ...BEFORE, schema: BEFORE.schema.map((line) => line.replace('email type text', 'email type uuid')) };
    expect(sentences(now)).toEqual([
      'changed in the schema: column public.users.email type uuid; before: column public.users.email type text',
    ]);
  });

  test('an index that was left behind, or is gone, is told', () => {
    const more = { ...BEFORE, schema: [...BEFORE.schema, 'index forgotten of public.users'] };
    expect(sentences(more)).toEqual(['left behind in the schema: index forgotten of public.users']);
    const less = { ...BEFORE, schema: BEFORE.schema.slice(1) };
    expect(sentences(less)).toEqual(['missing in the schema: index users_email on users']);
  });

  test('tables of the migration tool are left out by their name, with or without the schema public', () => {
    const now = structuredClone(BEFORE);
    now.tables.push({ name: 'public.history', rows: 3, sum: '9', columns: [] });
    now.schema.push('index history_at of public.history');
    expect(sentences(now, { ignored: ['history'], written: [] })).toEqual([]);
  });

  test('of tables that others wrote in, only the schema is compared', () => {
    const now = users([column('id', 51), column('email', 51)], 51);
    expect(sentences(now, { ignored: [], written: ['public.users'] })).toEqual([]);
    const less = users([column('id', 51)], 51);
    expect(sentences(less, { ignored: [], written: ['public.users'] })).toEqual([
      'column public.users.email is missing (50 values)',
    ]);
  });
});

describe('what a way down throws away', () => {
  const after = users([column('id', 50), column('email', 50), column('nick', 7), column('empty', 0)]);

  test('is each column and table it has no place for, with its count; what is empty is nothing', () => {
    after.tables.push({ name: 'public.tags', rows: 3, sum: '9', columns: [] });
    expect(discardedBy(after, BEFORE, [])).toEqual([
      { name: 'column public.users.nick', count: 7, unit: 'values' },
      { name: 'table public.tags', count: 3, unit: 'rows' },
    ]);
    expect(discardedBy(after, BEFORE, ['tags'])).toHaveLength(1);
  });

  test('is nothing where a column or a table only got its old name back', () => {
    const renamed = users([column('id', 50), column('mail', 50, 'email50')]);
    expect(discardedBy(renamed, BEFORE, [])).toEqual([]);
    const table = { ...BEFORE, tables: BEFORE.tables.map((one) => ({ ...one, name: 'public.people' })) };
    expect(discardedBy(table, BEFORE, [])).toEqual([]);
  });
});

test('a table has changed when its rows have, or when it is on one side only', () => {
  const now = structuredClone(BEFORE);
  now.tables.push({ name: 'public.tags', rows: 0, sum: '0', columns: [] });
  expect(changedTables(BEFORE, now)).toEqual(['public.tags']);
  now.tables[0]!.sum = 'other';
  expect(changedTables(BEFORE, now)).toEqual(['public.users', 'public.tags']);
});

describe('what a way down loses of what was written on the newer schema', () => {
  const migrated = users([column('id', 50), column('email', 50), column('nick', 0)]);
  const used = users([column('id', 57), column('email', 55), column('nick', 9)], 57);
  const lost = (restored: DataState, ignored: string[] = []): string[] =>
    lostWrites({ migrated, used, restored }, ignored).map(({ name, count, unit }) => `${name}: ${count} ${unit}`);

  test('is the rows that are gone, and the values beyond those of the rows', () => {
    const restored = users([column('id', 52), column('email', 40)], 52);
    expect(lost(restored)).toEqual(['table public.users: 5 rows', 'column public.users.email: 10 values']);
    expect(lost(restored, ['users'])).toEqual([]);
  });

  test('is nothing where everything stayed, and nothing that nobody wrote', () => {
    expect(lost(users([column('id', 57), column('email', 55)], 57))).toEqual([]);
    expect(lostWrites({ migrated, used: migrated, restored: users([column('id', 10)], 10) }, [])).toEqual([]);
  });
});
