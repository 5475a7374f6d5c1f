import type { ColumnState, DataState, TableState } from './data-state.ts';
import { isWider } from './wider-schema.ts';

export interface Difference {
  /**
   * `order`: the columns of a table stand in another order, everything else is the same.
   * `wider`: the schema takes all that it took before, and holds it as it was.
   */
  kind: 'schema' | 'table' | 'column' | 'rows' | 'order' | 'wider';
  /** A whole clause that names the place: `column public.users.email has 40 values, 50 before`. */
  sentence: string;
}

export interface Comparison {
  /** Tables that are not looked at, with all that belongs to them; `name` also stands for `public.name`. */
  ignored: readonly string[];
  /** Tables whose rows others have changed meanwhile: only their schema is compared. */
  written: readonly string[];
}

/** Everything in which a database differs from what it was, the plainest first: tables, columns, rows, and then the rest of the schema. */
export function compareStates(then: DataState, now: DataState, { ignored, written }: Comparison): Difference[] {
  const skip = (name: string): boolean => isNamed(name, ignored);
  const before = tablesByName(then, skip);
  const after = tablesByName(now, skip);
  const gone = [...before.values()].filter((table) => !after.has(table.name));
  const extra = [...after.values()].filter((table) => !before.has(table.name));
  const both = [...before.values()].flatMap((table) => {
    const same = after.get(table.name);
    return same === undefined ? [] : [{ table, same }];
  });
  const tables = both.map(({ table, same }) => compareTables(table, same, written.includes(table.name)));
  const explained = [...gone, ...extra].map((table) => table.name).concat(ignored);
  const columns = tables.flatMap((one) => one.columns);
  return [
    ...gone.map((table) => difference('table', `table ${table.name} is missing (${rowsOf(table.rows)})`)),
    ...extra.map((table) => difference('table', `table ${table.name} is left behind (${rowsOf(table.rows)})`)),
    ...tables.flatMap((one) => one.differences),
    ...compareSchema(then.schema, now.schema, (line) => isExplained(line, explained, columns)),
  ];
}

const difference = (kind: Difference['kind'], sentence: string): Difference => ({ kind, sentence });
const rowsOf = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;
const valuesOf = (count: number): string => `${count} ${count === 1 ? 'value' : 'values'}`;

function tablesByName(state: DataState, skip: (name: string) => boolean): Map<string, TableState> {
  return new Map(state.tables.filter((table) => !skip(table.name)).map((table) => [table.name, table]));
}

function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => name === one || name === `public.${one}`);
}

interface TableComparison {
  differences: Difference[];
  /** Columns, with their table, that are only on one side. */
  columns: string[];
}

function compareTables(then: TableState, now: TableState, isWritten: boolean): TableComparison {
  const gone = then.columns.filter((column) => columnOf(now, column.name) === undefined);
  const extra = now.columns.filter((column) => columnOf(then, column.name) === undefined);
  const place = (column: ColumnState): string => `${then.name}.${column.name}`;
  const differences = [
    ...gone.map((column) => difference('column', `column ${place(column)} is missing (${valuesOf(column.values)})`)),
    ...extra.map((column) =>
      difference('column', `column ${place(column)} is left behind (${valuesOf(column.values)})`),
    ),
    ...(isWritten ? [] : compareRows(then, now)),
  ];
  const columns = [...gone, ...extra].map(place);
  if (columns.length === 0 && orderOf(then) !== orderOf(now)) {
    const sentence = `the columns of ${then.name} stand in another order: ${orderOf(now)}, before: ${orderOf(then)}`;
    differences.push(difference('order', sentence));
  }
  return { differences, columns };
}

function compareRows(then: TableState, now: TableState): Difference[] {
  const differences: Difference[] = [];
  if (now.rows !== then.rows) {
    differences.push(difference('rows', `table ${then.name} has ${rowsOf(now.rows)}, ${then.rows} before`));
  }
  for (const column of then.columns) {
    const same = columnOf(now, column.name);
    if (same === undefined || same.sum === column.sum) continue;
    const place = `column ${then.name}.${column.name}`;
    const sentence =
      same.values === column.values
        ? `${place} has other values than before (${valuesOf(same.values)})`
        : `${place} has ${valuesOf(same.values)}, ${column.values} before`;
    differences.push(difference('column', sentence));
  }
  const isSameShape = then.columns.every((column) => columnOf(now, column.name) !== undefined);
  if (differences.length === 0 && isSameShape && then.columns.length === now.columns.length && then.sum !== now.sum) {
    differences.push(difference('rows', `rows of table ${then.name} are not those of before`));
  }
  return differences;
}

function columnOf(table: TableState, name: string): ColumnState | undefined {
  return table.columns.find((column) => column.name === name);
}

const orderOf = (table: TableState): string => table.columns.map((column) => column.name).join(', ');

/** Lines on one side only; two that begin with the same object are one change. */
function compareSchema(then: string[], now: string[], isKnown: (line: string) => boolean): Difference[] {
  const before = new Set(then);
  const after = new Set(now);
  const gone = then.filter((line) => !after.has(line) && !isKnown(line));
  const extra = new Map(
    now.filter((line) => !before.has(line) && !isKnown(line)).map((line) => [objectOf(line), line]),
  );
  const found = gone.map((line) => {
    const instead = extra.get(objectOf(line));
    if (instead === undefined) return difference('schema', `missing in the schema: ${line}`);
    extra.delete(objectOf(line));
    return difference(
      isWider(line, instead) ? 'wider' : 'schema',
      `changed in the schema: ${instead}; before: ${line}`,
    );
  });
  return [...found, ...[...extra.values()].map((line) => difference('schema', `left behind in the schema: ${line}`))];
}

/** Kind and name: `index orders_by_day`. A name in quotes may hold blanks. */
function objectOf(line: string): string {
  return /^\S+ (?:"(?:[^"]|"")*"|[^\s"])+/.exec(line)?.[0] ?? line;
}

/** Whether the line belongs to a table or a column that has been named already. */
function isExplained(line: string, tables: readonly string[], columns: readonly string[]): boolean {
  if (columns.some((column) => line.startsWith(`column ${column} `))) return true;
  return tables.some((table) => mentions(line, table));
}

function mentions(line: string, name: string): boolean {
  const plain = name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\w$"])${plain}(?![\\w$"])`, 'u').test(line);
}

/** What a way down throws away. */
export interface Discarded {
  /** `column public.users.nickname` or `table public.tags`. */
  name: string;
  count: number;
  unit: 'rows' | 'values';
}

/** What the larger schema held and the smaller one has no place for. What only got another name is not thrown away. */
export function discardedBy(full: DataState, reduced: DataState, ignored: readonly string[]): Discarded[] {
  const left = new Map(reduced.tables.map((table) => [table.name, table]));
  const known = new Set(full.tables.map((table) => table.name));
  const discarded: Discarded[] = [];
  for (const table of full.tables.filter((one) => !isNamed(one.name, ignored))) {
    const same = left.get(table.name);
    if (same !== undefined) discarded.push(...discardedColumns(table, same));
    else if (table.rows > 0 && !reduced.tables.some((one) => !known.has(one.name) && holdsSame(one, table)))
      discarded.push({ name: `table ${table.name}`, count: table.rows, unit: 'rows' });
  }
  return discarded;
}

function discardedColumns(full: TableState, reduced: TableState): Discarded[] {
  const isNew = (column: ColumnState): boolean => columnOf(full, column.name) === undefined;
  return full.columns
    .filter((column) => column.values > 0 && columnOf(reduced, column.name) === undefined)
    .filter((column) => !reduced.columns.some((one) => isNew(one) && holdsSame(one, column)))
    .map((column) => ({ name: `column ${full.name}.${column.name}`, count: column.values, unit: 'values' }));
}

function holdsSame(a: { sum: string }, b: { sum: string }): boolean {
  return a.sum === b.sum;
}

/** Tables that are not, or not with the same rows, on both sides. */
export function changedTables(then: DataState, now: DataState): string[] {
  const before = new Map(then.tables.map((table) => [table.name, table]));
  const after = new Map(now.tables.map((table) => [table.name, table]));
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name)?.sum !== after.get(name)?.sum,
  );
}

/** The three states of a table that tell what a way down has no place for. */
export interface WrittenStates {
  /** After up, before anybody wrote. */
  migrated: DataState;
  /** After the statements of the new version. */
  used: DataState;
  /** After down. */
  restored: DataState;
}

/** Rows and values written on the newer schema that are gone after down although their table and column are still there. */
export function lostWrites({ migrated, used, restored }: WrittenStates, ignored: readonly string[]): Discarded[] {
  const before = new Map(migrated.tables.map((table) => [table.name, table]));
  const after = new Map(restored.tables.map((table) => [table.name, table]));
  return used.tables.flatMap((table) => {
    const then = before.get(table.name);
    const now = after.get(table.name);
    if (then === undefined || now === undefined || then.sum === table.sum || isNamed(table.name, ignored)) return [];
    const rows = Math.max(0, Math.min(table.rows - now.rows, table.rows - then.rows));
    const found: Discarded[] = rows === 0 ? [] : [{ name: `table ${table.name}`, count: rows, unit: 'rows' }];
    return [...found, ...lostValues(table, now, rows)];
  });
}

/** Values beyond those that went with their rows. */
function lostValues(used: TableState, restored: TableState, rows: number): Discarded[] {
  return used.columns.flatMap((column) => {
    const same = columnOf(restored, column.name);
    const count = same === undefined ? 0 : column.values - same.values - rows;
    return count > 0 ? [{ name: `column ${used.name}.${column.name}`, count, unit: 'values' }] : [];
  });
}
