import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { NOTHING_KNOWN, type Migration } from '../core/migration/migration.ts';
import { migrationOf } from '../core/migration/read-script.ts';
import { DIALECT_NAMES, type DialectName } from '../core/migration/statement.ts';
import type { Facts } from '../core/plan/facts.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import type { Adapters } from './steps/step-tools.ts';

interface Place {
  config: ServiceConfig;
  environment: EnvironmentConfig;
  version: string;
}

/** The SQL that the migration of a version would run, as statements; null when the project's tool does not print it. Runs nothing of it. */
export async function readPending(
  from: { adapters: Adapters; effect: Effect },
  place: Place,
): Promise<Migration | null> {
  const { migrate } = place.environment;
  if (migrate === null) return null;
  const migrator = from.adapters.migrator(migrate);
  const preview = await migrator.preview?.(place.version, from.effect);
  if (preview === null || preview === undefined) return null;
  const dialect = isDialectName(preview.dialect) ? preview.dialect : dialectOfStores(place);
  return migrationOf({
    name: 'preview',
    dialect,
    text: preview.sql,
    // The tool prints what goes up; what goes down is known to exist, not how it reads.
    down: migrate.reversible ? 'unseen' : null,
    inTransaction: null,
    read: (sql) => from.adapters.dialect(dialect).read(sql),
  });
}

/** The facts with what the migration would run. A preview that fails is a warning of the plan: what is not seen is not judged good. */
export async function gatherPending(
  from: { adapters: Adapters; effect: Effect },
  place: Place,
  facts: Facts,
): Promise<Facts> {
  try {
    const migration = await readPending(from, place);
    return migration === null ? facts : { ...facts, pending: { migration, facts: NOTHING_KNOWN } };
  } catch (error) {
    if (!isProblem(error)) throw error;
    const warning = `the migration is not judged, because what it would run is not known: ${error.message}`;
    return { ...facts, problems: [...facts.problems, warning] };
  }
}

/** SQLite where it is the only database that is declared. */
export function dialectOfStores({ config, environment }: Pick<Place, 'config' | 'environment'>): DialectName {
  const kinds = config.stores.filter((store) => environment.stores.includes(store.name)).map((store) => store.kind);
  return kinds.includes('sqlite') && !kinds.includes('postgres') ? 'sqlite' : 'postgresql';
}

function isDialectName(name: string | null): name is DialectName {
  return name !== null && (DIALECT_NAMES as readonly string[]).includes(name);
}
