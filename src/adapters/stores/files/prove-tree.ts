import { join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import type { TreeCopy } from './tree-copy.ts';
import { rootsOf, type TreeEntry } from './tree-entries.ts';
import { walkTree, type Found } from './walk-tree.ts';

/** Walks a restored tree as a capture does, and returns what its index would be. */
export async function readTree<Content extends object>(
  copy: TreeCopy<Content>,
  folder: string,
  effect: Effect,
): Promise<TreeEntry<Content>[]> {
  const entries: TreeEntry<Content>[] = [];
  const walk = { projectDirectory: folder, isExcluded: () => false, effect };
  const modes = new Map(copy.index.map(({ path, mode }) => [path, mode]));
  for (const root of rootsOf(copy.index)) {
    for await (const found of walkTree(root, walk)) {
      entries.push(await entryOf(found, (path) => copy.contentOf(join(folder, path), path), modes.get(found.path)));
    }
  }
  return entries;
}

/** The rights of a link mean nothing, and some systems set them by themselves. */
async function entryOf<Content extends object>(
  { path, facts, target }: Found,
  contentOf: (path: string) => Promise<Content>,
  knownMode: number | undefined,
): Promise<TreeEntry<Content>> {
  const { gid, mode, mtimeMs, uid, bytes } = facts;
  if (target !== null) return { gid, mode: knownMode ?? mode, mtimeMs, path, uid, type: 'link', target };
  if (facts.type === 'directory') return { gid, mode, mtimeMs, path, uid, type: 'directory' };
  return { gid, mode, mtimeMs, path, uid, type: 'file', bytes, ...(await contentOf(path)) };
}
