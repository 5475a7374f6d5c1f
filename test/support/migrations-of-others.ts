import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dialectKinds } from '../../src/adapters/dialects/index.ts';
import { judgeMigration } from '../../src/core/migration/judge-migration.ts';
import {
  NOTHING_KNOWN,
  type Finding,
  type MigrationFacts,
  type TableFact,
} from '../../src/core/migration/migration.ts';
import { migrationOf } from '../../src/core/migration/read-script.ts';
import { touchedTables, withoutTables } from '../../src/core/migration/touched-tables.ts';
import { isAboutRunning } from '../../src/core/plan/judged-parts.ts';

export const FOLDER = 'test/fixtures/migrations-of-others';

/** A migration that somebody wrote who had not seen a rule of ours, and what they say of it. */
export interface ForeignCase {
  name: string;
  verdict: 'faulty' | 'harmless';
  tool: string;
  inTransaction: boolean;
  isContract: boolean;
  /** Rows that the tables have in production. */
  sizes: Record<string, number>;
  why: string;
  schema: string;
  up: string;
  down: string | null;
  /** What the version that runs goes on asking. */
  old: string;
}

/** All cases, in the order of their names. */
export function foreignCases(): ForeignCase[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .toSorted()
    .map((file) => readCase(readFileSync(join(FOLDER, file), 'utf8')));
}

function readCase(text: string): ForeignCase {
  const said = (key: string): string => {
    const found = new RegExp(`^-- ${key}: (.+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`a case does not say its ${key}:\n${text}`);
    return found;
  };
  const [, ...sections] = text.split(/^--@ /m);
  const parts = new Map(
    sections.map((one) => [one.slice(0, one.indexOf('\n')).trim(), one.slice(one.indexOf('\n') + 1)]),
  );
  return {
    name: said('name'),
    verdict: said('verdict') === 'faulty' ? 'faulty' : 'harmless',
    tool: said('tool'),
    inTransaction: said('transaction') === 'one',
    isContract: said('contract') === 'yes',
    sizes: Object.fromEntries(
      [...said('size').matchAll(/(\w+)=(\d+)/g)].map(([, table = '', rows]) => [table, Number(rows)]),
    ),
    why: said('why'),
    schema: parts.get('schema') ?? '',
    up: parts.get('up') ?? '',
    down: parts.get('down') ?? null,
    old: parts.get('old') ?? '',
  };
}

type Described = Pick<TableFact, 'columns' | 'proven' | 'defaults'>;
/** What the catalog of PostgreSQL 15 tells of the tables of each case. */
export const CATALOG = JSON.parse(readFileSync(join(FOLDER, 'catalog.json'), 'utf8')) as Record<
  string,
  Record<string, Described>
>;
const LOCK_TIMEOUT_MS = 200; // no case says how long it waits for a lock, so a limit is taken for given
const OWN_TABLES: Record<string, string[]> = { alembic: ['alembic_version'] };
const dialect = dialectKinds.postgresql.open();

/** What the catalog of the database tells. */
function factsOf(one: ForeignCase): MigrationFacts {
  const tables = Object.entries(CATALOG[`${one.verdict}-${one.name}`] ?? {}).map(([name, described]) => [
    name,
    { bytes: null, rows: one.sizes[name] ?? null, ...described },
  ]);
  return {
    ...NOTHING_KNOWN,
    engineVersion: 15,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    tables: Object.fromEntries(tables) as MigrationFacts['tables'],
  };
}

/** What the judge says that is more than a note, as a release would be told it. */
export async function judgeCase(one: ForeignCase): Promise<Finding[]> {
  const { name, up, down, inTransaction } = one;
  const read = async (sql: string) => withoutTables(await dialect.read(sql), OWN_TABLES[one.tool] ?? []);
  const migration = await migrationOf({
    name,
    dialect: 'postgresql',
    text: up,
    down: down === null ? null : { sql: down },
    inTransaction,
    read,
  });
  const facts = factsOf(one);
  const absent = touchedTables(migration.up).filter((table) => facts.tables[table] === undefined);
  const findings = judgeMigration(migration, { ...facts, absent }).filter((finding) => finding.severity !== 'note');
  return one.isContract ? findings.filter((finding) => !isAboutRunning(finding)) : findings;
}
