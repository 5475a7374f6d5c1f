import { DEFAULT_SCRATCH } from '../config/service-config.ts';
import type { CopyPlace, EnvironmentConfig, ServiceConfig } from '../config/service-config.ts';
import { parseVersion } from './parse-version.ts';
import type { Facts, ReleaseRequest } from './facts.ts';
import { keepEnvironment } from './environment-steps.ts';
import { migrationWarnings } from './migration-warnings.ts';
import { maintenanceMeans } from './maintenance-steps.ts';
import type { Plan, PlannedPhase, PlannedStep } from './plan.ts';
import {
  applyVersion,
  awaitApproval,
  backupData,
  contractSchema,
  copyBackup,
  checkHealth,
  migrateUp,
  prestageRestore,
  proveBackup,
  retireVersion,
  runChecks,
  shiftTraffic,
  takeLock,
  watchVersion,
} from './planned-steps.ts';

/**
 * Decides what a release will do. Pure: the same config, request and facts give the same plan and the same digest.
 * Whether it may run at all is decided elsewhere (`mayProceed`); a plan can always be made and shown.
 */
export function buildPlan(config: ServiceConfig, request: ReleaseRequest, facts: Facts, fingerprint: string): Plan {
  const environment = environmentOf(config, request.environment);
  const type = config.releaseTypes[request.releaseType];
  const phases = releasePhases(config, environment, request, facts).filter((phase) => phase.steps.length > 0);
  const skip = type?.skip ?? [];
  const proven = withProof(
    phases.filter((phase) => !skip.includes(phase.name)),
    config.backups.scratch,
    facts,
  );
  // Before the first release there is no version that could run on the data of before.
  const waiting = environment.prestage === true && facts.running !== null ? withPrestage(proven) : proven;
  const kept = withCopies(waiting, config.backups.copies ?? []);
  const left: string[] = phases.filter((phase) => skip.includes(phase.name)).map((phase) => phase.name);
  if (skip.includes('rehearsal') && environment.rehearsal?.required === true) left.push('rehearsal');
  return {
    ...planHead(config, environment, { version: parseVersion(request.version), commit: request.commit }),
    releaseType: request.releaseType,
    previous: facts.running,
    reason: request.reason,
    phases: kept,
    automaticRollback: automaticRollback(kept, facts),
    timeBudgetSeconds: timeBudget(kept),
    configFingerprint: fingerprint,
    warnings: [
      ...facts.problems,
      ...skipWarnings(request.releaseType, left, skippedEnvironment(environment, skip, facts)),
      ...planWarnings(phases, environment),
      ...proofWarnings(kept),
      ...migrationWarnings(facts, willMigrate(kept) ? environment.migrate : null, request),
    ],
  };
}

/** A plan without steps: what is released, where, and which adapters are chosen. Adapters are opened by it before there is a plan. */
export function planHead(
  config: ServiceConfig,
  environment: EnvironmentConfig,
  version: { version: string; commit: string | null },
): Plan {
  return {
    format: 1,
    kind: 'release',
    service: config.service,
    environment: environment.name,
    releaseType: 'regular',
    version: { number: version.version, commit: version.commit },
    previous: null,
    reason: null,
    target: environment.target,
    router: environment.router,
    ...(environment.maintenance === undefined ? {} : { maintenance: environment.maintenance }),
    stores: config.stores.filter((store) => environment.stores.includes(store.name)),
    backupDirectory: config.backups.directory,
    ...(config.backups.keys === undefined ? {} : { backupKeys: config.backups.keys }),
    ...(config.backups.fullSeconds === undefined ? {} : { backupFullSeconds: config.backups.fullSeconds }),
    ...(config.backups.scratch === DEFAULT_SCRATCH ? {} : { scratchDirectory: config.backups.scratch }),
    ...(config.backups.copies === undefined ? {} : { backupCopies: config.backups.copies }),
    envFile: environment.envFile,
    variables: config.variables,
    phases: [],
    automaticRollback: { armed: false, why: 'nothing is planned' },
    timeBudgetSeconds: 0,
    configFingerprint: '',
    warnings: [],
  };
}

/** The named environment; the caller has checked that it exists. */
export function environmentOf(config: ServiceConfig, name: string): EnvironmentConfig {
  const environment = config.environments[name];
  if (environment === undefined) throw new Error(`environment ${name} was not checked before planning`);
  return environment;
}

function releasePhases(
  config: ServiceConfig,
  environment: EnvironmentConfig,
  request: ReleaseRequest,
  facts: Facts,
): PlannedPhase[] {
  const type = config.releaseTypes[request.releaseType];
  const approval = type?.approval ?? environment.approval;
  const version = parseVersion(request.version);
  const migrate = environment.migrate;
  const isRefusing = facts.running !== null && maintenanceMeans(environment).length > 0;
  const migrateAt = (when: 'before-deploy' | 'after-deploy'): PlannedStep[] =>
    migrate?.when === when ? [migrateUp(migrate, facts, version, isRefusing)] : [];
  const kept = environment.envFile === null ? [] : [keepEnvironment(environment.envFile, request, facts)];
  const contract = migrate?.contract ?? null;
  const sideBySide = facts.placement === 'side-by-side';
  const retire = sideBySide && facts.running !== null ? [retireVersion(facts, environment.drainSeconds)] : [];
  const early = environment.keepOld === 'until-verified';
  return [
    {
      name: 'prepare',
      steps:
        environment.checklist.length > 0
          ? [runChecks('prepare.checklist', 'checklist', environment.checklist, facts)]
          : [],
    },
    { name: 'gate', steps: approval === null ? [] : [awaitApproval(approval)] },
    { name: 'lock', steps: [takeLock(), ...kept] },
    {
      name: 'backup',
      steps: environment.stores.length > 0 ? [backupData('pre-release', environment.stores, migrate)] : [],
    },
    { name: 'migrate', steps: migrateAt('before-deploy') },
    { name: 'deploy', steps: deploySteps(environment, facts, version) },
    { name: 'migrate', steps: migrateAt('after-deploy') },
    {
      name: 'verify',
      steps:
        environment.verify.length > 0 ? [runChecks('verify.checks', 'verification', environment.verify, facts)] : [],
    },
    { name: 'retire', steps: early ? retire : [] },
    { name: 'watch', steps: watchSteps(config, environment, request, facts) },
    { name: 'retire', steps: early ? [] : retire },
    { name: 'migrate', steps: contract === null ? [] : [contractSchema(contract, facts, version)] },
  ];
}

/** Start beside (or in place), ask for health, then let traffic in. */
export function deploySteps(environment: EnvironmentConfig, facts: Facts, version: string): PlannedStep[] {
  const steps = [applyVersion(facts, version)];
  if (facts.components.length > 0) steps.push(checkHealth(facts));
  if (environment.router !== null) steps.push(shiftTraffic(facts));
  return steps;
}

function watchSteps(
  config: ServiceConfig,
  environment: EnvironmentConfig,
  request: ReleaseRequest,
  facts: Facts,
): PlannedStep[] {
  if (environment.watch === null) return [];
  const seconds = config.releaseTypes[request.releaseType]?.watchSeconds ?? environment.watch.watchSeconds;
  return [watchVersion({ ...environment.watch, watchSeconds: seconds }, facts)];
}

/** Before anything that cannot be taken back, the backup of this release is proven by a restore. */
function withProof(phases: PlannedPhase[], scratch: string, facts: Facts): PlannedPhase[] {
  const why = irreversibleStep(phases);
  if (why === undefined) return phases;
  return phases.map((phase) => {
    const taken = phase.steps.find((step) => step.kind === 'backup-data');
    return taken === undefined ? phase : { ...phase, steps: [...phase.steps, proveBackup(taken, why, scratch, facts)] };
  });
}

/** Before anything is changed, so that the watch begins with a way back for the data that takes a moment. */
function withPrestage(phases: PlannedPhase[]): PlannedPhase[] {
  return phases.map((phase) => {
    const taken = phase.steps.find((step) => step.kind === 'backup-data');
    return taken === undefined ? phase : { ...phase, steps: [...phase.steps, prestageRestore(taken)] };
  });
}

/** A second copy is part of a backup: it is there before the first change, and after the proof that it is worth sending. */
function withCopies(phases: PlannedPhase[], places: CopyPlace[]): PlannedPhase[] {
  return phases.map((phase) => {
    const taken = phase.steps.find((step) => step.kind === 'backup-data');
    if (taken === undefined || places.length === 0) return phase;
    return { ...phase, steps: [...phase.steps, ...places.map((place) => copyBackup(taken, place))] };
  });
}

function irreversibleStep(phases: PlannedPhase[]): PlannedStep | undefined {
  return phases.flatMap((phase) => phase.steps).find((step) => step.reversibility === 'irreversible');
}

/** Where there is nothing to prove, whoever approves has to know. */
function proofWarnings(phases: PlannedPhase[]): string[] {
  const why = irreversibleStep(phases);
  const isProven = phases.some((phase) => phase.steps.some((step) => step.kind === 'prove-backup'));
  return why === undefined || isProven ? [] : [`"${why.title}" cannot be taken back, and no backup is taken before it`];
}

/** A release type may skip the migration. */
function willMigrate(phases: PlannedPhase[]): boolean {
  return phases.some((phase) => phase.name === 'migrate');
}

function automaticRollback(phases: PlannedPhase[], facts: Facts): { armed: boolean; why: string } {
  // What only warns when it fails, at the very end, leaves nothing to roll back.
  const irreversible = irreversibleStep(
    phases.map((phase) => ({ ...phase, steps: phase.steps.filter((step) => step.onFailure !== 'warn') })),
  );
  if (irreversible !== undefined) {
    return {
      armed: false,
      why: `"${irreversible.title}" cannot be taken back; on a failure from there on everything is kept as it is and a person is called`,
    };
  }
  if (facts.running === null) return { armed: true, why: 'first release: rolling back means stopping the new version' };
  return { armed: true, why: `every step can be taken back; ${facts.running.version} stays warm until then` };
}

function timeBudget(phases: PlannedPhase[]): number {
  return phases.flatMap((phase) => phase.steps).reduce((sum, step) => sum + step.limitSeconds, 0);
}

/** The environment before this one that the release type leaves out, where the version was not stable there. */
function skippedEnvironment(environment: EnvironmentConfig, skip: string[], facts: Facts): string | null {
  const { after } = environment;
  return after !== null && skip.includes(after) && !facts.stableElsewhere.includes(after) ? after : null;
}

function skipWarnings(releaseType: string, phases: string[], environment: string | null): string[] {
  const warnings = phases.length === 0 ? [] : [`a release of type ${releaseType} leaves out: ${phases.join(', ')}`];
  if (environment === null) return warnings;
  return [...warnings, `a release of type ${releaseType} does not wait until the version was stable in ${environment}`];
}

/** What the release file does not ask for; what a release type leaves out is said by itself. */
function planWarnings(phases: PlannedPhase[], environment: EnvironmentConfig): string[] {
  const warnings: string[] = [];
  const names = new Set(phases.map((phase) => phase.name));
  if (!names.has('verify'))
    warnings.push('nothing verifies the new version through its public address (verify: is empty)');
  if (!names.has('watch'))
    warnings.push('nobody watches after the deploy (no watch:): the version counts as stable at once');
  if (environment.migrate !== null && !environment.migrate.compatible && environment.migrate.when === 'before-deploy') {
    warnings.push(
      'the version that runs meets the new schema for a while, although the migration is not compatible with it',
    );
  }
  return warnings;
}
