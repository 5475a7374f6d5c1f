import { dirname, join, resolve } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { exists, listDirectory } from '../../../platform/files.ts';
import { commandFolder, notStored, wayDownOf, type WayDown } from '../way-down.ts';
import type { KnexSettings } from './settings.ts';

const KNEXFILES = ['knexfile.js', 'knexfile.cjs', 'knexfile.mjs', 'knexfile.ts', 'knexfile.json'];

/**
 * The knexfile and the migrations. Where the knexfile has them is its own code's to say; the folder that knex uses by default is taken when every
 * migration that knex lists is in it.
 */
export async function keptFiles(
  settings: KnexSettings,
  { applied, pending }: { applied: readonly string[]; pending: readonly string[] },
  { version, effect }: { version: string; effect: Effect },
): Promise<WayDown> {
  const goesTo = pending.at(-1) ?? applied.at(-1) ?? null;
  const cwd = commandFolder(settings.directory, version, effect);
  const named = settings.knexfile === null ? KNEXFILES : [settings.knexfile];
  const knexfiles = named.map((file) => resolve(cwd, file)).filter(exists);
  if (settings.files !== undefined) {
    return wayDownOf(goesTo, [...knexfiles, ...settings.files.map((file) => resolve(cwd, file))], effect);
  }
  const [knexfile] = knexfiles;
  if (knexfile === undefined) return notStored(goesTo, 'there is no knexfile in its `directory`');
  const folder = join(dirname(knexfile), 'migrations');
  const there = new Set(listDirectory(folder));
  const missing = [...applied, ...pending].find((name) => !there.has(name));
  if (missing === undefined) return wayDownOf(goesTo, [...knexfiles, folder], effect);
  return notStored(
    goesTo,
    `${missing} is not in the folder migrations beside the knexfile; list its folder under \`files\``,
  );
}
