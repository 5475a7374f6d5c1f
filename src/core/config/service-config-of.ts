import type { Json } from '../release/json.ts';
import type { Criterion } from '../verdict/criterion.ts';
import type { ReadFile } from './file-schema.ts';
import { backupKeysOf } from './backup-key-words.ts';
import { copiesOf } from './copy-words.ts';
import { keepOf } from './keep-words.ts';
import { lockMannersOf } from './lock-words.ts';
import { drillOf } from './drill-words.ts';
import { maintenanceOf } from './maintenance-words.ts';
import { rehearsalOf } from './rehearsal-words.ts';
import { scratchOf } from './scratch-words.ts';
import { DEFAULT_SCRATCH } from './service-config.ts';
import type {
  ApprovalConfig,
  Chosen,
  EnvironmentConfig,
  MigrateConfig,
  NamedCheck,
  ServiceConfig,
  WatchConfig,
} from './service-config.ts';

type ReadEnvironment = ReadFile['environments'][string];
type ReadApproval = ReadEnvironment['approval'];
type ReadWatch = NonNullable<ReadEnvironment['watch']>;

const RELEASE_TYPES = ['regular', 'hotfix', 'emergency', 'security'] as const;

/** Puts the parts of a file without problems together, with every default filled in. */
export function serviceConfigOf(file: ReadFile): ServiceConfig {
  const stores = Object.entries(file.stores ?? {}).map(([name, { kind, settings }]) => ({ name, kind, settings }));
  const storeNames = stores.map((store) => store.name);
  const isFollowed = (name: string) => Object.values(file.environments).some(({ after }) => after === name);
  const environments = Object.entries(file.environments).map(([name, environment]) => [
    name,
    environmentOf(name, environment, { storeNames, checklist: file.checklist ?? [], isFollowed }),
  ]);
  return {
    service: file.service,
    stores,
    backups: backupsOf(file.backups),
    variables: { secret: file.variables?.secret ?? [], public: file.variables?.public ?? [] },
    releaseTypes: releaseTypesOf(file.release),
    environments: Object.fromEntries(environments) as ServiceConfig['environments'],
  };
}

function backupsOf(written: ReadFile['backups']): ServiceConfig['backups'] {
  const keys = backupKeysOf(written);
  const copies = copiesOf(written?.copies);
  return {
    directory: written?.directory ?? '.shipway/backups',
    keep: keepOf(written?.keep),
    ...drillOf(written?.drill),
    scratch: written?.scratch ?? DEFAULT_SCRATCH,
    ...(keys === null ? {} : { keys }),
    ...(written?.full === undefined ? {} : { fullSeconds: written.full }),
    ...(copies.length === 0 ? {} : { copies }),
  };
}

function releaseTypesOf(written: ReadFile['release']): ServiceConfig['releaseTypes'] {
  const types: ServiceConfig['releaseTypes'] = { regular: { approval: null, watchSeconds: null, skip: [] } };
  for (const type of RELEASE_TYPES) {
    const settings = written?.[type];
    if (settings === undefined) continue;
    types[type] = {
      approval: approvalOf(settings.approval),
      watchSeconds: settings.watch ?? null,
      skip: settings.skip,
    };
  }
  return types;
}

function environmentOf(
  name: string,
  read: ReadEnvironment,
  service: { storeNames: string[]; checklist: NamedCheck[]; isFollowed(name: string): boolean },
): EnvironmentConfig {
  const verify = read.verify ?? [];
  const maintenance = maintenanceOf(read.maintenance);
  return {
    name,
    after: read.after ?? null,
    envFile: read['env-file'] ?? null,
    target: chosen(read.target),
    router: read.router === undefined ? null : chosen(read.router),
    stores: read.stores ?? service.storeNames,
    migrate: read.migrate === undefined ? null : migrateOf(read.migrate, service.isFollowed(name)),
    rehearsal: rehearsalOf(name, read.rehearsal),
    ...(read.scratch === undefined ? {} : { scratch: scratchOf(read.scratch) }),
    checklist: [...service.checklist, ...(read.checklist ?? [])],
    verify,
    watch: read.watch === undefined ? null : watchOf(read.watch, verify),
    approval: approvalOf(read.approval),
    ...(maintenance === undefined ? {} : { maintenance }),
    ...(read.rollback?.prestage === true ? { prestage: true as const } : {}),
    keepOld: read['keep-old'],
    drainSeconds: read.drain,
  };
}

function chosen({ kind, settings }: Chosen): Chosen {
  return { kind, settings };
}

/** Where another environment follows, an unsafe migration is found out there for the good of the next; at the end of the line it is too late. */
function migrateOf(read: NonNullable<ReadEnvironment['migrate']>, isFollowed: boolean): MigrateConfig {
  const { when, compatible, reversible, allow, contract } = read.common;
  const locks = lockMannersOf(read.common);
  const unsafe = read.common.unsafe ?? (isFollowed ? 'warn' : 'refuse');
  return {
    ...chosen(read),
    locks,
    when,
    compatible,
    reversible: reversible ?? hasWayDown(read.settings),
    contract: contract === undefined ? null : { ...chosen(contract), locks },
    unsafe,
    allow,
  };
}

/** A migrator that is written as commands goes down only by a command; one that knows its tool goes down by itself. */
export function hasWayDown(settings: Json): boolean {
  if (settings === null || typeof settings !== 'object' || Array.isArray(settings)) return true;
  return !Object.hasOwn(settings, 'up') || (settings['down'] ?? null) !== null;
}

function watchOf(read: ReadWatch, verify: NamedCheck[]): WatchConfig {
  const window = read['release window'];
  return {
    watchSeconds: read.for,
    everySeconds: read.every,
    probes: read.probe ?? verify.filter(isGet),
    metrics: read.metrics ?? null,
    criteria: criteriaOf(read),
    releaseWindow: window === undefined ? null : { windowSeconds: window.for, criteria: criteriaOf(window) },
  };
}

/** A probe is sent hundreds of times: only what reads may become one unasked. */
function isGet(check: NamedCheck): boolean {
  const settings = check.settings;
  if (check.kind !== 'http' || settings === null || typeof settings !== 'object' || Array.isArray(settings))
    return false;
  return settings['method'] === 'GET';
}

function criteriaOf(read: Pick<ReadWatch, 'roll back when' | 'pause when' | 'warn when'>): Criterion[] {
  return [...(read['roll back when'] ?? []), ...(read['pause when'] ?? []), ...(read['warn when'] ?? [])];
}

function approvalOf(read: ReadApproval): ApprovalConfig | null {
  if (read === undefined || read === 'none') return null;
  return { count: read.count, from: read.from, selfApproval: read['self-approval'] };
}
