import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { planHead } from '../core/plan/build-plan.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { Effect } from '../platform/effect.ts';
import { randomId } from '../platform/ids.ts';
import { liveVersion } from '../state/live.ts';
import type { App, Tools } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';

/** One environment's backups, and what acts on them need. */
export interface OpenBackups extends Tools {
  config: ServiceConfig;
  environment: EnvironmentConfig;
  /** A plan without steps: the stores and the vault are opened by it. */
  plan: Plan;
  effect: Effect;
  /** Of the release file. */
  fingerprint: string;
}

export async function openBackups(app: App, name: string | null): Promise<OpenBackups> {
  const { config, fingerprint } = await app.releaseFile();
  const environment = chooseEnvironment(config, name);
  const database = await app.existingDatabase();
  const live = database === null ? null : await liveVersion(database.db, config.service, environment.name);
  const head = planHead(config, environment, { version: live?.version ?? '0.0.0', commit: null });
  const plan: Plan = { ...head, previous: live === null ? null : { version: live.version, release: live.release } };
  const effect = await app.effect(plan, `hand/backup/${randomId()}`);
  return { config, environment, plan, effect, fingerprint, ...(await app.tools()) };
}
