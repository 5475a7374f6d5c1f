import type { Severity } from './migration.ts';

/** What a rule protects. */
export type RuleConcern =
  'the version that runs' | 'waiting' | 'data' | 'the way back' | 'running it twice' | 'judging';

export interface Rule {
  severity: Severity;
  concern: RuleConcern;
  /** One sentence for the reference. */
  about: string;
  /** The smallest SQL that breaks it; the test of the reference page judges it. */
  example: string;
}

const breaks = (about: string, example: string): Rule => ({
  severity: 'error',
  concern: 'the version that runs',
  about,
  example,
});
const waits = (about: string, example: string): Rule => ({ severity: 'error', concern: 'waiting', about, example });
const mild = (concern: RuleConcern, about: string, example: string): Rule => ({
  severity: 'warning',
  concern,
  about,
  example,
});

/** Every rule there is. The reference page is made from it. */
export const RULES = {
  'not-null-without-default': breaks(
    'A new column must be filled, and the version that runs does not know it: its INSERTs fail.',
    'ALTER TABLE users ADD COLUMN plan text NOT NULL;',
  ),
  'default-dropped-again': breaks(
    'The default of a new NOT NULL column is dropped in the same migration: INSERTs of the version that runs fail from then on.',
    "ALTER TABLE users ADD COLUMN plan text NOT NULL DEFAULT 'free';\nALTER TABLE users ALTER COLUMN plan DROP DEFAULT;",
  ),
  'drop-default': mild(
    'the version that runs',
    'INSERTs of the version that runs may rely on the default.',
    'ALTER TABLE users ALTER COLUMN plan DROP DEFAULT;',
  ),
  'drop-table': breaks(
    'A table or schema goes, with its data, while a version that uses it runs.',
    'DROP TABLE orders;',
  ),
  'drop-column': breaks(
    'A column goes, with its data, while a version that uses it runs.',
    'ALTER TABLE users DROP COLUMN nick;',
  ),
  'drop-object': mild(
    'the version that runs',
    'A view, function, type, sequence or extension goes while a version that may use it runs.',
    'DROP VIEW active_users;',
  ),
  'rename-table': breaks(
    'A table has another name, or another schema, from one moment to the next.',
    'ALTER TABLE users RENAME TO accounts;',
  ),
  'rename-column': breaks(
    'A column has another name from one moment to the next.',
    'ALTER TABLE users RENAME COLUMN nick TO alias;',
  ),
  'rename-object': mild(
    'the version that runs',
    'A view, function, type or sequence has another name from one moment to the next.',
    'ALTER VIEW active_users RENAME TO current_users;',
  ),
  'type-change': breaks(
    'The column has another type: the table is rewritten under the strongest lock, and the version that runs may read or write what no longer fits.',
    'ALTER TABLE users ALTER COLUMN score TYPE bigint;',
  ),
  'default-changed': mild(
    'the version that runs',
    'INSERTs of the version that runs that rely on the default of before get another value.',
    "ALTER TABLE users ALTER COLUMN plan SET DEFAULT 'team';",
  ),
  'sequence-behind': mild(
    'the version that runs',
    'A sequence will give out keys that are taken: rows were inserted beside it, or it begins again.',
    'ALTER SEQUENCE users_id_seq RESTART WITH 1;',
  ),
  'partition-detached': breaks(
    'The rows of a partition are no longer seen by queries of the table.',
    'ALTER TABLE events DETACH PARTITION events_2020;',
  ),
  'trigger-on-old-writes': mild(
    'the version that runs',
    'A trigger on an existing table also acts on what the version that runs writes, and can refuse it.',
    'CREATE TRIGGER audit BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION audit();',
  ),
  'rows-hidden': mild(
    'the version that runs',
    'Row level security hides rows from a version that was not written for it.',
    'ALTER TABLE users ENABLE ROW LEVEL SECURITY;',
  ),
  'rights-taken': mild(
    'the version that runs',
    'Rights are taken that the version that runs may need.',
    'REVOKE SELECT ON users FROM app;',
  ),
  'volatile-default': waits(
    'A new column is computed for every row: the table is rewritten while nobody can read it.',
    'ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();',
  ),
  'table-rewrite': waits('The table is written anew while nobody can read it.', 'VACUUM FULL users;'),
  'index-blocks-writes': waits(
    'An index is built while nobody can write the table.',
    'CREATE INDEX users_email ON users (email);',
  ),
  'concurrently-in-transaction': waits(
    'CONCURRENTLY does not work inside a transaction: PostgreSQL refuses it.',
    'BEGIN;\nCREATE INDEX CONCURRENTLY users_email ON users (email);\nCOMMIT;',
  ),
  'drop-index-blocks-reads': mild(
    'waiting',
    'DROP INDEX takes the strongest lock of its table and waits for every reader.',
    'DROP INDEX users_email;',
  ),
  'constraint-validates-at-once': waits(
    'A constraint looks at every row while nobody can write the table.',
    'ALTER TABLE users ADD CONSTRAINT positive CHECK (score > 0);',
  ),
  'validated-in-same-transaction': mild(
    'waiting',
    'NOT VALID and VALIDATE in one transaction keep the strong lock for the whole look at the rows, which NOT VALID was to avoid.',
    'BEGIN;\nALTER TABLE users ADD CONSTRAINT positive CHECK (score > 0) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT positive;\nCOMMIT;',
  ),
  'set-not-null-scans': waits(
    'SET NOT NULL looks at every row while nobody can read the table, and fails on the first NULL.',
    'ALTER TABLE users ALTER COLUMN email SET NOT NULL;',
  ),
  'partition-scans': mild(
    'waiting',
    'ATTACH PARTITION looks at every row of the partition unless a CHECK proves them.',
    "ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
  ),
  'refresh-blocks-reads': mild(
    'waiting',
    'REFRESH MATERIALIZED VIEW lets nobody read the view until it is done.',
    'REFRESH MATERIALIZED VIEW totals;',
  ),
  'explicit-lock': mild(
    'waiting',
    'LOCK TABLE makes everybody wait until the end of the transaction.',
    'LOCK TABLE users;',
  ),
  'no-lock-timeout': mild(
    'waiting',
    'Without lock_timeout one idle transaction is enough to make a statement of a millisecond hold up every query of the table.',
    'ALTER TABLE users ADD COLUMN nick text;',
  ),
  'long-lock': waits(
    'The table is large, and by its size the statement holds a lock for longer than a second.',
    'CREATE INDEX users_email ON users (email);',
  ),
  'one-statement-backfill': waits(
    'One statement changes an unknown number of rows: their writers wait until it ends, and it cannot be resumed.',
    "UPDATE users SET plan = 'free';",
  ),
  'schema-and-data-mixed': mild(
    'waiting',
    'Schema and data change in one migration: the locks of the one last as long as the other.',
    "ALTER TABLE users ADD COLUMN plan text;\nUPDATE users SET plan = 'free' WHERE id = 1;",
  ),
  'table-rebuilt': mild(
    'waiting',
    'The table is copied into a new one that takes its name: nobody can write meanwhile, and what the copy forgets is gone.',
    'CREATE TABLE users_new (id integer primary key);\nINSERT INTO users_new SELECT id FROM users;\nDROP TABLE users;\nALTER TABLE users_new RENAME TO users;',
  ),
  truncate: {
    severity: 'error',
    concern: 'data',
    about: 'All rows of an existing table go.',
    example: 'TRUNCATE users;',
  },
  'drop-database': {
    severity: 'error',
    concern: 'data',
    about: 'A whole database goes.',
    example: 'DROP DATABASE shop;',
  },
  'values-not-kept': mild(
    'data',
    'Values that existed before are overwritten or deleted and kept nowhere: no way down brings them back.',
    'UPDATE users SET email = lower(email) WHERE id BETWEEN 1 AND 1000;',
  ),
  'no-down': mild(
    'the way back',
    'There is no way down, and nothing says why.',
    'ALTER TABLE users ADD COLUMN nick text;',
  ),
  'down-does-not-undo': {
    severity: 'error',
    concern: 'the way back',
    about: 'The way down leaves something that the way up made, or does not bring back what it took.',
    example:
      '-- migrate:up\nALTER TABLE users ADD COLUMN nick text;\nALTER TABLE users ADD COLUMN age int;\n-- migrate:down\nALTER TABLE users DROP COLUMN nick;',
  },
  'down-destroys-data': {
    severity: 'error',
    concern: 'the way back',
    about: 'The way down changes rows that were there before the way up.',
    example:
      '-- migrate:up\nALTER TABLE users ADD COLUMN nick text;\n-- migrate:down\nUPDATE users SET email = NULL;\nALTER TABLE users DROP COLUMN nick;',
  },
  'enum-value-in-transaction': mild(
    'running it twice',
    'ADD VALUE inside a transaction: refused before PostgreSQL 12, and since then the value cannot be used until the transaction is over.',
    "BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;",
  ),
  'enum-value-stays': mild(
    'the way back',
    'A value of an enum cannot be removed: there is no way down.',
    "ALTER TYPE mood ADD VALUE 'calm';",
  ),
  'transaction-cut': mild(
    'running it twice',
    'COMMIT in the middle of a migration that the tool runs in one transaction: a failure afterwards leaves half of it.',
    '-- migrate:up transaction:true\nALTER TABLE users ADD COLUMN a int;\nCOMMIT;\nALTER TABLE users ADD COLUMN b int;',
  ),
  'not-idempotent': mild(
    'running it twice',
    'Outside a transaction a failure leaves half of the migration, and running it again fails on that half.',
    'CREATE INDEX CONCURRENTLY users_email ON users (email);\nCREATE TABLE notes (id int);',
  ),
  'not-judged': {
    severity: 'error',
    concern: 'judging',
    about: 'The statement could not be judged: it is neither good nor bad by this.',
    example: "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'users'; END $$;",
  },
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;

/** The same list by any text, for what is read from files. */
export function ruleNamed(name: string): Rule | null {
  return Object.hasOwn(RULES, name) ? RULES[name as RuleName] : null;
}
