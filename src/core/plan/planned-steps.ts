import type {
  ApprovalConfig,
  ChosenMigrator,
  CopyPlace,
  MigrateConfig,
  NamedCheck,
  WatchConfig,
} from '../config/service-config.ts';
import type { Json, JsonObject } from '../release/json.ts';
import { lockTimeoutOf, type Atomicity } from '../release/lock-manners.ts';
import type { Criterion } from '../verdict/criterion.ts';
import { checkKey } from './check-key.ts';
import type { Facts } from './facts.ts';
import { formatDuration } from './format-duration.ts';
import type { PlannedStep, PlannedUndo } from './plan.ts';

const LOCK_LIMIT_SECONDS = 30; // one row in our own database
const BACKUP_LIMIT_SECONDS = 3600; // an hour covers some hundred GB on one disk; a longer one should not block a release unnoticed
const MIGRATE_LIMIT_SECONDS = 1800; // the migrator's own limit comes first
const TRAFFIC_LIMIT_SECONDS = 30; // a switch takes milliseconds; the rest is for starting the router
const APPROVAL_LIMIT_SECONDS = 7 * 24 * 3600; // a week: after that the world has changed too much to run the same plan

const SHOWN_DIGEST = 'sha256:'.length + 12; // as much as a person compares

const NO_UNDO = { undo: null, reversibility: 'nothing to undo' } as const;

/** Round trip through JSON, so that only plain data enters a plan. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

export function runChecks(id: string, title: string, checks: NamedCheck[], facts: Facts): PlannedStep {
  const names = checks.map((check) => check.name).join(', ');
  return {
    id,
    kind: 'run-checks',
    title: `${title}: ${names}`,
    input: { checks: plain(checks) },
    commands: checks.map((check) => [facts.commands.checks[checkKey(check)] ?? check.kind]),
    ...NO_UNDO,
    limitSeconds: checks.reduce((sum, check) => sum + check.tries * (check.timeoutSeconds + check.everySeconds), 0),
    onFailure: id.startsWith('prepare.') ? 'stop' : 'roll-back',
  };
}

export function awaitApproval(approval: ApprovalConfig): PlannedStep {
  const who = approval.from.length > 0 ? `of ${approval.from.join(', ')}` : 'by anybody';
  const self = approval.selfApproval ? ' (the person who starts it may approve)' : '';
  return {
    id: 'gate.approval',
    kind: 'await-approval',
    title: `${approval.count} approval${approval.count === 1 ? '' : 's'} ${who}${self}`,
    input: { count: approval.count, from: approval.from, selfApproval: approval.selfApproval },
    commands: [],
    ...NO_UNDO,
    limitSeconds: APPROVAL_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

export function takeLock(): PlannedStep {
  return {
    id: 'lock.take',
    kind: 'take-lock',
    title: 'lock service and environment until the end',
    input: {},
    commands: [],
    ...NO_UNDO,
    limitSeconds: LOCK_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

export function backupData(
  reason: 'pre-release' | 'pre-rollback',
  stores: string[],
  migrate: MigrateConfig | null,
): PlannedStep {
  const tool = migrate === null ? {} : { migrate: { kind: migrate.kind, settings: migrate.settings } };
  return {
    id: `backup.${reason}`,
    kind: 'backup-data',
    title: `back up ${stores.join(', ')} and verify the copy`,
    input: { reason, stores, ...tool },
    commands: [],
    ...NO_UNDO,
    limitSeconds: BACKUP_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

/** Restores the backup that the release has just taken: what cannot be taken back may begin only when the data can be had back. */
export function proveBackup(of: PlannedStep, why: PlannedStep, scratch: string, facts: Facts): PlannedStep {
  const stores = of.input['stores'] as string[];
  const took = facts.restoreSeconds;
  return {
    id: 'backup.prove',
    kind: 'prove-backup',
    title: `restore ${stores.join(', ')} from it to a scratch place and compare (V3), because "${why.title}" cannot be taken back`,
    input: { takenBy: of.id, stores, scratch },
    commands: [],
    notes: [took === null ? 'no restore was timed yet' : `the last restore took ${formatDuration(Math.ceil(took))}`],
    ...NO_UNDO,
    limitSeconds: BACKUP_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

/** Sends the backup of this release to a second place. What only warns must not keep a release from its way. */
/** A release goes on where the copy cannot wait: then its data is restored as without it. */
export function prestageRestore(of: PlannedStep): PlannedStep {
  const stores = of.input['stores'] as string[];
  return {
    id: 'backup.prestage',
    kind: 'prestage-restore',
    title: `restore ${stores.join(', ')} from it beside the live data, where it waits until the release is over`,
    input: { takenBy: of.id, stores },
    commands: [],
    notes: [
      'takes the room of one more copy; not done, with a warning, where not twice as much is free',
      'for a person who says shipway rollback --data restore: one swap then; nothing is swapped by itself',
    ],
    ...NO_UNDO,
    limitSeconds: BACKUP_LIMIT_SECONDS,
    onFailure: 'warn',
  };
}

export function copyBackup(of: PlannedStep, place: CopyPlace): PlannedStep {
  const { name, kind, required, limitSeconds } = place;
  return {
    id: `backup.copy-${name}`,
    kind: 'copy-backup',
    title: `copy it to ${name === kind ? name : `${name} (${kind})`}, read back${required ? '' : '; a failure only warns'}`,
    input: { takenBy: of.id, place: name },
    commands: [],
    ...NO_UNDO,
    limitSeconds,
    onFailure: required ? 'stop' : 'warn',
  };
}

export function migrateUp(migrate: MigrateConfig, facts: Facts, version: string, isRefusing: boolean): PlannedStep {
  const judged = facts.pending?.sqlDigest ?? null;
  // A tool that shows its way down knows better whether there is one; whoever reads the step later has no other word for it.
  const isReversible = migrate.reversible && facts.pending?.migration.down !== null;
  const planned = { ...migrate, reversible: isReversible };
  const input: JsonObject = { migrate: plain(planned), revisionBefore: facts.revision, version, judgedSql: judged };
  const down: PlannedUndo = {
    kind: 'migrate-down',
    title: `migrate down to ${facts.revision ?? 'the revision before'} with the newer version's files`,
    input,
    commands: facts.commands.migrateDown,
    limitSeconds: MIGRATE_LIMIT_SECONDS,
  };
  const undo = !migrate.compatible && isReversible ? down : null;
  const reversibility = migrate.compatible
    ? 'nothing to undo'
    : isReversible
      ? 'reversible until first write'
      : 'irreversible';
  return {
    id: 'migrate.up',
    kind: 'migrate-up',
    title: migrate.compatible ? 'migrate up (the version before runs on the new schema too)' : 'migrate up',
    input,
    commands: facts.commands.migrateUp,
    ...notesOf([...judgedNotes(judged), ...lockNotes(migrate, facts.atomicity), wayBackNote(planned, isRefusing)]),
    undo,
    reversibility,
    limitSeconds: MIGRATE_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

/** How the data would go back, for whoever approves. What a rehearsal found of it is told beside the plan: the digest must not move by it. */
function wayBackNote(migrate: MigrateConfig, isRefusing: boolean): string {
  if (migrate.compatible) return 'way back: code alone; the schema stays and nothing is lost';
  if (migrate.reversible)
    return `way back: down with the files of this version${isRefusing ? ', while the service refuses work' : ''}; lost is what only the new schema has a place for`;
  return 'way back: none but the backup of this release; lost is everything written since it was taken';
}

function notesOf(notes: string[]): { notes?: string[] } {
  return notes.length === 0 ? {} : { notes };
}

function judgedNotes(judged: string | null): string[] {
  return judged === null ? [] : [`only the SQL that was judged: ${judged.slice(0, SHOWN_DIGEST)}…`];
}

/** How long others may have to wait behind it, in the words of the release file. */
function lockNotes({ locks }: ChosenMigrator, atomicity: Atomicity | null): string[] {
  if (locks === undefined || atomicity === null) return [];
  const limitMs = lockTimeoutOf(locks, atomicity);
  const again = atomicity.atomic
    ? `tries again for ${formatDuration(locks.retrySeconds)}`
    : `does not try again: ${atomicity.why}`;
  if (limitMs !== null) return [`waits for a lock ${limitMs} ms at most; ${again}`];
  const why = atomicity.atomic ? 'lock-timeout: none' : atomicity.why;
  return [`waits for locks without a limit (${why})`];
}

/** The last change of a release: when it fails, the new version goes on, and what was to be taken away is still there. */
export function contractSchema(contract: ChosenMigrator, facts: Facts, version: string): PlannedStep {
  const judged = facts.contract.pending?.sqlDigest ?? null;
  return {
    id: 'migrate.contract',
    kind: 'migrate-up',
    title: `migrate: take away what only ${facts.running?.version ?? 'an older version'} needed`,
    input: {
      migrate: plain(contract),
      version,
      ...(judged === null ? {} : { judgedSql: judged, after: 'migrate.up' }),
    },
    commands: facts.commands.contract,
    ...notesOf([...judgedNotes(judged), ...lockNotes(contract, facts.contract.atomicity)]),
    undo: null,
    reversibility: 'irreversible',
    limitSeconds: MIGRATE_LIMIT_SECONDS,
    onFailure: 'warn',
  };
}

export function applyVersion(facts: Facts, version: string): PlannedStep {
  const beside = facts.placement === 'side-by-side';
  const limitSeconds = Math.max(60, ...facts.components.map((component) => component.startWithinSeconds));
  return {
    id: 'deploy.apply',
    kind: 'apply-version',
    title: beside ? 'start the new version beside the old one' : 'deploy the new version in place',
    input: { version },
    commands: facts.commands.apply,
    undo: {
      kind: 'revert-version',
      title: beside ? 'stop the new version' : `deploy ${facts.running?.version ?? 'nothing'} again`,
      input: { version, placement: facts.placement },
      commands: facts.commands.revert,
      limitSeconds,
    },
    reversibility: 'reversible',
    limitSeconds,
    onFailure: 'roll-back',
  };
}

export function checkHealth(facts: Facts): PlannedStep {
  const limitSeconds = Math.max(...facts.components.map((component) => component.startWithinSeconds));
  return {
    id: 'deploy.health',
    kind: 'check-health',
    title: healthTitle(facts),
    input: { limitSeconds },
    commands: [],
    ...NO_UNDO,
    limitSeconds,
    onFailure: 'roll-back',
  };
}

/** Only what has a port is asked; of the rest, and of what a command deployed as a whole, is seen that it runs. */
function healthTitle({ components, placement }: Facts): string {
  if (placement === 'in-place') return 'wait until the target says that the version runs';
  const names = (hasPort: boolean): string =>
    components
      .filter((component) => component.hasPort === hasPort)
      .map((component) => component.name)
      .join(', ');
  const waits = [
    [names(true), 'answers healthy'],
    [names(false), 'runs'],
  ].filter(([who]) => who !== '');
  return `wait until ${waits.map((wait) => wait.join(' ')).join(' and ')}`;
}

export function shiftTraffic(facts: Facts): PlannedStep {
  return {
    id: 'deploy.traffic',
    kind: 'shift-traffic',
    title: 'send all new requests to the new version',
    input: {},
    commands: [],
    undo: {
      kind: 'return-traffic',
      title: facts.running === null ? 'send requests nowhere' : `send all requests back to ${facts.running.version}`,
      input: {},
      commands: [],
      limitSeconds:
        TRAFFIC_LIMIT_SECONDS + Math.max(0, ...facts.components.map((component) => component.startWithinSeconds)),
    },
    reversibility: 'reversible',
    limitSeconds: TRAFFIC_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

export function watchVersion(watch: WatchConfig, facts: Facts): PlannedStep {
  const say = (criterion: Criterion): string => `${criterion.action.replace('-', ' ')} when ${criterion.text}`;
  const window = watch.releaseWindow;
  const early =
    window === null
      ? []
      : window.criteria.map((one) => `${say(one)} (in the first ${formatDuration(window.windowSeconds)})`);
  const notes = [...watch.criteria.map(say), ...early];
  return {
    id: 'watch.version',
    kind: 'watch-version',
    title: `watch: ${notes.length} ${notes.length === 1 ? 'criterion' : 'criteria'}, every ${watch.everySeconds} s`,
    input: { watch: plain(watch) },
    commands: watch.probes.map((probe) => [facts.commands.checks[checkKey(probe)] ?? probe.kind]),
    notes,
    ...NO_UNDO,
    limitSeconds: watch.watchSeconds,
    onFailure: 'roll-back',
  };
}

export function retireVersion(facts: Facts, drainSeconds: number): PlannedStep {
  const version = facts.running?.version ?? '';
  return {
    id: 'retire.old',
    kind: 'retire-version',
    title: `wait until ${version} has answered its last request, then stop it`,
    input: { release: facts.running?.release ?? null, drainSeconds },
    commands: [],
    undo: {
      kind: 'start-previous',
      title: `start ${version} again`,
      input: { version, release: facts.running?.release ?? null },
      commands: [],
      limitSeconds: Math.max(60, ...facts.components.map((component) => component.startWithinSeconds)),
    },
    reversibility: 'reversible',
    limitSeconds: drainSeconds + 60,
    onFailure: 'warn',
  };
}
