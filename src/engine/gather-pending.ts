import type { ChosenMigrator, EnvironmentConfig, NamedStore, ServiceConfig } from '../core/config/service-config.ts';
import { NOTHING_KNOWN, type Migration, type MigrationFacts } from '../core/migration/migration.ts';
import { migrationOf } from '../core/migration/read-script.ts';
import { DIALECT_NAMES, type DialectName } from '../core/migration/statement.ts';
import { touchedTables, withoutTables } from '../core/migration/touched-tables.ts';
import { contractSql } from '../core/plan/contract-sql.ts';
import type { Facts } from '../core/plan/facts.ts';
import { sqlDigest, type PendingMigration } from '../core/plan/pending-migration.ts';
import type { Migrator, SqlPreview, Unseen } from '../adapters/migrators/migrator.ts';
import { lockTimeoutOf, type Atomicity } from '../core/release/lock-manners.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import type { Adapters } from './steps/step-tools.ts';

interface Place {
  config: ServiceConfig;
  environment: EnvironmentConfig;
  version: string;
}

interface From {
  adapters: Adapters;
  effect: Effect;
}

/** What a migration would run, and what could not be found out about it. */
export interface ReadPending {
  /** Null when there is no migration, or its SQL is not seen before it runs. */
  pending: PendingMigration | null;
  atomicity: Atomicity | null;
  problems: string[];
}

interface SeenPending extends ReadPending {
  /** The SQL as it was printed; empty when it is not seen. */
  printed: string;
}

const CONTRACTS = 'it takes away at the end what no version needs any more';
const NOTHING: SeenPending = { pending: null, atomicity: null, problems: [], printed: '' };

/** Reads the SQL and the sizes of the tables it touches. Runs nothing of it. Throws when the project's tool fails. */
export async function readPending(from: From, place: Place): Promise<{ up: ReadPending; contract: ReadPending }> {
  const up = await readUp(from, place);
  return { up, contract: await readContract(from, place, up.printed) };
}

async function readUp(from: From, place: Place): Promise<SeenPending> {
  const { migrate } = place.environment;
  return migrate === null ? NOTHING : readOne(from, place, { migrate, what: 'migration', sqlOf: (printed) => printed });
}

/** What only contracts, without the way up that a tool prints before it. */
async function readContract(from: From, place: Place, up: string): Promise<SeenPending> {
  const migrate = place.environment.migrate?.contract ?? null;
  const sqlOf = (printed: string): string => contractSql(printed, up);
  return migrate === null ? NOTHING : readOne(from, place, { migrate, what: 'contract', sqlOf });
}

interface Wanted {
  migrate: ChosenMigrator;
  what: 'migration' | 'contract';
  sqlOf: (printed: string) => string;
}

async function readOne(from: From, place: Place, { migrate, what, sqlOf }: Wanted): Promise<SeenPending> {
  const migrator = from.adapters.migrator(migrate);
  const preview = await migrator.preview(place.version, from.effect);
  const dialect = 'unseen' in preview || !isDialectName(preview.dialect) ? dialectOfStores(place) : preview.dialect;
  const atomicity = dialect === 'sqlite' ? null : await askAtomicity(migrator, preview, place.version, from.effect);
  if ('unseen' in preview) {
    return { ...NOTHING, atomicity, problems: [`the ${what} is not judged: ${preview.unseen}`] };
  }
  const sql = sqlOf(preview.sql);
  const { reversible } = place.environment.migrate ?? { reversible: false };
  const migration = await migrationOf({
    name: what === 'contract' ? 'contract' : 'preview',
    dialect,
    text: sql,
    // Most tools print what goes up; of what goes down is only known that it exists.
    down: what === 'contract' || !reversible ? null : preview.down === undefined ? 'unseen' : preview.down,
    inTransaction: null,
    read: async (text) => withoutTables(await from.adapters.dialect(dialect).read(text), preview.ownTables),
  });
  if (what === 'contract') migration.irreversible ??= CONTRACTS;
  const { facts, problems } = await readSizes(from, place, migration);
  const lockTimeoutMs = migrate.locks === undefined ? null : lockTimeoutOf(migrate.locks, atomicity);
  const pending = { migration, facts: { ...facts, lockTimeoutMs }, sqlDigest: sqlDigest(sql) };
  return { pending, atomicity, problems, printed: preview.sql };
}

/** Without an answer it is not known, and the migration is judged all the same. */
async function askAtomicity(
  migrator: Migrator,
  preview: SqlPreview | Unseen,
  version: string,
  effect: Effect,
): Promise<Atomicity> {
  if (!('unseen' in preview) && preview.atomicity !== undefined) return preview.atomicity;
  try {
    return await migrator.atomicity(version, effect);
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { atomic: false, why: `it could not be found out: ${error.message.split('\n')[0] ?? ''}` };
  }
}

/** The facts with what the migration would run. A preview that fails is a warning of the plan: what is not seen is not judged good. */
export async function gatherPending(from: From, place: Place, facts: Facts): Promise<Facts> {
  const up = await orProblem('migration', readUp(from, place));
  const contract = await orProblem('contract', readContract(from, place, up.printed));
  return {
    ...facts,
    pending: up.pending,
    atomicity: up.atomicity,
    contract: { pending: contract.pending, atomicity: contract.atomicity },
    problems: [...facts.problems, ...up.problems, ...contract.problems],
  };
}

async function orProblem(what: string, reading: Promise<SeenPending>): Promise<SeenPending> {
  try {
    return await reading;
  } catch (error) {
    if (!isProblem(error)) throw error;
    const warning = `the ${what} is not judged, because what it would run is not known: ${error.message}`;
    return { ...NOTHING, problems: [warning] };
  }
}

/** How large the tables are that the migration touches, as the stores of the environment tell. */
async function readSizes(
  { adapters, effect }: From,
  place: Place,
  migration: Migration,
): Promise<{ facts: MigrationFacts; problems: string[] }> {
  const names = touchedTables(migration.up);
  const facts: MigrationFacts = { ...NOTHING_KNOWN, tables: {} };
  const problems: string[] = [];
  for (const store of names.length === 0 ? [] : storesOf(place, migration.dialect)) {
    try {
      const found = await adapters.describeTables(store, names, effect);
      facts.engineVersion ??= found?.engineVersion ?? null;
      const absent = found?.absent ?? [];
      facts.absent = (facts.absent ?? absent).filter((name) => absent.includes(name));
      for (const [name, fact] of Object.entries(found?.tables ?? {})) {
        const known = facts.tables[name];
        // Two databases with the same table: the larger one decides.
        if (known === undefined || (known.bytes ?? 0) < (fact.bytes ?? 0)) facts.tables[name] = fact;
      }
    } catch (error) {
      if (!isProblem(error)) throw error;
      facts.absent = [];
      problems.push(`the sizes of the tables that are migrated are not known: ${error.message}`);
    }
  }
  return { facts, problems };
}

function storesOf({ config, environment }: Pick<Place, 'config' | 'environment'>, dialect: DialectName): NamedStore[] {
  const kind = dialect === 'sqlite' ? 'sqlite' : 'postgres';
  return config.stores.filter((store) => store.kind === kind && environment.stores.includes(store.name));
}

/** SQLite where it is the only database that is declared. */
export function dialectOfStores({ config, environment }: Pick<Place, 'config' | 'environment'>): DialectName {
  const kinds = config.stores.filter((store) => environment.stores.includes(store.name)).map((store) => store.kind);
  return kinds.includes('sqlite') && !kinds.includes('postgres') ? 'sqlite' : 'postgresql';
}

function isDialectName(name: string | null): name is DialectName {
  return name !== null && (DIALECT_NAMES as readonly string[]).includes(name);
}
