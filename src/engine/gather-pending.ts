import type { EnvironmentConfig, NamedStore, ServiceConfig } from '../core/config/service-config.ts';
import { NOTHING_KNOWN, type Migration, type MigrationFacts } from '../core/migration/migration.ts';
import { migrationOf } from '../core/migration/read-script.ts';
import { DIALECT_NAMES, type DialectName } from '../core/migration/statement.ts';
import { touchedTables, withoutTables } from '../core/migration/touched-tables.ts';
import type { Facts } from '../core/plan/facts.ts';
import { sqlDigest, type PendingMigration } from '../core/plan/pending-migration.ts';
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

/** What the migration of a version would run, and what could not be found out about it. */
export interface ReadPending {
  /** Null when there is no migration, or its SQL is not seen before it runs. */
  pending: PendingMigration | null;
  problems: string[];
}

/** Reads the SQL and the sizes of the tables it touches. Runs nothing of it. Throws when the project's tool fails. */
export async function readPending(from: From, place: Place): Promise<ReadPending> {
  const { migrate } = place.environment;
  if (migrate === null) return { pending: null, problems: [] };
  const preview = await from.adapters.migrator(migrate).preview(place.version, from.effect);
  if ('unseen' in preview) return { pending: null, problems: [`the migration is not judged: ${preview.unseen}`] };
  const dialect = isDialectName(preview.dialect) ? preview.dialect : dialectOfStores(place);
  const migration = await migrationOf({
    name: 'preview',
    dialect,
    text: preview.sql,
    // The tool prints what goes up; what goes down is known to exist, not how it reads.
    down: migrate.reversible ? 'unseen' : null,
    inTransaction: null,
    read: async (sql) => withoutTables(await from.adapters.dialect(dialect).read(sql), preview.ownTables),
  });
  const { facts, problems } = await readSizes(from, place, migration);
  return { pending: { migration, facts, sqlDigest: sqlDigest(preview.sql) }, problems };
}

/** The facts with what the migration would run. A preview that fails is a warning of the plan: what is not seen is not judged good. */
export async function gatherPending(from: From, place: Place, facts: Facts): Promise<Facts> {
  try {
    const { pending, problems } = await readPending(from, place);
    return { ...facts, pending, problems: [...facts.problems, ...problems] };
  } catch (error) {
    if (!isProblem(error)) throw error;
    const warning = `the migration is not judged, because what it would run is not known: ${error.message}`;
    return { ...facts, problems: [...facts.problems, warning] };
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
      for (const [name, fact] of Object.entries(found?.tables ?? {})) {
        const known = facts.tables[name];
        // Two databases with the same table: the larger one decides.
        if (known === undefined || (known.bytes ?? 0) < (fact.bytes ?? 0)) facts.tables[name] = fact;
      }
    } catch (error) {
      if (!isProblem(error)) throw error;
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
