import { resolve } from 'node:path';
import type { Json } from '../../../core/release/json.ts';
import type { LockManners } from '../../../core/release/lock-manners.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { lastLinesOf } from '../../../platform/run-declared-command.ts';
import type { Migrator } from '../migrator.ts';
import {
  directionsOf,
  readMigratorOutput,
  runMigratorCommand,
  type MigratorCommand,
  type MigratorDeeds,
} from '../run-migrator-command.ts';
import { limitedSettings } from '../session-limits.ts';
import { commandFolder, notStored, wayDownOf } from '../way-down.ts';
import type { MigratorSettings } from './settings.ts';

const NOT_SAID = { atomic: false, why: 'the release file does not say `transactional: true`' } as const;
const DOWN_NOT_SAID = { atomic: false, why: 'the release file does not say `transactional-down: true`' } as const;
const REVISION_LENGTH_MAX = 200; // a revision is a number, a hash or a file name; anything longer is an error message

/**
 * Calls the project's own migration tool. `up` is harmless when everything is applied already, by the promise of the tool;
 * every failure is `migration-failed` with the last lines the tool printed.
 */
export function openCommandMigrator(checkedSettings: Json, manners: LockManners | null = null): Migrator {
  const settings = checkedSettings as unknown as MigratorSettings;
  const revision = (version: string, effect: Effect) => askRevision(settings, version, effect);
  const deeds: MigratorDeeds = {
    kind: 'command',
    revision,
    atomicity: async () => (settings.transactional ? { atomic: true } : NOT_SAID),
    goUp: async (version, effect, limits) => {
      const command = commandOf('up', settings.up, { VERSION: version });
      await runMigratorCommand(command, limitedSettings(settings, limits), effect);
    },
    atomicityDown: async () => (settings.transactionalDown === true ? { atomic: true } : DOWN_NOT_SAID),
    goDown: async ({ version, toRevision }, effect, limits) => {
      const bindings = { VERSION: version, ...(toRevision === null ? {} : { REVISION: toRevision }) };
      const command = commandOf('down', settings.down ?? [], bindings);
      await runMigratorCommand(command, limitedSettings(settings, limits), effect);
    },
  };
  const directions = directionsOf(deeds, manners);
  return {
    kind: 'command',
    commandsFor: (direction) => {
      const argv = direction === 'up' ? settings.up : settings.down;
      return argv === null ? [] : [argv];
    },
    ...directions,
    async down(version, toRevision, effect) {
      if (settings.down === null) throw noWayDown(version);
      await directions.down(version, toRevision, effect);
    },
    async preview(version, effect) {
      if (settings.preview === null) return { unseen: 'the release file declares no `preview` command' };
      const command = commandOf('preview', settings.preview, { VERSION: version });
      const sql = await readMigratorOutput(command, settings, effect);
      return { sql, dialect: settings.dialect, ownTables: [] };
    },
    async status(version, effect) {
      if (settings.status === null) return null;
      const command = commandOf('status', settings.status, { VERSION: version });
      return { applied: null, pending: null, text: await readMigratorOutput(command, settings, effect) };
    },
    async wayDown(version, effect) {
      if (settings.down === null) return notStored(null, 'there is no way down');
      if (settings.files === undefined) return notStored(null, 'the release file does not name its `files`');
      const folder = commandFolder(settings.directory, version, effect);
      const paths = settings.files.map((file) => resolve(folder, file));
      return wayDownOf(null, paths, effect);
    },
  };
}

function commandOf(
  name: MigratorCommand['name'],
  argv: string[],
  bindings: MigratorCommand['bindings'],
): MigratorCommand {
  return { kind: 'command', name, argv, bindings };
}

async function askRevision(settings: MigratorSettings, version: string, effect: Effect): Promise<string | null> {
  if (settings.revision === null) return null;
  const result = await runMigratorCommand(
    commandOf('revision', settings.revision, { VERSION: version }),
    settings,
    effect,
  );
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
