import type { Json } from '../../../core/release/json.ts';
import type { Atomicity, LockManners } from '../../../core/release/lock-manners.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { exists, readText } from '../../../platform/files.ts';
import type { Migrator } from '../migrator.ts';
import { directionsOf, noRevisionToGoTo, type MigratorDeeds } from '../run-migrator-command.ts';
import type { SessionLimits } from '../session-limits.ts';
import { wayDownOf, type WayDown } from '../way-down.ts';
import { argvOf, deploy, execute, look, placeOf, resolveFailed, type PrismaCall } from './call-prisma.ts';
import { atomicityOf, joinScripts, readMigrations, type MigrationFile } from './migration-files.ts';
import { revisionOf, type PrismaState } from './read-record.ts';
import type { PrismaSettings } from './settings.ts';

/** The revision of an empty database; a migration is a folder that begins with a time, so none has this name. */
const EMPTY = 'none';
const CONFIGS = ['ts', 'js', 'mjs', 'cjs', 'mts', 'cts'].map((ending) => `prisma.config.${ending}`);

/** Calls prisma. The address of the database reaches its schema by the environment, never by an argument. */
export function openPrismaMigrator(checkedSettings: Json, manners: LockManners | null = null): Migrator {
  const settings = checkedSettings as unknown as PrismaSettings;
  const callOf = (version: string, effect: Effect): PrismaCall => ({ settings, version, effect });
  const deeds: MigratorDeeds = {
    kind: 'prisma',
    revision: async (version, effect) => revisionOf(await look(callOf(version, effect)), EMPTY),
    atomicity: async (version, effect) => atomicityOfAll(callOf(version, effect)),
    goUp: (version, effect, limits) => goUp(callOf(version, effect), limits),
    atomicityDown: async (version, toRevision, effect) => atomicityDown(callOf(version, effect), toRevision),
    goDown: ({ version, toRevision }, effect, limits) => goDown(callOf(version, effect), toRevision, limits),
  };
  return {
    kind: 'prisma',
    commandsFor: (direction) => [
      direction === 'up'
        ? argvOf(settings, 'migrate', 'deploy')
        : argvOf(settings, 'db', 'execute', '--file', `${settings.migrations}/$MIGRATION/down.sql`),
    ],
    ...directionsOf(deeds, manners),
    preview: async (version, effect) => previewOf(await look(callOf(version, effect))),
    status: async (version, effect) => {
      const { applied, pending, failed, edited } = await look(callOf(version, effect));
      const text = [
        ...failed.map(({ name }) => `failed, and holds up all that follow: ${name}`),
        ...edited.map((name) => `edited since it was applied: ${name}`),
      ].join('\n');
      return { applied, pending: pending.map((file) => file.name), text };
    },
    wayDown: async (version, effect) => keptFiles(callOf(version, effect)),
  };
}

/** Schema and configuration, without which prisma does not start, and the migrations; or what the release file names instead of these. */
async function keptFiles(call: PrismaCall): Promise<WayDown> {
  const { settings, effect } = call;
  const { applied, pending } = await look(call);
  const goesTo = pending.at(-1)?.name ?? applied.at(-1) ?? EMPTY;
  const starting = [settings.schema, ...configsOf(settings)].map((path) => placeOf(call, path)).filter(exists);
  const named = (settings.files ?? [settings.migrations]).map((path) => placeOf(call, path));
  return wayDownOf(goesTo, [...starting, ...named], effect);
}

function configsOf({ config }: PrismaSettings): string[] {
  return config === null ? CONFIGS : [config];
}

/** Exactly the files that `migrate deploy` will send, and the way back beside them. */
function previewOf({ pending, failed }: PrismaState): Awaited<ReturnType<Migrator['preview']>> {
  const [first] = failed;
  if (first !== undefined)
    return { unseen: `prisma holds ${first.name} for failed, and runs nothing until that is resolved` };
  const sql = joinScripts(pending.map(({ name, sql: text }) => ({ name, file: 'migration.sql', sql: text })));
  const back = pending.toReversed().map(({ name, down }) => ({ name, file: 'down.sql', sql: down ?? '' }));
  const hasWayBack = pending.every((file) => file.down !== null);
  return {
    sql,
    dialect: 'postgresql',
    ownTables: ['_prisma_migrations'],
    down: hasWayBack ? { sql: joinScripts(back) } : null,
  };
}

async function atomicityOfAll(call: PrismaCall): Promise<Atomicity> {
  const { pending } = await look(call);
  const isSplit = await hasDriverAdapter(call);
  return pending.map((file) => atomicityOf(file, isSplit)).find((one) => !one.atomic) ?? { atomic: true };
}

/** Its word in a configuration is enough: then scripts may be sent statement by statement. */
async function hasDriverAdapter(call: PrismaCall): Promise<boolean> {
  const texts = await Promise.all(configsOf(call.settings).map((name) => readText(placeOf(call, name))));
  return texts.some((text) => text !== null && text.includes('adapter'));
}

async function goUp(call: PrismaCall, limits: SessionLimits | null): Promise<void> {
  const before = await look(call);
  if (before.failed.length > 0) throw failedBefore(call, before);
  for (const name of before.edited) call.effect.report(`migrate: ${name} was edited after it was applied`);
  try {
    await deploy(call, limits);
  } catch (error) {
    if (!call.effect.signal.aborted) await takeBackWhole(call).catch((fault: Error) => reportUnresolved(call, fault));
    throw error;
  }
}

/** What made the migration fail is what has to be read; that it could not be tidied up is said beside it. */
function reportUnresolved(call: PrismaCall, fault: Error): void {
  call.effect.report(`migrate: the migration that failed is not marked as rolled back: ${fault.message}`);
}

/** A script that ran in one transaction, and that the server ended with an error, has left nothing: Prisma may forget that it failed. */
async function takeBackWhole(call: PrismaCall): Promise<void> {
  const { failed } = await look(call);
  const isSplit = await hasDriverAdapter(call);
  const files = await readMigrations(placeOf(call, call.settings.migrations));
  for (const { name, hasError } of failed) {
    const file = files.find((one) => one.name === name);
    if (file === undefined || !hasError || !atomicityOf(file, isSplit).atomic) continue;
    await resolveFailed(call, name);
    call.effect.report(`migrate: ${name} was one transaction, of which nothing is left; it is marked as rolled back`);
  }
}

interface DownScript {
  name: string;
  down: string;
  /** Prisma holds the way up of it for failed. */
  isBroken: boolean;
}

/** Newest first, by the `down.sql` of each; nothing is begun when one is missing. */
async function downScripts(call: PrismaCall, toRevision: string | null): Promise<DownScript[]> {
  if (toRevision === null) throw noRevisionToGoTo('prisma', call.version);
  const { applied, failed } = await look(call);
  const files = await readMigrations(placeOf(call, call.settings.migrations));
  if (toRevision !== EMPTY && !applied.includes(toRevision)) throw notApplied(call, toRevision);
  const above = applied.filter((name) => toRevision === EMPTY || name > toRevision).toReversed();
  const broken = failed.map((row) => row.name);
  return [...broken, ...above].map((name) => {
    const down = files.find((file) => file.name === name)?.down ?? null;
    if (down === null) throw noDownScript(call, name);
    return { name, down, isBroken: broken.includes(name) };
  });
}

async function goDown(call: PrismaCall, toRevision: string | null, limits: SessionLimits | null): Promise<void> {
  for (const script of await downScripts(call, toRevision)) {
    if (script.isBroken) {
      await execute(call, inOneTransaction(script.name, script.down, ''), limits);
      await resolveFailed(call, script.name);
    } else await undo(call, script, limits);
  }
}

/** Each script is sent with its record in one transaction, unless a word in it forbids that; of a failed one the record goes afterwards. */
async function atomicityDown(call: PrismaCall, toRevision: string | null): Promise<Atomicity> {
  const scripts = await downScripts(call, toRevision);
  const broken = scripts.find((script) => script.isBroken);
  if (broken !== undefined) return { atomic: false, why: `prisma holds ${broken.name} for failed` };
  const found = scripts.map(({ name, down }) => atomicityOf({ name, sql: down, down: null }, false));
  return found.find((one) => !one.atomic) ?? { atomic: true };
}

/** `migrate status` takes a row that is marked as rolled back for an applied one, so the row of an undone migration goes. */
async function undo(call: PrismaCall, { name, down }: DownScript, limits: SessionLimits | null): Promise<void> {
  const forget = `DELETE FROM "_prisma_migrations" WHERE migration_name = '${name}' AND rolled_back_at IS NULL;\n`;
  const script = inOneTransaction(name, down, forget);
  await execute(call, script, limits);
  if (!script.includes(forget)) await execute(call, forget, limits);
}

function inOneTransaction(name: string, sql: string, more: string): string {
  const file: MigrationFile = { name, sql, down: null };
  const script = joinScripts([{ name, file: 'down.sql', sql }]);
  return atomicityOf(file, false).atomic ? `BEGIN;\n${script}${more}COMMIT;\n` : script;
}

function failedBefore(call: PrismaCall, { failed }: PrismaState): Error {
  const names = failed.map((row) => row.name);
  const way = (word: string): string => argvOf(call.settings, 'migrate', 'resolve', word, names[0] ?? '').join(' ');
  return problem(
    'migration-failed',
    `migrate up of ${call.version} cannot begin: prisma holds ${names.join(', ')} for failed, or it was cut short`,
    {
      where: 'migrate.prisma.up',
      next: `Look how much of it is in the database. All of it: ${way('--applied')}; nothing: ${way('--rolled-back')}; a part: take that back first.`,
    },
  );
}

function notApplied(call: PrismaCall, revision: string): Error {
  return problem('migration-failed', `migrate down of ${call.version} cannot begin: ${revision} is not applied`, {
    where: 'migrate.prisma.down',
    next: 'Look at what is applied: shipway migrate status',
  });
}

function noDownScript(call: PrismaCall, name: string): Error {
  return problem('migration-failed', `migrate down of ${call.version} cannot begin: ${name} has no down.sql`, {
    where: 'migrate.prisma.down',
    next: 'Prisma has no way down of its own. Write down.sql beside migration.sql (prisma migrate diff --script prints a first version), or restore the backup that was taken before the release.',
  });
}
