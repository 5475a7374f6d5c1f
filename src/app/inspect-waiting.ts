import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { formatBytes } from '../core/plan/format-bytes.ts';
import { problemRecord } from '../core/release/problem.ts';
import { openReleases } from '../state/releases.ts';
import type { App } from './app.ts';
import { listReplaced } from './discard-replaced.ts';
import type { Finding } from './finding.ts';

/** Copies of the data that waited for a rollback and were left when their release ended; looked for where the release file lets copies wait. */
export async function inspectWaiting(
  app: App,
  config: ServiceConfig,
  environment: EnvironmentConfig,
): Promise<Finding[]> {
  const database = await app.existingDatabase();
  if (database === null || environment.prestage !== true) return [];
  const open = (await openReleases(database.db)).filter(
    (row) => row.service === config.service && row.environment === environment.name,
  );
  if (open.length > 0) return [];
  const what = `data of ${environment.name}`;
  try {
    const left = (await listReplaced(app, environment.name)).filter((one) => one.isWaiting === true);
    return left.map(({ store, bytes, place }): Finding => {
      const found = `a copy of ${store} that nobody waits for any more takes ${formatBytes(bytes)}: ${place}`;
      return { level: 'warn', what, found, next: `shipway backup discard --env ${environment.name}` };
    });
  } catch (error) {
    const { message, next } = problemRecord(error);
    return [{ level: 'warn', what, found: `whether a copy was left beside it cannot be seen: ${message}`, next }];
  }
}
