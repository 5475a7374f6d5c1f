import type { Json } from '../../../core/release/json.ts';
import type { LockManners } from '../../../core/release/lock-manners.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { lastLinesOf } from '../../../platform/run-declared-command.ts';
import type { Migrator } from '../migrator.ts';
import {
  commandFailed,
  directionsOf,
  isSuccess,
  noRevisionToGoTo,
  runMigratorCommand,
  tryMigratorCommand,
  type DownGoal,
  type MigratorCommand,
  type MigratorDeeds,
} from '../run-migrator-command.ts';
import { limitedSettings } from '../session-limits.ts';
import { findAtomicity } from './find-atomicity.ts';
import { forgetRun, noteRun, wasCutShort } from './own-lock.ts';
import { readList } from './read-list.ts';
import { keptFiles } from './kept-files.ts';
import type { KnexSettings } from './settings.ts';

/** The revision of an empty database; a migration is a file, so no migration has this name. */
const EMPTY = 'none';

/** Calls knex. The address of the database reaches its knexfile by the environment, never by an argument. */
export function openKnexMigrator(checkedSettings: Json, manners: LockManners | null = null): Migrator {
  const settings = checkedSettings as unknown as KnexSettings;
  const list = (version: string, effect: Effect) => askList(settings, version, effect);
  const revision = async (version: string, effect: Effect): Promise<string> =>
    (await list(version, effect)).applied.at(-1) ?? EMPTY;
  const above = async ({ version, toRevision }: DownGoal, effect: Effect): Promise<string[]> => {
    if (toRevision === null) throw noRevisionToGoTo('knex', version);
    return migrationsAbove((await list(version, effect)).applied, toRevision, version);
  };
  const deeds: MigratorDeeds = {
    kind: 'knex',
    revision,
    atomicity: async (version, effect) =>
      findAtomicity(settings, (await list(version, effect)).pending, version, effect),
    goUp: (version, effect, limits) =>
      change(limitedSettings(settings, limits), commandOf(settings, 'up', version, ['migrate:latest']), effect),
    atomicityDown: async (version, toRevision, effect) =>
      findAtomicity(settings, await above({ version, toRevision }, effect), version, effect),
    goDown: async (to, effect, limits) => {
      for (const name of await above(to, effect)) {
        const command = commandOf(settings, 'down', to.version, ['migrate:down', name]);
        await change(limitedSettings(settings, limits), command, effect);
      }
    },
  };
  return {
    kind: 'knex',
    commandsFor: (direction) => [
      direction === 'up' ? argvOf(settings, 'migrate:latest') : argvOf(settings, 'migrate:down', '$MIGRATION'),
    ],
    ...directionsOf(deeds, manners),
    preview: async () => ({ unseen: 'knex cannot print the SQL of its migrations without running them' }),
    status: async (version, effect) => ({ ...(await list(version, effect)), text: '' }),
    wayDown: async (version, effect) => keptFiles(settings, await list(version, effect), { version, effect }),
  };
}

function argvOf(settings: KnexSettings, ...words: string[]): string[] {
  return [...settings.command, ...(settings.knexfile === null ? [] : ['--knexfile', settings.knexfile]), ...words];
}

function commandOf(
  settings: KnexSettings,
  name: MigratorCommand['name'],
  version: string,
  words: string[],
): MigratorCommand {
  return { kind: 'knex', name, argv: argvOf(settings, ...words), bindings: { VERSION: version } };
}

async function askList(
  settings: KnexSettings,
  version: string,
  effect: Effect,
): Promise<{ applied: string[]; pending: string[] }> {
  const result = await runMigratorCommand(commandOf(settings, 'status', version, ['migrate:list']), settings, effect);
  const found = readList(result.stdout);
  if (found !== null) return found;
  throw problem('migration-failed', `knex migrate:list of ${version} printed no list${lastLinesOf(result)}`, {
    where: 'migrate.knex',
    next: 'Run it by hand; or, where knex prints it in another way, use migrate: command:.',
  });
}

/** Newest first, each undone by its name: what comes in between from elsewhere is never undone by mistake. */
function migrationsAbove(applied: readonly string[], revision: string, version: string): string[] {
  if (revision === EMPTY) return applied.toReversed();
  const at = applied.indexOf(revision);
  if (at >= 0) return applied.slice(at + 1).toReversed();
  throw problem('migration-failed', `migrate down of ${version} cannot begin: ${revision} is not applied`, {
    where: 'migrate.knex.down',
    next: 'Look at what is applied: knex migrate:list',
  });
}

/** A run that changes the schema, under the lock of knex. */
async function change(settings: KnexSettings, command: MigratorCommand, effect: Effect): Promise<void> {
  if (await wasCutShort(effect)) {
    const { VERSION: version = '' } = command.bindings;
    await runMigratorCommand(commandOf(settings, 'unlock', version, ['migrate:unlock']), settings, effect);
    effect.report('migrate: the lock of a run of this release that was killed is taken off');
  }
  await noteRun(effect);
  const result = await tryMigratorCommand(command, settings, effect);
  if (result.exitCode !== null && !result.timedOut && !result.aborted) await forgetRun(effect);
  if (isSuccess(result)) return;
  if (/already locked/i.test(result.stdout + result.stderr)) throw lockedElsewhere(command, settings);
  throw commandFailed(command, settings, result);
}

function lockedElsewhere(command: MigratorCommand, settings: KnexSettings): Error {
  return problem('migration-failed', `migrate ${command.name}: the table of migrations is locked by another run`, {
    where: `migrate.knex.${command.name}`,
    next: `Wait until it has ended; if nothing runs any more: ${argvOf(settings, 'migrate:unlock').join(' ')}`,
  });
}
