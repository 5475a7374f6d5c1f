import type { Atomicity, LockManners } from '../../core/release/lock-manners.ts';
import { problem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { gap } from '../../platform/gap.ts';
import type { CommandResult } from '../../platform/run-command.ts';
import {
  howItEnded,
  lastLinesOf,
  runDeclaredCommand,
  type DeclaredSettings,
} from '../../platform/run-declared-command.ts';
import { goPolitely, type PoliteRun } from './go-politely.ts';
import type { Migrator } from './migrator.ts';
import type { SessionLimits } from './session-limits.ts';

const READ_BYTES_MAX = 8 * 1024 * 1024; // of SQL that is read before it runs; more is data

// What PostgreSQL says when lock_timeout ends a wait, its number for it, and what psycopg makes of that.
const LOCK_NOT_GIVEN = /canceling statement due to lock timeout|\b55P03\b|LockNotAvailable/;

/** One call of the project's tool. */
export interface MigratorCommand {
  /** The migrator, for the place of a problem. */
  kind: string;
  name: 'up' | 'down' | 'revision' | 'preview' | 'status' | 'unlock' | 'resolve';
  argv: string[];
  bindings: Record<string, string>;
}

/** Runs it to its end. Every end but success is `migration-failed` with the last lines it printed; lines of `up` and `down` are reported. */
export async function runMigratorCommand(
  command: MigratorCommand,
  settings: DeclaredSettings,
  effect: Effect,
): Promise<CommandResult> {
  const result = await tryMigratorCommand(command, settings, effect);
  if (isSuccess(result)) return result;
  throw commandFailed(command, settings, result);
}

/** The same, with every end of the program as a result. */
export async function tryMigratorCommand(
  { name, argv, bindings }: MigratorCommand,
  settings: DeclaredSettings,
  effect: Effect,
): Promise<CommandResult> {
  const label = name === 'up' || name === 'down' ? `migrate ${name}` : null; // the output of the others is data
  const isRead = name === 'preview' || name === 'status';
  const limit = isRead ? { outputLimitBytes: READ_BYTES_MAX } : {};
  return runDeclaredCommand({ label, argv, bindings, ...limit }, settings, effect);
}

export function isSuccess(result: CommandResult): boolean {
  return result.exitCode === 0 && !result.timedOut && !result.aborted;
}

/** A command whose output is what it is run for. */
export async function readMigratorOutput(
  command: MigratorCommand,
  settings: DeclaredSettings,
  effect: Effect,
): Promise<string> {
  const result = await runMigratorCommand(command, settings, effect);
  if (result.stdoutBytes <= READ_BYTES_MAX) return result.stdout;
  throw problem('migration-failed', `the ${command.name} command printed more than is kept of its output`, {
    where: `migrate.${command.kind}.${command.name}`,
    next: 'Let it print only what the migration would run, not the data.',
  });
}

export function commandFailed(command: MigratorCommand, settings: DeclaredSettings, result: CommandResult): Error {
  const where = `migrate.${command.kind}.${command.name}`;
  const version = command.bindings['VERSION'] ?? '';
  if (result.aborted) {
    const next = 'Ask the revision before anything else: it may have been changed in part.';
    return problem('stopped', `migrate ${command.name} of ${version} was stopped before its end`, { where, next });
  }
  const how = result.timedOut
    ? `did not end within ${settings.timeoutSeconds} s and was stopped`
    : `failed with ${howItEnded(result)}`;
  return problem('migration-failed', `migrate ${command.name} of ${version} ${how}${lastLinesOf(result)}`, {
    where,
    next: result.timedOut
      ? 'Find out what it waits for (a lock in the database?), or raise "timeout".'
      : 'Correct the migration; the revision tells whether a part of it has been applied.',
    retry: !result.timedOut && LOCK_NOT_GIVEN.test(`${result.stdout}\n${result.stderr}`),
  });
}

/** What an implementation does itself; the rest of `up` and `down` is the same for all. */
export interface MigratorDeeds {
  kind: string;
  revision(version: string, effect: Effect): Promise<string | null>;
  atomicity(version: string, effect: Effect): Promise<Atomicity>;
  /** Throws a problem with `retry` when the database did not give a lock in time; so does `goDown`. */
  goUp(version: string, effect: Effect, limits: SessionLimits | null): Promise<void>;
  /** Whether a way down to there that fails leaves the data as it was, or whole migrations taken back. Changes nothing. */
  atomicityDown(version: string, toRevision: string | null, effect: Effect): Promise<Atomicity>;
  goDown(to: DownGoal, effect: Effect, limits: SessionLimits | null): Promise<void>;
}

export interface DownGoal {
  /** The newer one, whose files describe the way. */
  version: string;
  toRevision: string | null;
}

/** `up` and `down` that report the revision before and after, and check that the way down ended where it should. */
export function directionsOf(
  deeds: MigratorDeeds,
  manners: LockManners | null,
): Pick<Migrator, 'up' | 'down' | 'revision' | 'atomicity'> {
  return {
    revision: (version, effect) => deeds.revision(version, effect),
    atomicity: (version, effect) => deeds.atomicity(version, effect),
    async up(version, effect) {
      const before = await deeds.revision(version, effect);
      await gap('migrator.before-up');
      const go: PoliteRun['go'] = (_, given, limits) => deeds.goUp(version, given, limits);
      await goPolitely({ ...deeds, direction: 'up', go }, manners, version, effect);
      await gap('migrator.after-up');
      const after = await deeds.revision(version, effect);
      effect.report(`migrate up: ${changeOf(before, after)}`);
    },
    async down(version, toRevision, effect) {
      const before = await deeds.revision(version, effect);
      if (before !== null && before === toRevision) return;
      await gap('migrator.before-down');
      const atomicity = (): Promise<Atomicity> => deeds.atomicityDown(version, toRevision, effect);
      const go: PoliteRun['go'] = (_, given, limits) => deeds.goDown({ version, toRevision }, given, limits);
      await goPolitely({ ...deeds, direction: 'down', atomicity, go }, manners, version, effect);
      await gap('migrator.after-down');
      const after = await deeds.revision(version, effect);
      effect.report(`migrate down: ${changeOf(before, after)}`);
      if (toRevision === null || after === null || after === toRevision) return;
      throw problem(
        'migration-failed',
        `migrate down of ${version} ended with success, but the data is at ${after}, not ${toRevision}`,
        { where: `migrate.${deeds.kind}.down`, next: 'Let the way down go to $REVISION.' },
      );
    },
  };
}

function changeOf(before: string | null, after: string | null): string {
  if (before === null || after === null) return 'done; the tool does not tell the revision';
  return before === after ? `was at ${after} already` : `from ${before} to ${after}`;
}

/** For tools that go down by revision: without one nobody knows where to stop. */
export function noRevisionToGoTo(kind: string, version: string): Error {
  return problem('migration-failed', `migrate down of ${version} cannot begin: the revision before it is not known`, {
    where: `migrate.${kind}.down`,
    next: 'Restore the backup that was taken before the release, or go down by hand with the tool.',
  });
}
