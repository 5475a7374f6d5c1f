import type { Json } from '../../../core/release/json.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import type { CommandResult } from '../../../platform/run-command.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import type { Migrator } from '../migrator.ts';
import type { MigratorSettings } from './settings.ts';

const REVISION_LENGTH_MAX = 200; // a revision is a number, a hash or a file name; anything longer is an error message

const READ_BYTES_MAX = 8 * 1024 * 1024; // of SQL that is read before it runs; more is data

interface MigratorCommand {
  name: 'up' | 'down' | 'revision' | 'preview' | 'status';
  argv: string[];
  bindings: Record<string, string>;
}

/**
 * Calls the project's own migration tool. `up` is harmless when everything is applied already, by the promise of the tool;
 * every failure is `migration-failed` with the last lines the tool printed.
 */
export function openCommandMigrator(checkedSettings: Json): Migrator {
  const settings = checkedSettings as unknown as MigratorSettings;
  const revision = (version: string, effect: Effect) => askRevision(settings, version, effect);
  return {
    kind: 'command',
    commandsFor: (direction) => {
      const argv = direction === 'up' ? settings.up : settings.down;
      return argv === null ? [] : [argv];
    },
    revision,
    async preview(version, effect) {
      if (settings.preview === null) return null;
      const sql = await read(
        { name: 'preview', argv: settings.preview, bindings: { VERSION: version } },
        settings,
        effect,
      );
      return { sql, dialect: settings.dialect };
    },
    async status(version, effect) {
      if (settings.status === null) return null;
      return read({ name: 'status', argv: settings.status, bindings: { VERSION: version } }, settings, effect);
    },
    async up(version, effect) {
      const before = await revision(version, effect);
      await gap('migrator.before-up');
      await run({ name: 'up', argv: settings.up, bindings: { VERSION: version } }, settings, effect);
      await gap('migrator.after-up');
      const after = await revision(version, effect);
      effect.report(`migrate up: ${change(before, after)}`);
    },
    async down(version, toRevision, effect) {
      if (settings.down === null) throw noWayDown(version);
      const bindings: Record<string, string> = { VERSION: version };
      if (toRevision !== null) bindings['REVISION'] = toRevision;
      const before = await revision(version, effect);
      if (before !== null && before === toRevision) return;
      await gap('migrator.before-down');
      await run({ name: 'down', argv: settings.down, bindings }, settings, effect);
      await gap('migrator.after-down');
      const after = await revision(version, effect);
      effect.report(`migrate down: ${change(before, after)}`);
      if (toRevision !== null && after !== null && after !== toRevision) throw notThere(version, toRevision, after);
    },
  };
}

async function askRevision(settings: MigratorSettings, version: string, effect: Effect): Promise<string | null> {
  if (settings.revision === null) return null;
  const command: MigratorCommand = { name: 'revision', argv: settings.revision, bindings: { VERSION: version } };
  const result = await run(command, settings, effect);
  const last =
    result.stdout
      .split(/\r?\n/)
      .findLast((line) => line.trim() !== '')
      ?.trim() ?? '';
  if (last !== '' && last.length <= REVISION_LENGTH_MAX) return last;
  throw problem('migration-failed', `the revision command of ${version} printed no revision${lastLinesOf(result)}`, {
    where: 'migrate.command.revision',
    next: 'Let it print one line that differs for every revision, also for an empty database (e.g. `none`).',
  });
}

/** A command whose output is what it is run for. */
async function read(command: MigratorCommand, settings: MigratorSettings, effect: Effect): Promise<string> {
  const result = await run(command, settings, effect);
  if (result.stdoutBytes <= READ_BYTES_MAX) return result.stdout;
  throw problem('migration-failed', `the ${command.name} command printed more than is kept of its output`, {
    where: `migrate.command.${command.name}`,
    next: 'Let it print only what the migration would run, not the data.',
  });
}

async function run(command: MigratorCommand, settings: MigratorSettings, effect: Effect): Promise<CommandResult> {
  const { name, argv, bindings } = command;
  const label = name === 'up' || name === 'down' ? `migrate ${name}` : null; // the output of the others is data
  const isRead = name === 'preview' || name === 'status';
  const limit = isRead ? { outputLimitBytes: READ_BYTES_MAX } : {};
  const result = await runDeclaredCommand({ label, argv, bindings, ...limit }, settings, effect);
  if (result.exitCode === 0 && !result.timedOut && !result.aborted) return result;
  throw failed(command, settings, result);
}

function failed(command: MigratorCommand, settings: MigratorSettings, result: CommandResult): Error {
  const where = `migrate.command.${command.name}`;
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
  });
}

function noWayDown(version: string): Error {
  return problem(
    'migration-failed',
    `the migration of ${version} cannot be taken back: no "down" command is declared`,
    {
      where: 'migrate.command.down',
      next: 'Restore the backup that was taken before the release, or declare "down".',
    },
  );
}

function notThere(version: string, wanted: string, found: string): Error {
  return problem(
    'migration-failed',
    `migrate down of ${version} ended with success, but the data is at ${found}, not ${wanted}`,
    {
      where: 'migrate.command.down',
      next: 'Let the down command go to $REVISION.',
    },
  );
}

function change(before: string | null, after: string | null): string {
  if (before === null || after === null) return 'done; the tool does not tell the revision';
  return before === after ? `was at ${after} already` : `from ${before} to ${after}`;
}
