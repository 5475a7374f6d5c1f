import type { DefaultKind, Deed } from './statement.ts';

/** A column that this migration added, as it stands so far. */
export interface NewColumn {
  notNull: boolean;
  default: DefaultKind;
}

/** What the migration has done so far. Whatever it made itself nobody uses yet, and it is empty: that excuses most things. */
export interface Progress {
  newTables: Set<string>;
  newColumns: Map<string, NewColumn>;
  /** `<kind> <name>` of views, functions and so on that were created here. */
  newObjects: Set<string>;
  /** Functions made here that only compute: a trigger with one refuses nothing. */
  computing: Set<string>;
  /** `<kind> <name>` of what was dropped here if it was there: it can be made again by a second run. */
  cleared: Set<string>;
  /** Columns proven by a CHECK (… IS NOT NULL) of this migration, by `table constraint`. */
  checks: Map<string, string | null>;
  /** Constraints added here with NOT VALID, with the number of the transaction they were added in. */
  notValid: Map<string, number>;
  /** Tables with a constraint that was validated here. */
  validated: { table: string; column: string | null }[];
  inTransaction: boolean;
  /** Counts transactions, so that two statements can be told to be in the same one. */
  transaction: number;
  lockTimeoutMs: number | null;
  /** Ends with the transaction it was set in. */
  localLockTimeoutMs: number | null;
}

export function beginProgress(isWrapped: boolean, lockTimeoutMs: number | null): Progress {
  return {
    newTables: new Set(),
    newColumns: new Map(),
    newObjects: new Set(),
    computing: new Set(),
    cleared: new Set(),
    checks: new Map(),
    notValid: new Map(),
    validated: [],
    inTransaction: isWrapped,
    transaction: 0,
    lockTimeoutMs,
    localLockTimeoutMs: null,
  };
}

/** The name of a column over all tables. */
export function columnKey(table: string, column: string): string {
  return `${table}.${column}`;
}

/** Takes the deed into account for those that follow. */
export function advance(progress: Progress, deed: Deed): void {
  switch (deed.kind) {
    case 'begin':
      progress.inTransaction = true;
      progress.transaction += 1;
      return;
    case 'commit':
      progress.inTransaction = false;
      progress.transaction += 1;
      progress.localLockTimeoutMs = null;
      return;
    case 'set-lock-timeout':
      if (deed.local) progress.localLockTimeoutMs = deed.milliseconds;
      else progress.lockTimeoutMs = deed.milliseconds;
      return;
    case 'create-table':
      progress.newTables.add(deed.table);
      return;
    case 'rename-table':
      if (progress.newTables.delete(deed.table)) progress.newTables.add(deed.to);
      return;
    case 'drop-table':
      progress.newTables.delete(deed.table);
      if (deed.repeatable) progress.cleared.add(`table ${deed.table}`);
      return;
    case 'create-object':
      progress.newObjects.add(`${deed.what} ${deed.name}`);
      // Rows of its own, which nobody has read yet.
      if (deed.what === 'materialized view') progress.newTables.add(deed.name);
      if (deed.computes === true) progress.computing.add(deed.name);
      return;
    case 'drop-object':
      if (deed.repeatable) progress.cleared.add(`${deed.what} ${deed.name}`);
      return;
    case 'drop-constraint':
      if (deed.repeatable) progress.cleared.add(`constraint ${deed.table} ${deed.name}`);
      return;
    default:
      advanceColumns(progress, deed);
  }
}

function advanceColumns(progress: Progress, deed: Deed): void {
  switch (deed.kind) {
    case 'add-column':
      progress.newColumns.set(columnKey(deed.table, deed.column), { notNull: deed.notNull, default: deed.default });
      return;
    case 'drop-column':
      progress.newColumns.delete(columnKey(deed.table, deed.column));
      return;
    case 'rename-column': {
      const known = progress.newColumns.get(columnKey(deed.table, deed.column));
      if (known !== undefined) progress.newColumns.set(columnKey(deed.table, deed.to), known);
      return;
    }
    case 'set-default':
      change(progress, columnKey(deed.table, deed.column), { default: 'constant' });
      return;
    case 'drop-default':
      change(progress, columnKey(deed.table, deed.column), { default: 'none' });
      return;
    case 'set-not-null':
      change(progress, columnKey(deed.table, deed.column), { notNull: true });
      return;
    case 'drop-not-null':
      change(progress, columnKey(deed.table, deed.column), { notNull: false });
      return;
    case 'add-constraint':
      advanceConstraint(progress, deed);
      return;
    case 'validate-constraint':
      progress.validated.push({
        table: deed.table,
        column: progress.checks.get(`${deed.table} ${deed.name}`) ?? null,
      });
      return;
    default:
  }
}

function advanceConstraint(progress: Progress, deed: Extract<Deed, { kind: 'add-constraint' }>): void {
  const { table, name, provesNotNull, validates } = deed;
  if (name !== null) progress.checks.set(`${table} ${name}`, provesNotNull);
  if (name !== null && !validates) progress.notValid.set(`${table} ${name}`, progress.transaction);
  if (validates && provesNotNull !== null) progress.validated.push({ table, column: provesNotNull });
}

function change(progress: Progress, key: string, to: Partial<NewColumn>): void {
  const known = progress.newColumns.get(key);
  if (known !== undefined) progress.newColumns.set(key, { ...known, ...to });
}
