import { expect, test } from 'vitest';
import type { Deed, Statement } from './statement.ts';
import { touchedTables, withoutTables } from './touched-tables.ts';

const statement = (...deeds: Deed[]): Statement => ({ line: 1, text: '', remarks: [], deeds });
const drop = (table: string): Deed => ({ kind: 'drop-table', table, cascades: false, repeatable: false });

const FOREIGN: Deed = {
  kind: 'add-constraint',
  table: 'orders',
  name: null,
  constraint: 'foreign key',
  columns: ['user'],
  references: 'users',
  validates: true,
  usesIndex: false,
  provesNotNull: null,
};

test('touched are the tables of every deed and those a constraint refers to, each once', () => {
  expect(touchedTables([statement(drop('b'), { kind: 'begin' }), statement(FOREIGN, drop('orders'))])).toEqual([
    'b',
    'orders',
    'users',
  ]);
});

test('a statement on nothing but the record of the tool is left out, one that touches more is not', () => {
  const own = statement(drop('alembic_version'));
  const both = statement(drop('alembic_version'), drop('orders'));
  const none = statement({ kind: 'commit' });
  expect(withoutTables([own, both, none], ['public.alembic_version'])).toEqual([both, none]);
  expect(withoutTables([own], [])).toEqual([own]);
});
