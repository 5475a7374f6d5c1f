import { join, resolve } from 'node:path';
import type { Atomicity } from '../../../core/release/lock-manners.ts';
import { bindVariables } from '../../../core/release/bind-variables.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readText } from '../../../platform/files.ts';
import type { KnexSettings } from './settings.ts';

const KNEXFILES = ['knexfile.js', 'knexfile.cjs', 'knexfile.mjs', 'knexfile.ts'];

/**
 * Knex runs what waits in one transaction, unless a file or the knexfile asks for none, and tells nobody. So their text is looked at: a
 * word that may end a transaction counts, wherever it stands.
 */
export async function findAtomicity(
  settings: KnexSettings,
  pending: readonly string[],
  version: string,
  effect: Effect,
): Promise<Atomicity> {
  const at = (path: string): string => effect.resolve(bindVariables(path, { VERSION: version }));
  const folder = resolve(effect.projectDirectory, at(settings.directory));
  const knexfiles = settings.knexfile === null ? KNEXFILES : [at(settings.knexfile)];
  const texts = await Promise.all(knexfiles.map((name) => readText(resolve(folder, name))));
  const knexfile = texts.find((text) => text !== null) ?? null;
  if (knexfile === null) return { atomic: false, why: 'no knexfile is found' };
  if (/disableTransactions/.test(knexfile)) return { atomic: false, why: 'the knexfile names disableTransactions' };
  for (const name of pending) {
    const text = await readText(join(resolve(folder, at(settings.migrations)), name));
    if (text === null) return { atomic: false, why: `${name} is not in the folder ${settings.migrations}` };
    const word = /\bconfig\b|\bcommit\b|\brollback\b|\bconcurrently\b/i.exec(text)?.[0];
    if (word !== undefined) return { atomic: false, why: `${name} has the word ${word}` };
  }
  return { atomic: true };
}
