import type { ServiceConfig } from '../core/config/service-config.ts';
import { expectedBackups } from '../state/expected-backups.ts';
import type { App } from './app.ts';
import type { Finding } from './finding.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

/** Ids of backups that were sealed here, and are neither here nor pruned: somebody took them away. */
export async function missingBackups(app: App, opened: OpenBackups): Promise<string[]> {
  const database = await app.existingDatabase();
  if (database === null) return [];
  const expected = await expectedBackups(database.db, opened.plan, app.project);
  if (expected.length === 0) return [];
  const vault = opened.vault(opened.plan);
  const there = new Set([
    ...(await vault.list()).map(({ id }) => id),
    ...(await vault.pruned()).map(({ tombstone }) => tombstone.id),
  ]);
  return expected.filter((id) => !there.has(id));
}

/** Environments of the release file with such backups. */
export async function missingConcerns(
  app: App,
  { service, environments, stores }: ServiceConfig,
): Promise<{ service: string; environment: string; concern: string }[]> {
  if (stores.length === 0) return [];
  const found = [];
  for (const environment of Object.keys(environments)) {
    const missing = await missingBackups(app, await openBackups(app, environment));
    const [newest] = missing.toReversed();
    if (newest === undefined) continue;
    const which = missing.length === 1 ? `${newest} is` : `${missing.length} backups are`;
    found.push({ service, environment, concern: `${which} neither here nor pruned: taken away or lost` });
  }
  return found;
}

/** The same for the doctor. */
export async function inspectMissing(app: App, config: ServiceConfig): Promise<Finding[]> {
  const concerns = await missingConcerns(app, config);
  return concerns.map(({ environment, concern }) => {
    const next = `shipway backup verify --env ${environment}`;
    return { level: 'fail', what: `backups of ${environment}`, found: concern, next };
  });
}
