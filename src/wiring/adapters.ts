import { runCheck } from '../adapters/checks/run-check.ts';
import { checkKinds } from '../adapters/checks/index.ts';
import { dialectKinds } from '../adapters/dialects/index.ts';
import { metricKinds } from '../adapters/metrics/index.ts';
import { migratorKinds } from '../adapters/migrators/index.ts';
import { placeKinds } from '../adapters/places/index.ts';
import { routerKinds } from '../adapters/routers/index.ts';
import { storeKinds, type StoreKind } from '../adapters/stores/index.ts';
import { componentsOf } from '../adapters/targets/components-of.ts';
import { targetKinds } from '../adapters/targets/index.ts';
import type { Kinds } from '../core/config/kinds.ts';
import type { Chosen } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import type { Adapters, ComponentHealth } from '../engine/steps/step-tools.ts';

/** Every kind of adapter there is, with the schema of its settings. */
export const kinds: Kinds = {
  targets: targetKinds,
  routers: routerKinds,
  stores: storeKinds,
  checks: checkKinds,
  metrics: metricKinds,
  migrators: migratorKinds,
  places: placeKinds,
};

const stores: Record<string, StoreKind> = storeKinds;

const HEALTH_TIMEOUT_SECONDS = 5; // of one question while an instance starts; a hanging start must not use up the whole limit

/** The adapters, opened by what a plan says. */
export const adapters: Adapters = {
  target: (plan) => pick('target', targetKinds, plan.target).open(plan.target.settings, scopeOf(plan)),
  components: (plan) => componentsOf(plan.target.settings).map(withHealthCheck),
  router: (plan) =>
    plan.router === null ? null : pick('router', routerKinds, plan.router).open(plan.router.settings, scopeOf(plan)),
  routedComponent: (plan) => textSetting(plan.router, 'component'),
  check: (chosen) => pick('check', checkKinds, chosen).open(chosen.settings),
  runCheck: (named, subject, effect) =>
    runCheck(named, pick('check', checkKinds, named).open(named.settings), subject, effect),
  metrics: (chosen) => pick('metrics', metricKinds, chosen).open(chosen.settings),
  describeTables: async (store, names, effect) =>
    (await pick('store', stores, store)
      .open(store.settings, { projectDirectory: effect.projectDirectory })
      .describeTables?.(names, effect)) ?? null,
  counting: (store, { projectDirectory }) =>
    pick('store', stores, store).open(store.settings, { projectDirectory }).counting ?? null,
  watchWaits: async (store, { applicationName, found }, effect) =>
    pick('store', stores, store)
      .open(store.settings, { projectDirectory: effect.projectDirectory })
      .watchWaits?.(applicationName, found, effect),
  dialect: (name) => dialectKinds[name].open(),
  migrator: (chosen) => pick('migrator', migratorKinds, chosen).open(chosen.settings, chosen.locks ?? null),
};

function scopeOf(plan: Plan): { service: string; environment: string } {
  return { service: plan.service, environment: plan.environment };
}

function withHealthCheck(component: ReturnType<typeof componentsOf>[number]): ComponentHealth {
  const { name, hasPort, startWithinSeconds } = component;
  if (component.health === null) return { name, hasPort, startWithinSeconds, health: null };
  const health = {
    name: 'health',
    kind: 'http',
    settings: component.health,
    tries: 1,
    everySeconds: 0,
    timeoutSeconds: HEALTH_TIMEOUT_SECONDS,
  };
  return { name, hasPort, startWithinSeconds, health };
}

function textSetting(chosen: Chosen | null, key: string): string | null {
  const settings = chosen?.settings;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return null;
  const value = settings[key];
  return typeof value === 'string' ? value : null;
}

/** A plan may be older than this program: a kind that is gone is said, not guessed. */
function pick<Kind>(what: string, known: Record<string, Kind>, chosen: Chosen): Kind {
  const found = Object.hasOwn(known, chosen.kind) ? known[chosen.kind] : undefined;
  if (found !== undefined) return found;
  throw problem('config-invalid', `this version of shipway has no ${what} of kind ${chosen.kind}`, {
    next: `Use one of: ${Object.keys(known).join(', ')}`,
  });
}
