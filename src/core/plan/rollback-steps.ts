import type { EnvironmentConfig, MaintenanceConfig, MigrateConfig } from '../config/service-config.ts';
import type { Json } from '../release/json.ts';
import { checkKey } from './check-key.ts';
import type { SchemaChange } from './schema-history.ts';
import { downWord } from './down-evidence.ts';
import type { Facts } from './facts.ts';
import type { PlannedStep } from './plan.ts';

const RESTORE_LIMIT_SECONDS = 3600; // as long as a backup may take
const STOP_LIMIT_SECONDS = 120; // drain and stop of one version
const MIGRATE_LIMIT_SECONDS = 1800; // the migrator's own limit comes first
const SWITCH_LIMIT_SECONDS = 60; // a call or a file; its own tries come first

/** Round trip through JSON, so that only plain data enters a plan. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** How the service is made to refuse work: what the release file says, else the builtin router; null where there is neither. */
export function maintenanceMeans(environment: EnvironmentConfig): MaintenanceConfig | 'router' | null {
  if (environment.maintenance !== undefined) return environment.maintenance;
  return environment.router === null ? null : 'router';
}

/** Makes the service refuse work, and looks that it does. Its undo is known before it is done. */
export function beginMaintenance(means: MaintenanceConfig | 'router', facts: Facts): PlannedStep {
  const runs = facts.running?.version ?? 'the version that runs';
  const limitSeconds = limitOf(means, 'on');
  return {
    id: 'maintenance.on',
    kind: 'begin-maintenance',
    title: `maintenance on: ${means === 'router' ? 'the router answers 503 with Retry-After' : howOf(means)}`,
    input: { maintenance: plain(means) },
    commands: callsOf(means, 'on', facts),
    undo: {
      kind: means === 'router' ? 'return-traffic' : 'end-maintenance',
      title: `maintenance off: ${means === 'router' ? `send requests to ${runs} again` : `let ${runs} work again`}`,
      input: { maintenance: plain(means) },
      commands: callsOf(means, 'off', facts),
      limitSeconds: limitOf(means, 'off'),
    },
    reversibility: 'reversible',
    limitSeconds,
    onFailure: 'roll-back',
  };
}

/** Lets the version that is back work again. */
export function endMaintenance(means: MaintenanceConfig, facts: Facts): PlannedStep {
  return {
    id: 'maintenance.off',
    kind: 'end-maintenance',
    title: `maintenance off: ${'file' in means.by ? `remove ${means.by.file}` : 'let the service work again'}`,
    input: { maintenance: plain(means) },
    commands: callsOf(means, 'off', facts),
    undo: null,
    reversibility: 'reversible',
    limitSeconds: limitOf(means, 'off'),
    onFailure: 'roll-back',
  };
}

export function stopVersion(facts: Facts, drainSeconds: number): PlannedStep {
  return {
    id: 'data.stop',
    kind: 'stop-version',
    title: `stop ${facts.running?.version ?? ''} so that nothing writes (requests are answered 503 until the older version is up)`,
    input: { release: facts.running?.release ?? null, drainSeconds },
    commands: [],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: STOP_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

/** With the newer version's files: the older ones lack the file that describes the way down. */
export function migrateDown(
  migrate: MigrateConfig,
  to: { revision: string | null; changes: readonly SchemaChange[] },
  facts: Facts,
): PlannedStep {
  const version = to.changes.at(-1)?.version ?? facts.running?.version ?? '';
  const words = to.changes.map((one) => `${one.version} ${downWord(one.down)}`).join(', ');
  return {
    id: 'data.down',
    kind: 'migrate-down',
    title: `migrate down to ${to.revision ?? 'the revision before'} with the files of ${version}`,
    input: { migrate: plain(migrate), revisionBefore: to.revision, version },
    commands: facts.commands.migrateDown,
    notes: [`down: ${words}`, 'what it throws away is in the backup taken just before'],
    undo: null,
    reversibility: 'irreversible',
    limitSeconds: MIGRATE_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

/** Restores beside the live data, which is not touched and goes on being used. */
export function stageRestore(backup: string, stores: string[], facts: Facts): PlannedStep {
  const took = facts.restoreSeconds;
  return {
    id: 'data.stage',
    kind: 'stage-restore',
    title: `restore ${stores.join(', ')} from ${backup} beside the live data and verify it there`,
    input: { backup, stores },
    commands: [],
    notes: [took === null ? 'no restore was timed yet' : `the last restore took ${Math.ceil(took)} s`],
    undo: null,
    reversibility: 'nothing to undo',
    limitSeconds: RESTORE_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

export function swapRestore(backup: string, stores: string[]): PlannedStep {
  const input = { backup, stores };
  return {
    id: 'data.swap',
    kind: 'swap-restore',
    title: 'swap the restored data in; the replaced data is kept aside',
    input,
    commands: [],
    undo: {
      kind: 'undo-restore',
      title: 'swap the replaced data back',
      input,
      commands: [],
      limitSeconds: STOP_LIMIT_SECONDS,
    },
    reversibility: 'reversible',
    limitSeconds: STOP_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

function howOf({ by }: MaintenanceConfig): string {
  return 'file' in by ? `write ${by.file}` : 'the service is told to refuse work';
}

function callsOf(means: MaintenanceConfig | 'router', which: 'on' | 'off', facts: Facts): string[][] {
  if (means === 'router') return [];
  const { by, check } = means;
  const calls = 'file' in by ? [] : [by[which]];
  const all = check === null ? calls : [...calls, check];
  return all.map((one) => [facts.commands.checks[checkKey(one)] ?? one.kind]);
}

function limitOf(means: MaintenanceConfig | 'router', which: 'on' | 'off'): number {
  if (means === 'router') return SWITCH_LIMIT_SECONDS;
  const { by, check } = means;
  const calls = ['file' in by ? null : by[which], check];
  const seconds = calls.map((one) => (one === null ? 0 : one.tries * (one.timeoutSeconds + one.everySeconds)));
  return SWITCH_LIMIT_SECONDS + seconds.reduce((sum, one) => sum + one, 0);
}
