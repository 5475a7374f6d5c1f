import type { EnvironmentConfig, NamedCheck, ServiceConfig } from '../core/config/service-config.ts';
import { drillConcern } from '../core/backup/drill.ts';
import { lastRestoreProof, secondsOf } from '../core/backup/proof-run.ts';
import { isSameFile } from '../core/backup/environment-snapshot.ts';
import { checkKey } from '../core/plan/check-key.ts';
import type { EnvironmentFileFact, Facts } from '../core/plan/facts.ts';
import type { Migrator } from '../adapters/migrators/migrator.ts';
import type { Plan } from '../core/plan/plan.ts';
import { isProblem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { backupRecords } from '../state/backup-record.ts';
import { drillRecord } from '../state/backup-proofs.ts';
import { environmentsWhereStable, holdOf, liveVersion, quarantineOf, stableVersions } from '../state/live.ts';
import { holderOf } from '../state/service-lock.ts';
import type { Database } from '../state/open-database.ts';
import { lastRehearsal } from '../state/rehearsals.ts';
import { changeOf, fileNow, notedEnvironment } from './steps/step-environment.ts';
import type { BackupTools } from './steps/step-backups.ts';
import type { Adapters } from './steps/step-tools.ts';

export interface FactsRequest {
  config: ServiceConfig;
  environment: EnvironmentConfig;
  version: string;
  /** A plan with the head filled in and no steps: what the adapters are opened by. */
  head: Plan;
}

/**
 * Looks at the world before a plan is made: what is remembered, what runs, what the adapters would run. Reads only.
 * Without a database (nothing was ever released here) there is nothing to remember.
 */
export async function gatherFacts(
  from: { database: Database | null; adapters: Adapters; backups: BackupTools; effect: Effect },
  request: FactsRequest,
): Promise<Facts> {
  const remembered = await remember(from, request);
  const migrator = request.environment.migrate === null ? null : from.adapters.migrator(request.environment.migrate);
  const contract = request.environment.migrate?.contract ?? null;
  const drill = await lookAtDrills(from, request);
  const revision = await askRevision(migrator, request.version, from.effect);
  return {
    ...remembered,
    revision: revision.value,
    pending: null,
    atomicity: null,
    contract: { pending: null, atomicity: null },
    problems: [revision.problem, drill.concern].filter((one) => one !== null),
    restoreSeconds: drill.restoreSeconds,
    backups: await lookAtBackups(from, request),
    commands: {
      ...deployCommands(from.adapters, request, remembered.running),
      migrateUp: migrator?.commandsFor('up') ?? [],
      migrateDown: migrator?.commandsFor('down') ?? [],
      contract: contract === null ? [] : from.adapters.migrator(contract).commandsFor('up'),
      checks: checkTexts(from.adapters, request.environment),
    },
    components: from.adapters
      .components(request.head)
      .map(({ name, hasPort, startWithinSeconds }) => ({ name, hasPort, startWithinSeconds })),
    placement: from.adapters.target(request.head).placement,
    environmentFile: await lookAtEnvironment(request.head, remembered, from.effect),
  };
}

/** What would be run to bring the version up in place of the one that runs, and to take it back. */
export function deployCommands(
  adapters: Adapters,
  { config, environment, version, head }: FactsRequest,
  running: Facts['running'],
): Pick<Facts['commands'], 'apply' | 'revert'> {
  const place = { service: config.service, environment: environment.name };
  const previousVersion = running?.version ?? null;
  return adapters.target(head).commandsFor({ ...place, version, release: '$RELEASE', previousVersion });
}

/** The backups that could be restored, with what their last checks found. */
async function lookAtBackups(
  { database, backups }: { database: Database | null; backups: BackupTools },
  { config, environment, head }: FactsRequest,
): Promise<Facts['backups']> {
  const listed = await backups.list(head);
  if (listed.length === 0 || database === null) return listed;
  const records = await backupRecords(database.db, { service: config.service, environment: environment.name });
  return listed.map((backup) => {
    const { proof, suspicious = false } = records.get(backup.id) ?? {};
    const revision = backup.context?.migration?.revision ?? null;
    return { ...backup, revision, failed: proof?.outcome === 'fail', suspicious };
  });
}

/** Compares the env file with those that the versions of this place were started with, as far as they were written down. */
async function lookAtEnvironment(
  head: Plan,
  { running, stableVersions: stable }: Pick<Facts, 'running' | 'stableVersions'>,
  effect: Effect,
): Promise<EnvironmentFileFact | null> {
  if (head.envFile === null || running === null) return null;
  const now = await fileNow(head, effect);
  const started = await notedEnvironment(head, running.release, effect);
  const changes: Record<string, string | null> = {};
  for (const release of new Set([running.release, ...stable.map((one) => one.release)])) {
    const noted = await notedEnvironment(head, release, effect);
    // A version that was started without the file has none to put back.
    if (noted !== null && noted.file !== null) changes[release] = changeOf(now, noted.file);
  }
  return { path: head.envFile, isAsStarted: started === null ? null : isSameFile(now, started.file), changes };
}

/** The revision before anything runs. A tool that cannot tell yet (no database before the first release) is a warning of the plan. */
async function askRevision(
  migrator: Migrator | null,
  version: string,
  effect: Effect,
): Promise<{ value: string | null; problem: string | null }> {
  if (migrator === null) return { value: null, problem: null };
  try {
    return { value: await migrator.revision(version, effect), problem: null };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { value: null, problem: `the schema revision is not known: ${error.message}` };
  }
}

/** Whether the proofs of the backups are late, and how long a restore takes. */
async function lookAtDrills(
  { database, backups, effect }: { database: Database | null; backups: BackupTools; effect: Effect },
  { config, environment, head }: FactsRequest,
): Promise<{ concern: string | null; restoreSeconds: number | null }> {
  if (database === null || environment.stores.length === 0) return { concern: null, restoreSeconds: null };
  const record = await drillRecord(database.db, { service: config.service, environment: environment.name });
  const { drillSeconds } = config.backups;
  const listed = drillSeconds === null ? [] : await backups.ids(head);
  const concern = drillConcern({ ...record, listed, everySeconds: drillSeconds }, effect.clock.nowMs());
  const proof = lastRestoreProof(record.runs);
  return { concern, restoreSeconds: proof === null ? null : secondsOf(proof) };
}

type Remembered = Pick<
  Facts,
  'running' | 'stableVersions' | 'stableElsewhere' | 'quarantine' | 'hold' | 'lock' | 'rehearsal'
>;

const NOTHING: Remembered = {
  running: null,
  stableVersions: [],
  stableElsewhere: [],
  quarantine: null,
  hold: null,
  lock: null,
  rehearsal: null,
};

async function remember(
  { database, effect }: { database: Database | null; effect: Effect },
  request: FactsRequest,
): Promise<Remembered> {
  if (database === null) return NOTHING;
  const { db } = database;
  const { service } = request.config;
  const { name } = request.environment;
  const [live, stable, elsewhere, quarantine, hold, lock, rehearsal] = await Promise.all([
    liveVersion(db, service, name),
    stableVersions(db, service, name),
    environmentsWhereStable(db, service, request.version),
    quarantineOf(db, service, request.version),
    holdOf(db, service, name),
    holderOf(db, { service, environment: name }),
    request.environment.rehearsal === null
      ? null
      : lastRehearsal(db, { service, environment: name, version: request.version }, effect.clock.nowMs()),
  ]);
  return {
    running: live === null ? null : { version: live.version, release: live.release },
    stableVersions: stable,
    stableElsewhere: elsewhere,
    quarantine,
    hold,
    lock,
    rehearsal,
  };
}

function checkTexts(adapters: Adapters, environment: EnvironmentConfig): Record<string, string> {
  const checks: NamedCheck[] = [
    ...environment.checklist,
    ...environment.verify,
    ...(environment.watch?.probes ?? []),
    ...callsOfMaintenance(environment),
  ];
  return Object.fromEntries(checks.map((check) => [checkKey(check), adapters.check(check).describe()]));
}

function callsOfMaintenance({ maintenance }: EnvironmentConfig): NamedCheck[] {
  if (maintenance === undefined) return [];
  const { by, check } = maintenance;
  return [...('file' in by ? [] : [by.on, by.off]), ...(check === null ? [] : [check])];
}
