import type { Migrator } from '../../adapters/migrators/migrator.ts';
import type { MigrateConfig } from '../../core/config/service-config.ts';
import type { StepContext } from './step.ts';

/** The migrator of a step, with how it waits for locks. */
export function migratorOf({ step, plan, tools }: StepContext): Migrator {
  const { locks, ...migrate } = step.input['migrate'] as unknown as MigrateConfig;
  // Where SQLite is the only database there is nothing to set, and nothing to ask for it.
  const manners = locks === undefined || hasOnlySqlite(plan.stores) ? {} : { locks };
  return tools.adapters.migrator({ ...migrate, ...manners });
}

function hasOnlySqlite(stores: readonly { kind: string }[]): boolean {
  return stores.some((store) => store.kind === 'sqlite') && stores.every((store) => store.kind !== 'postgres');
}
