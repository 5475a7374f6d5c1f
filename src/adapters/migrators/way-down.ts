import { isAbsolute, relative, resolve } from 'node:path';
import { bindVariables } from '../../core/release/bind-variables.ts';
import type { Effect } from '../../platform/effect.ts';
import { factsOf, namesIn } from '../../platform/file-tree.ts';

const FILES_MAX = 5000; // the largest history of migrations that was seen had 1,400 files
const BYTES_MAX = 64 * 1024 * 1024; // scripts are text; more than this is data
const LEFT_OUT = new Set(['__pycache__', 'node_modules', '.git']);

/** What a release has to keep so that a later rollback does not depend on which files lie in the project then. */
export interface WayDown {
  /** The revision that `up` goes to; null: the tool does not tell before. */
  goesTo: string | null;
  /** Files that `down` needs, relative to the project, sorted. */
  files: string[];
  /** Why they are not known; null: they are. */
  notStored: string | null;
}

/** The folder in which the commands of a version run. */
export function commandFolder(directory: string, version: string, effect: Effect): string {
  return resolve(effect.projectDirectory, effect.resolve(bindVariables(directory, { VERSION: version })));
}

/** Every file at or below these absolute paths; without any path, or with one that cannot be kept, why. */
export async function wayDownOf(goesTo: string | null, paths: readonly string[], effect: Effect): Promise<WayDown> {
  const found = new Map<string, number>();
  for (const path of paths) {
    const why = await addFiles(path, effect.projectDirectory, found);
    if (why !== null) return notStored(goesTo, why);
  }
  const bytes = [...found.values()].reduce((sum, one) => sum + one, 0);
  if (found.size > FILES_MAX) return notStored(goesTo, `there are more than ${FILES_MAX} of them`);
  if (bytes > BYTES_MAX) return notStored(goesTo, `they have ${bytes} bytes, and at most ${BYTES_MAX} are kept`);
  if (found.size === 0) return notStored(goesTo, 'there are none');
  return { goesTo, files: [...found.keys()].sort(), notStored: null };
}

export function notStored(goesTo: string | null, why: string): WayDown {
  return { goesTo, files: [], notStored: why };
}

/** Why not, or null. */
async function addFiles(path: string, project: string, found: Map<string, number>): Promise<string | null> {
  const inside = relative(project, path);
  if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) return `${path} is not inside the project`;
  if (found.size > FILES_MAX) return null;
  const facts = await factsOf(path);
  switch (facts?.type) {
    case undefined:
      return `${inside} is not there`;
    case 'file':
      found.set(inside, facts.bytes);
      return null;
    case 'directory':
      for (const name of await namesIn(path)) {
        if (LEFT_OUT.has(name)) continue;
        const why = await addFiles(`${path}/${name}`, project, found);
        if (why !== null) return why;
      }
      return null;
    case 'link':
    case 'other':
      return `${inside} is neither a file nor a folder`;
  }
}
