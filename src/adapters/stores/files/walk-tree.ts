import { dirname, join, relative, resolve } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf, factsOfAll, namesIn, targetOf, type FileFacts } from '../../../platform/file-tree.ts';

/** What was found; files are read later. */
export interface Found {
  path: string;
  facts: FileFacts;
  /** Of a link. */
  target: string | null;
}

interface Walk {
  projectDirectory: string;
  isExcluded: (path: string) => boolean;
  effect: Effect;
}

/**
 * Everything at and below a path, folders before what is in them, names by code unit. Links are found, never followed. What is neither
 * file, folder nor link is left out with a note; what vanishes meanwhile is left out.
 */
export async function* walkTree(root: string, walk: Walk): AsyncGenerator<Found> {
  if (walk.isExcluded(root)) return;
  const place = join(walk.projectDirectory, root);
  const facts = await factsOf(place);
  if (facts === null) requireReadableName(root, place);
  else yield* walkFrom(root, facts, walk);
}

async function* walkFrom(path: string, facts: FileFacts, walk: Walk): AsyncGenerator<Found> {
  walk.effect.signal.throwIfAborted();
  switch (facts.type) {
    case 'other':
      walk.effect.report(`${path} is a socket, pipe or device and is not in the backup`);
      return;
    case 'file':
      yield { path, facts, target: null };
      return;
    case 'link':
      yield { path, facts, target: await readTarget(path, join(walk.projectDirectory, path), walk) };
      return;
    case 'directory':
      yield { path, facts, target: null };
      yield* walkNames(path, walk);
  }
}

// Found before they are looked at closer: a folder may hold any number of them.
const LOOKS_AHEAD = 1024;

async function* walkNames(folder: string, walk: Walk): AsyncGenerator<Found> {
  const place = join(walk.projectDirectory, folder);
  const names = (await namesOrNone(place)).filter((name) => !walk.isExcluded(`${folder}/${name}`));
  for (let at = 0; at < names.length; at += LOOKS_AHEAD) {
    const some = names.slice(at, at + LOOKS_AHEAD);
    const looks = await factsOfAll(some.map((name) => join(place, name)));
    for (const [index, name] of some.entries()) {
      const facts = looks[index] ?? null;
      if (facts === null) requireReadableName(`${folder}/${name}`, join(place, name));
      else yield* walkFrom(`${folder}/${name}`, facts, walk);
    }
  }
}

async function readTarget(path: string, place: string, walk: Walk): Promise<string> {
  const target = await targetOf(place);
  const leadsTo = relative(walk.projectDirectory, resolve(dirname(place), target));
  const top = path.split('/')[0] ?? '';
  if (leadsTo !== top && !leadsTo.startsWith(`${top}/`)) {
    walk.effect.report(`${path} is a link to ${target}: the link is in the backup, what it leads to is not`);
  }
  return target;
}

async function namesOrNone(place: string): Promise<string[]> {
  try {
    return await namesIn(place);
  } catch (error) {
    // A folder deleted since it was looked at holds nothing.
    if ((await factsOf(place)) === null) return [];
    throw error;
  }
}

/** Names that are not UTF-8 arrive with replacement characters and cannot be found again: leaving such a file out silently would lose it. */
function requireReadableName(path: string, where: string): void {
  if (!path.includes('\ufffd')) return;
  throw problem('backup-failed', `the name of ${JSON.stringify(path)} is not UTF-8, so the file cannot be backed up`, {
    where,
    next: 'Rename the file, or exclude it in the settings of the store.',
  });
}
