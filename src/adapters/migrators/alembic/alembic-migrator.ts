import { resolve } from 'node:path';
import type { Json } from '../../../core/release/json.ts';
import type { Atomicity, LockManners } from '../../../core/release/lock-manners.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { listDirectory, readText } from '../../../platform/files.ts';
import { isUnseen, type Migrator, type SqlPreview, type Unseen } from '../migrator.ts';
import {
  directionsOf,
  noRevisionToGoTo,
  readMigratorOutput,
  runMigratorCommand,
  type MigratorCommand,
  type MigratorDeeds,
} from '../run-migrator-command.ts';
import { limitedSettings } from '../session-limits.ts';
import { commandFolder, notStored, wayDownOf, type WayDown } from '../way-down.ts';
import { readAtomicity } from './read-atomicity.ts';
import { goalOf, readCurrent, readHistory, splitHistory } from './read-history.ts';
import { scriptFolders, sectionMeant } from './script-folders.ts';
import type { AlembicSettings } from './settings.ts';

/** Prints SQL and runs none. */
type Print = (words: string[]) => Promise<string>;

/** What alembic calls an empty database in its own arguments. */
const EMPTY = 'base';

/** Calls alembic. The address of the database reaches its env.py by the environment, never by an argument. */
export function openAlembicMigrator(checkedSettings: Json, manners: LockManners | null = null): Migrator {
  const settings = checkedSettings as unknown as AlembicSettings;
  const argv = (...words: string[]): string[] => [...settings.command, '-c', settings.config, ...words];
  const commandOf = (name: MigratorCommand['name'], version: string, words: string[]): MigratorCommand => {
    return { kind: 'alembic', name, argv: argv(...words), bindings: { VERSION: version } };
  };
  const current = async (version: string, effect: Effect): Promise<string[]> => {
    const { stdout } = await runMigratorCommand(commandOf('revision', version, ['current']), settings, effect);
    return readCurrent(stdout);
  };
  const historyOf = async (version: string, effect: Effect): Promise<ReturnType<typeof readHistory>> =>
    readHistory(await readMigratorOutput(commandOf('status', version, ['history']), settings, effect));
  const revision = async (version: string, effect: Effect): Promise<string> =>
    (await current(version, effect)).join(',') || EMPTY;
  const printing = (version: string, effect: Effect): Print => {
    return (words) => readMigratorOutput(commandOf('preview', version, words), settings, effect);
  };
  const preview = async (version: string, effect: Effect): ReturnType<Migrator['preview']> =>
    previewFrom(await revision(version, effect), settings, printing(version, effect));
  const deeds: MigratorDeeds = {
    kind: 'alembic',
    revision,
    atomicity: async (version, effect) => atomicityUp(await preview(version, effect)),
    goUp: async (version, effect, limits) => {
      const command = commandOf('up', version, ['upgrade', settings.to]);
      await runMigratorCommand(command, limitedSettings(settings, limits), effect);
    },
    atomicityDown: async (version, toRevision, effect) => {
      const range = { from: await revision(version, effect), to: oneRevision(version, toRevision) };
      return atomicityDown(range, printing(version, effect));
    },
    goDown: async ({ version, toRevision }, effect, limits) => {
      const command = commandOf('down', version, ['downgrade', oneRevision(version, toRevision)]);
      await runMigratorCommand(command, limitedSettings(settings, limits), effect);
    },
  };
  return {
    kind: 'alembic',
    commandsFor: (direction) => [direction === 'up' ? argv('upgrade', settings.to) : argv('downgrade', '$REVISION')],
    ...directionsOf(deeds, manners),
    preview,
    status: async (version, effect) => ({
      ...splitHistory(await historyOf(version, effect), await current(version, effect)),
      text: '',
    }),
    wayDown: async (version, effect) =>
      scriptsOf(settings, goalOf(settings.to, await historyOf(version, effect)), version, effect),
  };
}

function oneRevision(version: string, toRevision: string | null): string {
  if (toRevision === null) throw noRevisionToGoTo('alembic', version);
  if (toRevision.includes(',')) throw severalHeads(version, toRevision);
  return toRevision;
}

function atomicityUp(seen: SqlPreview | Unseen): Atomicity {
  return isUnseen(seen) ? { atomic: false, why: seen.unseen } : readAtomicity(seen.sql);
}

async function atomicityDown({ from, to }: { from: string; to: string }, print: Print): Promise<Atomicity> {
  if (from.includes(',')) return { atomic: false, why: severalAtOnce(from) };
  return readAtomicity(await print(['downgrade', `${from}:${to}`, '--sql']));
}

const severalAtOnce = (from: string): string => `alembic prints no SQL from several revisions at once (${from})`;

async function previewFrom(
  from: string,
  { to, dialect }: AlembicSettings,
  print: Print,
): ReturnType<Migrator['preview']> {
  if (from.includes(',')) return { unseen: severalAtOnce(from) };
  const range = `${from === EMPTY ? '' : from}:${to}`;
  const sql = await print(['upgrade', from === EMPTY ? to : range, '--sql']);
  return { sql, dialect, ownTables: ['alembic_version'], atomicity: readAtomicity(sql) };
}

/** The ini file, env.py with what lies beside it, and the revisions; or what the release file names instead of them. */
async function scriptsOf(
  settings: AlembicSettings,
  goesTo: string | null,
  version: string,
  effect: Effect,
): Promise<WayDown> {
  const cwd = commandFolder(settings.directory, version, effect);
  const path = resolve(cwd, settings.config);
  const ini = await readText(path);
  if (settings.files !== undefined) {
    const named = settings.files.map((file) => resolve(cwd, file));
    return wayDownOf(goesTo, ini === null ? named : [path, ...named], effect);
  }
  if (ini === null)
    return notStored(goesTo, `${settings.config} is not there; list what the way down needs under \`files\``);
  const folders = scriptFolders(ini, { path, cwd, section: sectionMeant(settings.command) });
  if (typeof folders === 'string') return notStored(goesTo, folders);
  const beside = listDirectory(folders.scripts).filter((name) => /\.(py|mako)$/.test(name));
  const scripts = beside.map((name) => resolve(folders.scripts, name));
  return wayDownOf(goesTo, [path, ...scripts, ...folders.versions], effect);
}

function severalHeads(version: string, revisions: string): Error {
  return problem(
    'migration-failed',
    `migrate down of ${version} cannot begin: alembic goes down to one revision, and the data was at ${revisions}`,
    {
      where: 'migrate.alembic.down',
      next: 'Go down by hand, branch by branch, or join the branches: alembic merge heads',
    },
  );
}
