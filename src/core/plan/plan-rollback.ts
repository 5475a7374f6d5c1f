import type { ServiceConfig } from '../config/service-config.ts';
import { problem } from '../release/problem.ts';
import { deploySteps, environmentOf, planHead } from './build-plan.ts';
import type { Facts, RollbackRequest } from './facts.ts';
import { parseVersion } from './parse-version.ts';
import type { Plan, PlannedPhase, PlannedStep } from './plan.ts';
import { environmentOfRollback } from './environment-steps.ts';
import { backupData, retireVersion, runChecks, takeLock } from './planned-steps.ts';

const RESTORE_LIMIT_SECONDS = 3600; // as long as a backup may take
const STOP_LIMIT_SECONDS = 120; // drain and stop of one version

/**
 * Decides how a released version is taken back by hand: code and traffic (`quick`), or also the data of a backup (`full`).
 * Throws `refused` when there is nowhere safe to go: only versions that were stable here are gone back to.
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
  const phases: PlannedPhase[] = [
    { name: 'lock', steps: [takeLock()] },
    ...withEnvironment(
      request.depth === 'full' ? dataPhases(config, request, facts) : [],
      returning === null ? [] : [returning],
    ),
    { name: 'deploy', steps: deploySteps(environment, facts, target) },
    {
      name: 'verify',
      steps:
        environment.verify.length > 0 ? [runChecks('verify.checks', 'verification', environment.verify, facts)] : [],
    },
    {
      name: 'retire',
      steps:
        request.depth === 'quick' && facts.placement === 'side-by-side'
          ? [retireVersion(facts, environment.drainSeconds)]
          : [],
    },
  ];
  const kept = phases.filter((phase) => phase.steps.length > 0);
  return {
    ...planHead(config, environment, { version: target, commit: null }),
    kind: 'rollback',
    releaseType: 'rollback',
    previous: running,
    reason: request.reason,
    phases: kept,
    automaticRollback: { armed: false, why: 'a rollback is never rolled back by itself' },
    timeBudgetSeconds: kept.flatMap((phase) => phase.steps).reduce((sum, step) => sum + step.limitSeconds, 0),
    configFingerprint: fingerprint,
    warnings: [
      ...rollbackWarnings(request, environment.migrate?.contract ?? null),
      ...(warning === null ? [] : [warning]),
    ],
  };
}

/** The env file goes back after everything that can still be refused, and before anything is stopped or started. */
function withEnvironment(phases: PlannedPhase[], steps: PlannedStep[]): PlannedPhase[] {
  const returning: PlannedPhase = { name: 'deploy', steps };
  const at = phases.findIndex((phase) => phase.name === 'data');
  const [before, data] = [phases.slice(0, Math.max(at, 0)), phases.slice(Math.max(at, 0))];
  const staged = data.map((phase) => ({
    ...phase,
    steps: phase.steps.filter((step) => step.kind === 'stage-restore'),
  }));
  const rest = data.map((phase) => ({ ...phase, steps: phase.steps.filter((step) => step.kind !== 'stage-restore') }));
  return [...before, ...staged, returning, ...rest];
}

function rollbackWarnings(request: RollbackRequest, contract: object | null): string[] {
  if (request.depth === 'full')
    return ['data written since the backup is replaced; it is kept aside until it is discarded'];
  return contract === null
    ? []
    : [
        'the version that runs took away what older ones needed (migrate: contract:): on this schema an older one may fail; with the older data: --full',
      ];
}

function rollbackTarget(
  service: string,
  request: RollbackRequest,
  facts: Facts & { running: NonNullable<Facts['running']> },
): string {
  const runs = facts.running.version;
  const stable = facts.stableVersions.filter((entry) => !entry.quarantined).map((entry) => entry.version);
  if (request.to === null) {
    const before = stable.find((version) => version !== runs);
    if (before !== undefined) return before;
    throw problem('refused', `no version but ${runs} was stable in ${request.environment} and is not in quarantine`, {
      next: 'Release a fixed version instead: shipway release VERSION --env ' + request.environment,
    });
  }
  const wanted = parseVersion(request.to);
  if (wanted === runs)
    throw problem('refused', `${wanted} is what runs in ${request.environment}`, {
      next: 'Name another version with --to.',
    });
  if (stable.includes(wanted)) return wanted;
  if (facts.stableVersions.some((entry) => entry.version === wanted)) {
    throw problem('refused', `${wanted} was stable here once, but is in quarantine`, {
      next: `Choose another one, or let it out: shipway unlock ${service} --version ${wanted} --reason "..."`,
    });
  }
  throw problem('refused', `${wanted} was never stable in ${request.environment}, so nobody knows whether it works`, {
    next:
      stable.length > 0
        ? `Choose one of: ${stable.join(', ')}`
        : `Release it instead: shipway release ${wanted} --env ${request.environment}`,
  });
}

/**
 * Data goes back while nothing writes: the newer version is stopped first (its open files would stay on the replaced data),
 * so requests are answered 503 until the older version is up. The replaced data is kept.
 */
function dataPhases(config: ServiceConfig, request: RollbackRequest, facts: Facts): PlannedPhase[] {
  const environment = environmentOf(config, request.environment);
  const backup = request.backup ?? `before:${facts.running?.release ?? ''}`;
  if (environment.stores.length === 0) {
    throw problem(
      'refused',
      `${config.service} declares no stores in ${request.environment}, so there is no data to bring back`,
      {
        next: 'Use --quick, or declare stores: in the release file.',
      },
    );
  }
  return [
    { name: 'backup', steps: [backupData('pre-rollback', environment.stores, environment.migrate)] },
    { name: 'data', steps: restoreSteps(backup, environment.stores, facts, environment.drainSeconds) },
  ];
}

function restoreSteps(backup: string, stores: string[], facts: Facts, drainSeconds: number): PlannedStep[] {
  const common = { commands: [], onFailure: 'roll-back' as const };
  const input = { backup, stores };
  return [
    {
      ...common,
      id: 'data.stage',
      kind: 'stage-restore',
      title: `restore ${stores.join(', ')} from ${backup} beside the live data and verify it there`,
      input,
      undo: null,
      reversibility: 'nothing to undo',
      limitSeconds: RESTORE_LIMIT_SECONDS,
      onFailure: 'stop',
    },
    {
      ...common,
      id: 'data.stop',
      kind: 'stop-version',
      title: `stop ${facts.running?.version ?? ''} so that nothing writes (requests are answered 503 until the older version is up)`,
      input: { release: facts.running?.release ?? null, drainSeconds },
      undo: null,
      reversibility: 'reversible',
      limitSeconds: STOP_LIMIT_SECONDS,
    },
    {
      ...common,
      id: 'data.swap',
      kind: 'swap-restore',
      title: 'swap the restored data in; the replaced data is kept aside',
      input,
      undo: {
        kind: 'undo-restore',
        title: 'swap the replaced data back',
        input,
        commands: [],
        limitSeconds: STOP_LIMIT_SECONDS,
      },
      reversibility: 'reversible',
      limitSeconds: STOP_LIMIT_SECONDS,
    },
  ];
}
