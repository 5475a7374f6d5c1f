import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { sha256OfFile } from '../../../platform/files.ts';
import type { Capture } from '../store.ts';
import { fingerprintOf, rootsOf, type IndexEntry } from './file-index.ts';
import { walkTree, type Found } from './walk-tree.ts';

/** Walks a restored tree as a capture does and compares the digest over all of it; so a file too many is seen as well. */
export async function requireSameTree(
  folder: string,
  index: readonly IndexEntry[],
  recorded: Capture,
  effect: Effect,
): Promise<void> {
  const entries: IndexEntry[] = [];
  const walk = { projectDirectory: folder, isExcluded: () => false, effect };
  const known = new Map(index.map((entry) => [entry.path, entry]));
  for (const root of rootsOf(index)) {
    for await (const found of walkTree(root, walk)) entries.push(await entryOf(found, folder, known.get(found.path)));
  }
  if (fingerprintOf(entries) === recorded.fingerprint) return;
  throw problem('backup-invalid', 'the restored files differ from what was captured', {
    where: folder,
    next: 'Use another backup: shipway backup list shows them.',
  });
}

/** The rights of a link mean nothing, and some systems set them by themselves. */
async function entryOf({ path, facts, target }: Found, folder: string, known?: IndexEntry): Promise<IndexEntry> {
  const { gid, mode, mtimeMs, uid } = facts;
  if (target !== null) return { gid, mode: known?.mode ?? mode, mtimeMs, path, uid, type: 'link', target };
  if (facts.type === 'directory') return { gid, mode, mtimeMs, path, uid, type: 'directory' };
  return { gid, mode, mtimeMs, path, uid, type: 'file', ...(await sha256OfFile(join(folder, path))) };
}
