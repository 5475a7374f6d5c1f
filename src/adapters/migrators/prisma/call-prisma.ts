import { join, resolve } from 'node:path';
import { bindVariables } from '../../../core/release/bind-variables.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, readText, removeTree, writeAtomically } from '../../../platform/files.ts';
import { randomId } from '../../../platform/ids.ts';
import type { CommandResult } from '../../../platform/run-command.ts';
import { lastLinesOf } from '../../../platform/run-declared-command.ts';
import {
  commandFailed,
  isSuccess,
  runMigratorCommand,
  tryMigratorCommand,
  type MigratorCommand,
} from '../run-migrator-command.ts';
import { limitedAddresses, type SessionLimits } from '../session-limits.ts';
import { readMigrations } from './migration-files.ts';
import { LOOK_SQL, readRecord, stateOf, type PrismaState } from './read-record.ts';
import type { PrismaSettings } from './settings.ts';

/** Prisma of one version of the project. */
export interface PrismaCall {
  settings: PrismaSettings;
  version: string;
  effect: Effect;
}

export function argvOf(settings: PrismaSettings, ...words: string[]): string[] {
  const config = settings.config === null ? [] : ['--config', settings.config];
  return [...settings.command, ...words, '--schema', settings.schema, ...config];
}

function commandOf(call: PrismaCall, name: MigratorCommand['name'], words: string[]): MigratorCommand {
  const { settings, version } = call;
  return { kind: 'prisma', name, argv: argvOf(settings, ...words), bindings: { VERSION: version } };
}

/** Where a path of the settings lies. */
export function placeOf({ settings, version, effect }: PrismaCall, path: string): string {
  const at = (text: string): string => effect.resolve(bindVariables(text, { VERSION: version }));
  return resolve(effect.projectDirectory, at(settings.directory), at(path));
}

/** What is applied, what waits, what failed. */
export async function look(call: PrismaCall): Promise<PrismaState> {
  const { settings, effect } = call;
  await requirePostgres(call);
  const files = await readMigrations(placeOf(call, settings.migrations));
  return withScript(LOOK_SQL, effect, async (path) => {
    const command = commandOf(call, 'revision', ['db', 'execute', '--file', path]);
    const result = await tryMigratorCommand(command, settings, effect);
    const rows = readRecord(`${result.stdout}\n${result.stderr}`);
    if (rows !== null) return stateOf(rows, files);
    throw isSuccess(result) ? noAnswer(result) : commandFailed(command, settings, result);
  });
}

function noAnswer(result: CommandResult): Error {
  return problem('migration-failed', `prisma does not tell what is applied${lastLinesOf(result)}`, {
    where: 'migrate.prisma',
    next: 'Run "prisma migrate status" by hand; or use migrate: command:.',
  });
}

/** The look, the down scripts and the limits are those of PostgreSQL. */
async function requirePostgres(call: PrismaCall): Promise<void> {
  const lock = await readText(join(placeOf(call, call.settings.migrations), 'migration_lock.toml'));
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock ?? '')?.[1];
  if (provider === undefined || provider === 'postgresql') return;
  throw problem('config-invalid', `the migrations of Prisma are for ${provider}; migrate: prisma: knows PostgreSQL`, {
    where: 'migrate.prisma',
    next: 'Declare them by commands: see migrate: command: in docs/guide/migrations.md',
  });
}

export async function deploy(call: PrismaCall, limits: SessionLimits | null): Promise<void> {
  const { settings, version, effect } = call;
  const limited = limitedAddresses(settings, limits, { effect, bindings: { VERSION: version } });
  await runMigratorCommand(commandOf(call, 'up', ['migrate', 'deploy']), limited, effect);
}

/** Tells Prisma that nothing of a failed migration is left. It refuses that for one that is applied. */
export async function resolveFailed(call: PrismaCall, name: string): Promise<void> {
  const command = commandOf(call, 'resolve', ['migrate', 'resolve', '--rolled-back', name]);
  await runMigratorCommand(command, call.settings, call.effect);
}

/** Runs SQL by the address that Prisma itself uses. */
export async function execute(call: PrismaCall, sql: string, limits: SessionLimits | null): Promise<void> {
  const { settings, version, effect } = call;
  const limited = limitedAddresses(settings, limits, { effect, bindings: { VERSION: version } });
  await withScript(sql, effect, async (path) => {
    const command = commandOf(call, 'down', ['db', 'execute', '--file', path]);
    await runMigratorCommand(command, limited, effect);
  });
}

async function withScript<Result>(
  sql: string,
  effect: Effect,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const folder = join(effect.stateDirectory, 'migrators');
  await ensureDirectory(folder);
  const path = join(folder, `prisma-${randomId()}.sql`);
  await writeAtomically(path, sql);
  try {
    return await use(path);
  } finally {
    await removeTree(path);
  }
}
