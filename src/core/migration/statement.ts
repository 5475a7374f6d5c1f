/** The languages that migrations are judged in. */
export const DIALECT_NAMES = ['postgresql', 'sqlite'] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** What a database has besides tables, columns and constraints. */
export type ObjectKind =
  | 'index'
  | 'view'
  | 'materialized view'
  | 'type'
  | 'function'
  | 'trigger'
  | 'sequence'
  | 'schema'
  | 'database'
  | 'extension'
  | 'other';

export type ConstraintKind = 'check' | 'foreign key' | 'unique' | 'primary key' | 'exclude' | 'not null';

/** A default by what it costs: a constant or stable one is stored once, a volatile one is computed for every row. */
export type DefaultKind = 'none' | 'constant' | 'maybe volatile' | 'volatile';

export interface AddColumn {
  kind: 'add-column';
  table: string;
  column: string;
  type: string;
  notNull: boolean;
  default: DefaultKind;
  /** Why the table is rewritten whatever the default is, e.g. `serial`; null when it is not. */
  rewrites: string | null;
  /** Constraints written beside the column. */
  constraints: ConstraintKind[];
  repeatable: boolean;
}

export interface AddConstraint {
  kind: 'add-constraint';
  table: string;
  name: string | null;
  constraint: ConstraintKind;
  columns: string[];
  references: string | null;
  /** False with NOT VALID: existing rows are not looked at. */
  validates: boolean;
  /** A unique constraint that takes over an index built before. */
  usesIndex: boolean;
  /** The column of `CHECK (column IS NOT NULL)`; null for every other check. */
  provesNotNull: string | null;
}

export interface Write {
  kind: 'write';
  how: 'insert' | 'update' | 'delete';
  table: string;
  /** Columns an update sets. */
  columns: string[];
  /** Whether the statement itself says that it touches few rows: literal rows, a LIMIT, a key range, a key. */
  bounded: boolean;
  /** Tables it reads. */
  reads: string[];
  /** Columns that the condition fixes: every row it touches holds one of these values there. */
  pins: Record<string, Literal[]>;
  /** Columns that get a value which stands in the text. */
  puts: Record<string, Literal[]>;
  repeatable: boolean;
}

/** A value as it stands in the text; null is NULL. */
export type Literal = string | null;

export interface CreateTable {
  kind: 'create-table';
  table: string;
  columns: string[];
  /** Tables that a CREATE TABLE AS copies from. */
  reads: string[];
  repeatable: boolean;
}

export interface CreateIndex {
  kind: 'create-index';
  table: string;
  name: string | null;
  columns: string[];
  concurrently: boolean;
  repeatable: boolean;
}

export interface CreateObject {
  kind: 'create-object';
  what: ObjectKind;
  name: string;
  table: string | null;
  repeatable: boolean;
  /** Of a trigger: the function it calls. */
  calls?: string;
  /** Of a function: whether it only computes, so that a trigger with it refuses no row and changes no other. */
  computes?: boolean;
}

export interface DropObject {
  kind: 'drop-object';
  what: ObjectKind;
  name: string;
  cascades: boolean;
  concurrently: boolean;
  repeatable: boolean;
}

/** Work on a whole table that is no change of its schema. */
export interface Work {
  kind: 'work';
  how: 'rewrite' | 'reindex' | 'refresh' | 'lock' | 'scan partition' | 'hide rows';
  table: string;
  /** As a person calls it: `VACUUM FULL`. */
  label: string;
}

/** One thing that a statement does, in words that are the same for every dialect. */
export type Deed =
  | { kind: 'begin' }
  | { kind: 'commit' }
  | { kind: 'set-lock-timeout'; milliseconds: number; local: boolean }
  | CreateTable
  | { kind: 'drop-table'; table: string; cascades: boolean; repeatable: boolean }
  | { kind: 'rename-table'; table: string; to: string }
  | AddColumn
  | { kind: 'drop-column'; table: string; column: string; repeatable: boolean }
  | { kind: 'rename-column'; table: string; column: string; to: string }
  | { kind: 'change-type'; table: string; column: string; type: string; converts: boolean }
  | { kind: 'set-default'; table: string; column: string }
  | { kind: 'drop-default'; table: string; column: string }
  | { kind: 'set-not-null'; table: string; column: string }
  | { kind: 'drop-not-null'; table: string; column: string }
  | AddConstraint
  | { kind: 'validate-constraint'; table: string; name: string }
  | { kind: 'drop-constraint'; table: string; name: string; repeatable: boolean }
  | CreateIndex
  | CreateObject
  | DropObject
  | { kind: 'detach-partition'; table: string; partition: string; concurrently: boolean }
  /** A sequence is set to another number. `restarts`: whatever is in the tables. */
  | { kind: 'move-sequence'; sequence: string; restarts: boolean }
  | { kind: 'rename-object'; what: ObjectKind; name: string; to: string }
  | { kind: 'add-enum-value'; type: string; value: string; repeatable: boolean }
  | Write
  | { kind: 'truncate'; table: string }
  | Work
  | { kind: 'take-rights'; from: string }
  /** Judged, and changes nothing that a rule speaks of. */
  | { kind: 'harmless' }
  /** Not judged: a command built at run time, an unknown statement, a syntax error. `why` is the end of a sentence. */
  | { kind: 'opaque'; why: string };

/** One SQL statement: where it stands, how it reads, what it does. */
export interface Statement {
  /** Line of its first word, from 1. */
  line: number;
  /** Its text on one line, shortened. */
  text: string;
  /** What the comments before it say to shipway: `allow drop-table because it was never used`. */
  remarks: string[];
  deeds: Deed[];
}

/** `public.users` and `users` are one table. */
export function plainName(parts: readonly string[]): string {
  const kept = parts.length > 1 && (parts[0] === 'public' || parts[0] === 'main') ? parts.slice(1) : parts;
  return kept.join('.');
}
