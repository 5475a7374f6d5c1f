import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** The router state that was written down last for a service and environment, as JSON text, or null. */
export async function plannedRouterState(
  db: Kysely<Tables>,
  service: string,
  environment: string,
): Promise<string | null> {
  const row = await db
    .selectFrom('shipway.router_state')
    .select('state')
    .where('service', '=', service)
    .where('environment', '=', environment)
    .executeTakeFirst();
  return row?.state ?? null;
}

/** Writes the desired state down before it is put; only a newer generation replaces an older one. */
export async function planRouterState(
  db: Kysely<Tables>,
  place: { service: string; environment: string; release: string },
  generation: number,
  state: string,
): Promise<boolean> {
  const written = await db
    .insertInto('shipway.router_state')
    .values({
      service: place.service,
      environment: place.environment,
      release_id: place.release,
      generation: String(generation),
      state,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['service', 'environment'])
        .doUpdateSet({ generation: String(generation), state, release_id: place.release })
        .where('shipway.router_state.generation', '<', String(generation)),
    )
    .returning('generation')
    .execute();
  return written.length === 1;
}
