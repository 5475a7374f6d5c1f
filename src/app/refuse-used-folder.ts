import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Plan } from '../core/plan/plan.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { exists } from '../platform/files.ts';
import { realPathOf } from '../platform/file-tree.ts';

/** Where live data lies, by what a store says of it. The `directory` of other kinds is where their commands work. */
const PLACE_KEYS = ['path', 'paths'];
const SERVER_KEYS = ['directory'];

/** Throws `refused` for a folder inside live data, where the next backup would hold it and a restore take it away, or inside the vault. */
export async function refuseUsedFolder(folder: string, plan: Plan, effect: Effect): Promise<void> {
  const wanted = await realFolder(folder);
  const placed = plan.stores.flatMap(({ name, kind, settings }) =>
    placesIn(kind, settings).map((path) => ({ path, what: `the live data of ${name}` })),
  );
  for (const { path, what } of [...placed, { path: plan.backupDirectory, what: 'the folder of the backups' }]) {
    const used = await realFolder(resolve(effect.projectDirectory, effect.resolve(path)));
    if (!isWithin(wanted, used)) continue;
    throw problem('refused', `${folder} is inside ${what}`, {
      where: '--into',
      next: `Name a folder that is not in ${used}.`,
    });
  }
}

function placesIn(kind: string, settings: Json): string[] {
  if (kind === 'redis') return textsOf(settings, SERVER_KEYS);
  if (kind === 'postgres') return textsOf(physicalOf(settings), SERVER_KEYS);
  return textsOf(settings, PLACE_KEYS);
}

function physicalOf(settings: Json): Json {
  return isMap(settings) ? (settings['physical'] ?? null) : null;
}

function textsOf(settings: Json, keys: readonly string[]): string[] {
  if (!isMap(settings)) return [];
  return keys.flatMap((key) => settings[key] ?? []).filter((one) => typeof one === 'string');
}

function isMap(value: Json): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Links of what is there are followed; the rest of the path is not there yet. */
async function realFolder(path: string): Promise<string> {
  if (exists(path) || dirname(path) === path) return realPathOf(path);
  return join(await realFolder(dirname(path)), basename(path));
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith('../'));
}
