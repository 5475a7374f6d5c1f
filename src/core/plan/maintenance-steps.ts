import type { MaintenanceConfig } from '../config/service-config.ts';
import type { Json, JsonObject } from '../release/json.ts';
import { checkKey } from './check-key.ts';
import type { Facts } from './facts.ts';
import type { Plan, PlannedStep } from './plan.ts';

const SWITCH_LIMIT_SECONDS = 60; // a call or a file; its own tries come first

/** What makes the service refuse work. `router`: it answers 503 with Retry-After by itself. */
export type MaintenanceMeans = MaintenanceConfig | 'router';

/** What keeps writers away while data is changed: the switch that is declared, then the router. None: nothing does. */
export function maintenanceMeans(of: Pick<Plan, 'router' | 'maintenance'>): MaintenanceMeans[] {
  const declared = of.maintenance === undefined ? [] : [of.maintenance];
  return of.router === null ? declared : [...declared, 'router'];
}

/** What somebody who asks for something meets while it refuses work, for a sentence. */
export function refusedWords({ router, maintenance }: Pick<Plan, 'router' | 'maintenance'>): string {
  if (router !== null) return 'requests are answered 503';
  return maintenance === undefined ? 'nobody answers' : 'the service refuses work';
}

/** Makes the service refuse work, and looks that it does. Its undo is known before it is done. */
export function beginMaintenance(
  means: MaintenanceMeans,
  runs: string,
  checks: Facts['commands']['checks'],
): PlannedStep {
  return {
    id: means === 'router' ? 'maintenance.router' : 'maintenance.on',
    kind: 'begin-maintenance',
    title: `maintenance on: ${means === 'router' ? 'the router answers 503 with Retry-After' : howOf(means)}`,
    input: { maintenance: plain(means) },
    commands: callsOf(means, 'on', checks),
    undo: {
      kind: means === 'router' ? 'return-traffic' : 'end-maintenance',
      title: `maintenance off: ${means === 'router' ? `send requests to ${runs} again` : `let ${runs} work again`}`,
      input: { maintenance: plain(means) },
      commands: callsOf(means, 'off', checks),
      limitSeconds: limitOf(means, 'off'),
    },
    reversibility: 'reversible',
    limitSeconds: limitOf(means, 'on'),
    onFailure: 'roll-back',
  };
}

/** Lets the version that is back work again. The router needs none: it serves when requests are sent to a version. */
export function endMaintenance(means: MaintenanceConfig, checks: Facts['commands']['checks']): PlannedStep {
  return {
    id: 'maintenance.off',
    kind: 'end-maintenance',
    title: `maintenance off: ${'file' in means.by ? `remove ${means.by.file}` : 'let the service work again'}`,
    input: { maintenance: plain(means) },
    commands: callsOf(means, 'off', checks),
    undo: null,
    reversibility: 'reversible',
    limitSeconds: limitOf(means, 'off'),
    onFailure: 'roll-back',
  };
}

/** Turned on only when the schema is another one than before: a migration that failed before it began needs nobody to be refused. */
export function onlyIfMigrated(step: PlannedStep, migrate: JsonObject): PlannedStep {
  return { ...step, input: { ...step.input, onlyIfMigrated: migrate } };
}

/** Round trip through JSON, so that only plain data enters a plan. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function howOf({ by }: MaintenanceConfig): string {
  return 'file' in by ? `write ${by.file}` : 'the service is told to refuse work';
}

function callsOf(means: MaintenanceMeans, which: 'on' | 'off', checks: Facts['commands']['checks']): string[][] {
  if (means === 'router') return [];
  const { by, check } = means;
  const calls = 'file' in by ? [] : [by[which]];
  const all = check === null ? calls : [...calls, check];
  return all.map((one) => [checks[checkKey(one)] ?? one.kind]);
}

function limitOf(means: MaintenanceMeans, which: 'on' | 'off'): number {
  if (means === 'router') return SWITCH_LIMIT_SECONDS;
  const { by, check } = means;
  const calls = ['file' in by ? null : by[which], check];
  const seconds = calls.map((one) => (one === null ? 0 : one.tries * (one.timeoutSeconds + one.everySeconds)));
  return SWITCH_LIMIT_SECONDS + seconds.reduce((sum, one) => sum + one, 0);
}
