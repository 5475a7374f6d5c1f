import type { EnvironmentConfig, MigrateConfig } from '../config/service-config.ts';
import type { Json } from '../release/json.ts';
import type { SchemaChange } from './schema-history.ts';
import { downWord } from './down-evidence.ts';
import type { Facts } from './facts.ts';
import { refusedWords } from './maintenance-steps.ts';
import type { PlannedStep } from './plan.ts';

const RESTORE_LIMIT_SECONDS = 3600; // as long as a backup may take
const SWAP_LIMIT_SECONDS = 3600; // two renames, but a server that is started on the data may recover for long; its commands have limits of their own
const STOP_LIMIT_SECONDS = 120; // drain and stop of one version
const MIGRATE_LIMIT_SECONDS = 1800; // the migrator's own limit comes first

/** Round trip through JSON, so that only plain data enters a plan. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

export function stopVersion(facts: Facts, environment: EnvironmentConfig): PlannedStep {
  return {
    id: 'data.stop',
    kind: 'stop-version',
    title: `stop ${facts.running?.version ?? ''} so that nothing writes (${refusedWords(environment)} until the older version is up)`,
    input: { release: facts.running?.release ?? null, drainSeconds: environment.drainSeconds },
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
  const last = to.changes.at(-1);
  const version = last?.version ?? facts.running?.version ?? '';
  // The backup taken before that release has its files. What runs now may have been brought by another one, which took none or has others.
  const downFrom = last === undefined || last.release === '' ? null : `before:${last.release}`;
  const words = to.changes.map((one) => `${one.version} ${downWord(one.down)}`).join(', ');
  return {
    id: 'data.down',
    kind: 'migrate-down',
    title: `migrate down to ${to.revision ?? 'the revision before'} with the files of ${version}`,
    input: { migrate: plain(migrate), revisionBefore: to.revision, version, downFrom, ...addedBy(to.changes) },
    commands: facts.commands.migrateDown,
    notes: [`down: ${words}`, 'what it throws away is in the backup taken just before'],
    undo: null,
    reversibility: 'irreversible',
    limitSeconds: MIGRATE_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}

/** What the way down has no place for; left out where one of the changes does not tell. */
function addedBy(changes: readonly SchemaChange[]): { added?: Json[] } {
  return changes.every((one) => one.added !== undefined) ? { added: changes.flatMap((one) => one.added ?? []) } : {};
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

/** Takes the copies that wait, where they are as they were verified; only what is missing is restored. */
export function stageWaiting(prestage: PlannedStep): PlannedStep {
  const { stores = [], takenBy = '' } = prestage.input;
  return {
    id: 'data.stage',
    kind: 'stage-restore',
    title: `look that the copy of ${(stores as string[]).join(', ')} that waits is as it was verified; restore it again where it is not`,
    input: { stores, takenBy, prestagedBy: prestage.id },
    commands: [],
    undo: null,
    reversibility: 'nothing to undo',
    limitSeconds: RESTORE_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

/** A version that is kept warm for a way back has the data open that is swapped under it. */
export function stopWarm(previous: { version: string; release: string }): PlannedStep {
  const { version, release } = previous;
  const title = `stop ${version}, which is warm on the data that goes; it is started on the other`;
  return stopOf({ title, release, drainSeconds: 0 });
}

/** Of a release that has not come to sending requests to the newer version. */
export function stopServing(previous: { version: string; release: string }, drainSeconds: number): PlannedStep {
  const { version, release } = previous;
  const title = `stop ${version}, which still serves, so that nothing writes; it is started on the other data`;
  return stopOf({ title, release, drainSeconds });
}

function stopOf({
  title,
  release,
  drainSeconds,
}: {
  title: string;
  release: string;
  drainSeconds: number;
}): PlannedStep {
  return {
    id: 'data.stop',
    kind: 'stop-version',
    title,
    input: { release, drainSeconds },
    commands: [],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: STOP_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

/** Where a router stands, it starts what it sends requests to. */
export function startAgain({ version, release }: { version: string; release: string }): PlannedStep {
  return {
    id: 'data.start',
    kind: 'start-previous',
    title: `start ${version} again`,
    input: { version, release },
    commands: [],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: STOP_LIMIT_SECONDS,
    onFailure: 'stop',
  };
}

export function swapRestore(backup: string, stores: string[]): PlannedStep {
  return {
    id: 'data.swap',
    kind: 'swap-restore',
    title: 'swap the restored data in; the replaced data is kept aside',
    input: { backup, stores },
    commands: [],
    notes: [
      'when a store fails, those before it are put back; once all are swapped, only a person puts the kept data back',
    ],
    undo: null,
    reversibility: 'reversible',
    limitSeconds: SWAP_LIMIT_SECONDS,
    onFailure: 'roll-back',
  };
}
