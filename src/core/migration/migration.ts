import type { DialectName, Statement } from './statement.ts';

/** One migration as it was read: what goes up, what goes down, and how it is run. */
export interface Migration {
  /** File, or `preview`. */
  name: string;
  dialect: DialectName;
  up: Statement[];
  /** `unseen`: there is a way down, but its SQL is not at hand. null: there is none. */
  down: Statement[] | 'unseen' | null;
  /** Why it cannot go down, in the author's words; null when nothing says so. */
  irreversible: string | null;
  /** Whether the tool runs it inside one transaction; null when that is not known. */
  inTransaction: boolean | null;
}

/** What is known of a table in the database that will be changed. */
export interface TableFact {
  bytes: number | null;
  rows: number | null;
  /** Types by column, as the database tells them: `character varying(50)`. */
  columns: Record<string, string>;
  /** Columns that a validated CHECK proves to hold no NULL; absent: nobody asked. */
  proven?: string[];
  /** What a column gets that an INSERT leaves out, as the database tells it; `identity` for the sequence of one. Absent: nobody asked. */
  defaults?: Record<string, string>;
}

/** What is known besides the SQL. What is not known counts against the migration, never for it. */
export interface MigrationFacts {
  tables: Record<string, TableFact>;
  /** Tables that are known not to be there. */
  absent?: string[];
  /** `table`, or `table.column`, that the version that runs is known not to use. */
  unused: string[];
  /** Major version of the database. */
  engineVersion: number | null;
  /** A lock_timeout that is set outside the SQL, for the role or by the tool. */
  lockTimeoutMs: number | null;
}

export const NOTHING_KNOWN: MigrationFacts = { tables: {}, unused: [], engineVersion: null, lockTimeoutMs: null };

export type Severity = 'error' | 'warning' | 'note';

export interface Finding {
  rule: string;
  severity: Severity;
  /** Migration it was found in. */
  name: string;
  direction: 'up' | 'down';
  line: number;
  statement: string;
  why: string;
  safeWay: string;
  /** The reason of whoever allowed it in the file; null when nobody did. */
  allowed: string | null;
}
