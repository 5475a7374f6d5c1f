import type { EnvironmentConfig, ServiceConfig } from '../config/service-config.ts';
import { problem } from '../release/problem.ts';
import { deploySteps, environmentOf, planHead } from './build-plan.ts';
import type { DataWayName } from './data-way.ts';
import { chooseWay, dataWays, type WaysBack } from './data-ways.ts';
import { environmentOfRollback } from './environment-steps.ts';
import type { Facts, RollbackRequest } from './facts.ts';
import type { Plan, PlannedData, PlannedPhase } from './plan.ts';
import { backupData, retireVersion, runChecks, takeLock } from './planned-steps.ts';
import { beginMaintenance, endMaintenance, maintenanceMeans } from './maintenance-steps.ts';
import { migrateDown, stageRestore, stopVersion, swapRestore } from './rollback-steps.ts';
import { lastStableMs, rollbackTarget } from './rollback-target.ts';
import { backupMeant, tooNewIn } from './rollback-backup.ts';
import { schemaSince } from './schema-history.ts';

const NO_SAFETY = 'the present data is not backed up first (--no-safety-backup)';

/** Everything that decides how a rollback treats the data. */
interface Way {
  environment: EnvironmentConfig;
  facts: Facts;
  ways: WaysBack;
  data: PlannedData;
  /** The backup of the present data. */
  safety: PlannedPhase[];
}

/**
 * Decides how a released version is taken back by hand: code and traffic (`quick`), or also the data in the way that loses least
 * (`full`). Throws `refused` when there is nowhere safe to go: only versions that were stable here are gone back to.
 */
export function planRollback(config: ServiceConfig, request: RollbackRequest, facts: Facts, fingerprint: string): Plan {
  const environment = environmentOf(config, request.environment);
  const running = facts.running;
  if (running === null) {
    throw problem('refused', `nothing of ${config.service} runs in ${request.environment}`, {
      next: 'Nothing to roll back.',
    });
  }
  const target = rollbackTarget(config.service, request, { ...facts, running });
  const { returning, warning } = environmentOfRollback(request, { ...facts, running }, target);
  const ways = waysBack(environment, request, facts, target);
  const data = plannedData(ways, request);
  const way: Way = { environment, facts, ways, data, safety: safetyPhase(environment, request) };
  const phases: PlannedPhase[] = [
    { name: 'lock', steps: [takeLock()] },
    ...killSwitch(way),
    ...(data.way === 'leave' && request.depth === 'full' ? way.safety : []),
    ...(data.way === 'down' ? downPhases(way) : []),
    ...(data.way === 'restore' ? restorePhases(way) : []),
    { name: 'deploy', steps: [...(returning === null ? [] : [returning]), ...deploySteps(environment, facts, target)] },
    ...endOfMaintenance(way),
    {
      name: 'verify',
      steps:
        environment.verify.length > 0 ? [runChecks('verify.checks', 'verification', environment.verify, facts)] : [],
    },
    { name: 'retire', steps: retireSteps(way) },
  ];
  const kept = phases.filter((phase) => phase.steps.length > 0);
  return {
    ...planHead(config, environment, { version: target, commit: null }),
    kind: 'rollback',
    releaseType: 'rollback',
    previous: running,
    reason: request.reason,
    phases: kept,
    data,
    automaticRollback: { armed: false, why: 'a rollback is never rolled back by itself' },
    timeBudgetSeconds: kept.flatMap((phase) => phase.steps).reduce((sum, step) => sum + step.limitSeconds, 0),
    configFingerprint: fingerprint,
    warnings: [
      ...rollbackWarnings(way, ways),
      ...(request.safetyBackup === false ? [NO_SAFETY] : []),
      ...(warning === null ? [] : [warning]),
    ],
  };
}

/** What could be done with the data, seen from the version that is gone back to. */
function waysBack(environment: EnvironmentConfig, request: RollbackRequest, facts: Facts, target: string): WaysBack {
  const history = facts.schema ?? { events: [], releases: {} };
  const moment = lastStableMs(target, facts);
  const distance = schemaSince(history, moment, facts.revision);
  const { reference, backup } = backupMeant(request, facts, { history, moment, distance });
  return {
    distance,
    hasMigrator: environment.migrate !== null,
    unguarded: isGuarded(environment, facts)
      ? null
      : 'nothing keeps writers away from the data meanwhile: the release file says nothing of maintenance, and no router stands before the service',
    backup,
    tooNew: backup === null ? [] : tooNewIn(backup, { history, moment }),
    isKept: request.safetyBackup !== false,
    reference,
    hasStores: environment.stores.length > 0,
  };
}

/** What runs side by side can be stopped; what is deployed in place goes on until the older version is there. */
function isGuarded(environment: EnvironmentConfig, facts: Facts): boolean {
  return facts.placement === 'side-by-side' || maintenanceMeans(environment).length > 0;
}

function plannedData(ways: WaysBack, request: RollbackRequest): PlannedData {
  const all = dataWays(ways);
  const chosen = chooseWay(all, wayNamed(request, ways));
  const others = all.filter((one) => one.way !== chosen.way);
  return { ...chosen, backup: chosen.way === 'restore' ? (ways.backup?.id ?? null) : null, others };
}

/** What the person said, in whatever words; null: the least lossy way that can be gone. */
function wayNamed({ data, backup, revision, depth }: RollbackRequest, { distance }: WaysBack): DataWayName | null {
  if (data !== undefined && data !== null) return data;
  if (backup !== null) return 'restore';
  if (revision !== undefined && revision !== null) return distance.standing === 'same' ? 'leave' : 'down';
  return depth === 'quick' ? 'leave' : null;
}

/** Also where nothing of the data is changed: whoever asks for everything gets the present state kept too. */
function safetyPhase(environment: EnvironmentConfig, { safetyBackup }: RollbackRequest): PlannedPhase[] {
  if (environment.stores.length === 0 || safetyBackup === false) return [];
  return [{ name: 'backup', steps: [backupData('pre-rollback', environment.stores, environment.migrate)] }];
}

/**
 * Nobody writes from the first step on: what the older schema has no place for is in a backup that was taken when the last write was over,
 * so that nothing is lost that cannot be had back.
 */
function downPhases(way: Way): PlannedPhase[] {
  const { environment, facts, ways } = way;
  if (environment.migrate === null) return [];
  return [
    ...startOfMaintenance(way),
    ...way.safety,
    { name: 'data', steps: [migrateDown(environment.migrate, ways.distance, facts)] },
  ];
}

/**
 * Data goes back while nothing writes: the newer version is stopped first (its open files would stay on the replaced data). What takes
 * long, copying and restoring beside, is done before that. The replaced data is kept.
 */
function restorePhases(way: Way): PlannedPhase[] {
  const { environment, facts, data, ways } = way;
  const backup = data.backup ?? ways.reference;
  return [
    ...way.safety,
    { name: 'data', steps: [stageRestore(backup, environment.stores, facts)] },
    ...startOfMaintenance(way),
    { name: 'data', steps: [swapRestore(backup, environment.stores)] },
  ];
}

function startOfMaintenance({ environment, facts }: Way): PlannedPhase[] {
  const canStop = facts.placement === 'side-by-side' || environment.router !== null;
  return [
    ...switchedOn({ environment, facts }),
    { name: 'data', steps: canStop ? [stopVersion(facts, environment)] : [] },
  ];
}

function switchedOn({ environment, facts }: Pick<Way, 'environment' | 'facts'>): PlannedPhase[] {
  const runs = facts.running?.version ?? 'the version that runs';
  const steps = maintenanceMeans(environment).map((means) => beginMaintenance(means, runs, facts.commands.checks));
  return [{ name: 'maintenance', steps }];
}

/** A kill-switch that is declared comes first in every rollback; where the data is left alone, the router goes on sending requests. */
function killSwitch({ environment, facts, data }: Way): PlannedPhase[] {
  return data.way === 'leave' ? switchedOn({ environment: { ...environment, router: null }, facts }) : [];
}

/** The router ends it by sending requests to the older version; what was declared is turned off. */
function endOfMaintenance({ environment, facts }: Way): PlannedPhase[] {
  const { maintenance } = environment;
  if (maintenance === undefined) return [];
  return [{ name: 'maintenance', steps: [endMaintenance(maintenance, facts.commands.checks)] }];
}

/** A version whose data was changed under it has been stopped already. */
function retireSteps({ data, facts, environment }: Way) {
  const isRunning = data.way === 'leave' && facts.placement === 'side-by-side';
  return isRunning ? [retireVersion(facts, environment.drainSeconds)] : [];
}

function rollbackWarnings({ data, environment }: Way, { distance }: WaysBack): string[] {
  if (data.way === 'restore')
    return ['data written since the backup is replaced; it is kept aside until it is discarded'];
  if (data.way === 'down') return [];
  if (data.refused !== null) return [`${data.refused}; it may fail. With the data: --full`];
  const contract = environment.migrate?.contract ?? null;
  return contract === null || distance.standing === 'newer'
    ? []
    : [
        'the version that runs took away what older ones needed (migrate: contract:): on this schema an older one may fail; with the older data: --full',
      ];
}
