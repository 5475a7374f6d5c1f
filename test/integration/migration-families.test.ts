import { beforeAll, describe, expect, test } from 'vitest';
import { dialectKinds } from '../../src/adapters/dialects/index.ts';
import { judgeMigration } from '../../src/core/migration/judge-migration.ts';
import { NOTHING_KNOWN } from '../../src/core/migration/migration.ts';
import { migrationOf } from '../../src/core/migration/read-script.ts';

/**
 * The families of faults that four public linters of migrations warn of (squawk, strong_migrations, Atlas, the guidelines of large Rails
 * projects), and what they call safe. The choice of the families is theirs; every statement here is our own. Left out: what others warn of
 * as style, and DETACH PARTITION CONCURRENTLY, which they call safe for its locks, and which takes rows from every query all the same.
 */
const OUTSIDE = '-- migrate:up transaction:false\n';

const FAULTY: Record<string, string> = {
  'column with a volatile default': 'ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();',
  'column with a random default': 'ALTER TABLE orders ADD COLUMN dice float8 DEFAULT random();',
  'foreign key at once': 'ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id);',
  'column with a foreign key and a default':
    'ALTER TABLE orders ADD COLUMN shop_id int DEFAULT 1 REFERENCES shops (id);',
  'set not null': 'ALTER TABLE orders ALTER COLUMN note SET NOT NULL;',
  'required column': 'ALTER TABLE orders ADD COLUMN sku text NOT NULL;',
  'serial primary key on a full table': 'ALTER TABLE orders ADD COLUMN nr bigserial PRIMARY KEY;',
  'identity on a full table': 'ALTER TABLE orders ADD COLUMN nr int GENERATED ALWAYS AS IDENTITY;',
  'primary key on a full table': 'ALTER TABLE orders ADD PRIMARY KEY (id);',
  'constraint on a domain': "ALTER DOMAIN email ADD CONSTRAINT has_at CHECK (VALUE ~ '@');",
  'domain becomes not null': 'ALTER DOMAIN email SET NOT NULL;',
  'concurrent index in a transaction':
    '-- migrate:up transaction:true\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);',
  'drop column': 'ALTER TABLE orders DROP COLUMN note;',
  'drop table': 'DROP TABLE orders;',
  'drop schema': 'DROP SCHEMA app CASCADE;',
  'drop database': 'DROP DATABASE shop;',
  'truncate with what refers to it': 'TRUNCATE orders CASCADE;',
  'int to bigint': 'ALTER TABLE orders ALTER COLUMN id TYPE bigint;',
  'text to json': 'ALTER TABLE orders ALTER COLUMN note TYPE jsonb USING note::jsonb;',
  'shorter varchar': 'ALTER TABLE orders ALTER COLUMN note TYPE varchar(10);',
  'smaller numeric': 'ALTER TABLE orders ALTER COLUMN price TYPE numeric(8, 2);',
  'timestamp to timestamptz': 'ALTER TABLE orders ALTER COLUMN at TYPE timestamptz;',
  'another collation': 'ALTER TABLE orders ALTER COLUMN note TYPE text COLLATE "C";',
  'check at once': 'ALTER TABLE orders ADD CONSTRAINT positive CHECK (price > 0);',
  'unique constraint': 'ALTER TABLE orders ADD CONSTRAINT one_sku UNIQUE (sku);',
  'exclusion constraint':
    'ALTER TABLE stays ADD CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&);',
  'rename column': 'ALTER TABLE orders RENAME COLUMN note TO remark;',
  'rename table': 'ALTER TABLE orders RENAME TO purchases;',
  'rename schema': 'ALTER SCHEMA app RENAME TO shop;',
  'rename view': 'ALTER VIEW active_orders RENAME TO open_orders;',
  'move to another schema': 'ALTER TABLE orders SET SCHEMA archive;',
  index: 'CREATE INDEX orders_note ON orders (note);',
  'unique index': 'CREATE UNIQUE INDEX orders_sku ON orders (sku);',
  'drop index': 'DROP INDEX orders_note;',
  reindex: 'REINDEX TABLE orders;',
  cluster: 'CLUSTER orders USING orders_pkey;',
  'vacuum full': `${OUTSIDE}VACUUM FULL orders;`,
  'another tablespace': 'ALTER TABLE orders SET TABLESPACE fast;',
  unlogged: 'ALTER TABLE orders SET UNLOGGED;',
  'partition detached at once': 'ALTER TABLE measures DETACH PARTITION measures_2025;',
  'partition attached without a check':
    "ALTER TABLE measures ATTACH PARTITION m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');",
  'stored generated column': 'ALTER TABLE orders ADD COLUMN total int GENERATED ALWAYS AS (price * count) STORED;',
  'table dropped and made again': 'DROP TABLE IF EXISTS orders CASCADE;\nCREATE TABLE orders (id bigint PRIMARY KEY);',
  'column dropped and made again': 'ALTER TABLE orders DROP COLUMN note;\nALTER TABLE orders ADD COLUMN note int;',
  'backfill of the whole table': "UPDATE orders SET state = 'open';",
  'backfill beside the schema':
    "ALTER TABLE orders ADD COLUMN state text;\nUPDATE orders SET state = 'open' WHERE state IS NULL;",
  'delete without a limit': 'DELETE FROM orders USING users WHERE users.id = orders.user_id AND users.gone;',
  'enum value renamed': "ALTER TYPE order_state RENAME VALUE 'new' TO 'open';",
  'attribute of a type dropped': 'ALTER TYPE address DROP ATTRIBUTE street;',
  'drop type': 'DROP TYPE order_state;',
  'drop function': 'DROP FUNCTION total_of(int);',
  'drop extension': 'DROP EXTENSION pg_trgm;',
  'triggers switched off': 'ALTER TABLE orders DISABLE TRIGGER ALL;',
  'trigger on a table in use': 'CREATE TRIGGER audit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note_it();',
  'row security switched on': 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY;',
  'rights taken': 'REVOKE SELECT ON orders FROM web;',
  'lock table': 'LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;',
  'refresh of a view that is read': 'REFRESH MATERIALIZED VIEW monthly;',
  'default taken away': 'ALTER TABLE orders ALTER COLUMN state DROP DEFAULT;',
  'default of a new required column taken away':
    "ALTER TABLE orders ADD COLUMN plan text NOT NULL DEFAULT 'free';\nALTER TABLE orders ALTER COLUMN plan DROP DEFAULT;",
  'validated in the transaction that adds it':
    '-- migrate:up transaction:true\nALTER TABLE orders ADD CONSTRAINT c CHECK (price > 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT c;',
};

const SAFE: Record<string, string> = {
  'nullable column': 'ALTER TABLE orders ADD COLUMN note text;',
  'nullable column, once': 'ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;',
  'constant default': "ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'open';",
  'default of the moment': 'ALTER TABLE orders ADD COLUMN seen timestamptz DEFAULT now();',
  'new table with all it needs':
    'CREATE TABLE gifts (id bigint PRIMARY KEY, sku text UNIQUE, price int CHECK (price > 0));\nCREATE INDEX gifts_price ON gifts (price);',
  'index concurrently': `${OUTSIDE}CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON orders (note);`,
  'unique index concurrently': `${OUTSIDE}CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_sku ON orders (sku);`,
  'drop index concurrently': `${OUTSIDE}DROP INDEX CONCURRENTLY IF EXISTS orders_note;`,
  'reindex concurrently': `${OUTSIDE}REINDEX TABLE CONCURRENTLY orders;`,
  'unique constraint from an index': 'ALTER TABLE orders ADD CONSTRAINT one_sku UNIQUE USING INDEX orders_sku;',
  'foreign key not valid':
    'ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;',
  'check not valid': 'ALTER TABLE orders ADD CONSTRAINT positive CHECK (price > 0) NOT VALID;',
  'validated by itself': 'ALTER TABLE orders VALIDATE CONSTRAINT positive;',
  'varchar to text': 'ALTER TABLE orders ALTER COLUMN note TYPE text;',
  'set default': "ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'open';",
  'statistics of a column': 'ALTER TABLE orders ALTER COLUMN note SET STATISTICS 500;',
  'storage of a column': 'ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL;',
  'fill factor': 'ALTER TABLE orders SET (fillfactor = 80);',
  comment: "COMMENT ON COLUMN orders.note IS 'what the customer wrote';",
  extension: 'CREATE EXTENSION IF NOT EXISTS pg_trgm;',
  sequence: 'CREATE SEQUENCE numbers;\nALTER SEQUENCE numbers INCREMENT BY 10;',
  schema: 'CREATE SCHEMA IF NOT EXISTS app;',
  view: 'CREATE VIEW open_orders AS SELECT id FROM orders WHERE state = 1;',
  'materialized view without data': 'CREATE MATERIALIZED VIEW monthly AS SELECT 1 AS n WITH NO DATA;',
  'refresh concurrently': 'REFRESH MATERIALIZED VIEW CONCURRENTLY monthly;',
  'function replaced': 'CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;',
  type: "CREATE TYPE mood AS ENUM ('good', 'bad');",
  domain: "CREATE DOMAIN email AS text CHECK (VALUE ~ '@');",
  'rights given': 'GRANT SELECT ON orders TO reader;',
  policy: 'CREATE POLICY own ON orders USING (user_id = 1);',
  statistics: 'CREATE STATISTICS orders_stats (dependencies) ON state, user_id FROM orders;',
  analyze: 'ANALYZE orders;',
  'constraint renamed': 'ALTER TABLE orders RENAME CONSTRAINT c TO positive;',
  'index renamed': 'ALTER INDEX orders_note RENAME TO orders_remark;',
  'partition made': "CREATE TABLE m PARTITION OF measures FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');",
  'not null dropped': 'ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;',
  'constraint dropped': 'ALTER TABLE orders DROP CONSTRAINT positive;',
  'rows of a list': "INSERT INTO states (id, name) VALUES (1, 'open') ON CONFLICT DO NOTHING;",
  'row by its key': "UPDATE settings SET value = 'x' WHERE id = 7;",
  'batch of a backfill': "UPDATE orders SET state = 'open' WHERE id BETWEEN 1 AND 1000 AND state IS NULL;",
  role: 'ALTER ROLE web SET lock_timeout = 200;',
};

const dialect = dialectKinds.postgresql.open();

// The catalog tells the types of a real table; a limit for locks and a way back are taken for given, so that only the fault itself counts.
const FACTS = {
  ...NOTHING_KNOWN,
  tables: { orders: { bytes: null, rows: null, columns: { note: 'character varying(50)', id: 'integer' } } },
  lockTimeoutMs: 200,
};

/** Rules that are broken, but for remarks. */
async function rulesBroken(sql: string): Promise<string[]> {
  const read = (one: string) => dialect.read(one);
  const text = `-- shipway: irreversible the others do not look at the way back\n${sql}`;
  const one = { name: 'case', dialect: 'postgresql', text, down: null, inTransaction: null, read } as const;
  const findings = judgeMigration(await migrationOf(one), FACTS);
  return [...new Set(findings.filter((finding) => finding.severity !== 'note').map((finding) => finding.rule))];
}

describe('the families of faults that others warn of', () => {
  const missed: string[] = [];
  const alarms: string[] = [];
  beforeAll(async () => {
    for (const [name, sql] of Object.entries(FAULTY)) if ((await rulesBroken(sql)).length === 0) missed.push(name);
    for (const [name, sql] of Object.entries(SAFE)) {
      const rules = await rulesBroken(sql);
      if (rules.length > 0) alarms.push(`${name}: ${rules.join(', ')}`);
    }
  });

  test('the figures: at least 95 % of the faulty are found, and at most 2 % of the safe are false alarms', () => {
    const [faulty, safe] = [Object.keys(FAULTY).length, Object.keys(SAFE).length];
    expect([faulty, safe]).toEqual([61, 41]);
    expect(missed.length / faulty, `missed of ${faulty}: ${missed.join('; ')}`).toBeLessThanOrEqual(0.05);
    expect(alarms.length / safe, `false alarms of ${safe}: ${alarms.join('; ')}`).toBeLessThanOrEqual(0.02);
  });
});
