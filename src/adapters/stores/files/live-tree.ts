import { join } from 'node:path';
import type { JsonObject } from '../../../core/release/json.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { treeBytes } from '../../../platform/files.ts';
import { factsOf, realPathOf } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { walkTree, type Found } from './walk-tree.ts';

/** The files and folders of a store. */
export interface LiveTree {
  paths: string[];
  isExcluded: (path: string) => boolean;
  projectDirectory: string;
}

export const TAR_ENGINE = 'tar 7 (ustar, pax)';

/** How much there is to copy; throws when a path cannot be copied. */
export async function probeTree(tree: LiveTree, effect: Effect): Promise<{ engine: string; bytes: number }> {
  await requireCapturable(tree, effect);
  let bytes = 0;
  for (const path of tree.paths) bytes += await treeBytes(join(tree.projectDirectory, path));
  return { engine: TAR_ENGINE, bytes };
}

/** Every path is there and may be copied. */
export async function requireCapturable(tree: LiveTree, effect: Effect): Promise<void> {
  const state = await realPathOf(effect.stateDirectory);
  for (const path of tree.paths) {
    const place = join(tree.projectDirectory, path);
    const facts = await factsOf(place);
    const next = 'Correct the paths of the store in the release file; they are relative to the project.';
    if (facts === null) throw problem('backup-failed', `there is no ${path}`, { where: place, next });
    if (facts.type === 'link' || facts.type === 'other') {
      throw problem('backup-failed', `${path} is a ${facts.type === 'link' ? 'link' : 'device, pipe or socket'}`, {
        where: place,
        next: 'Name the folder it leads to; a restore puts another folder in its place by renaming.',
      });
    }
    if (`${state}/`.startsWith(`${await realPathOf(place)}/`)) {
      throw problem('backup-failed', `${path} holds the state and the backups of shipway itself`, {
        where: place,
        next,
      });
    }
  }
}

/** A backup inside what is backed up would hold itself, and all backups before. */
export async function requireOutside(tree: LiveTree, folder: string, what: string): Promise<void> {
  const inside = `${await realPathOf(folder)}/`;
  for (const path of tree.paths) {
    const place = await realPathOf(join(tree.projectDirectory, path));
    if (!inside.startsWith(`${place}/`)) continue;
    throw problem('backup-failed', `${what} inside ${path}, which is backed up`, {
      where: folder,
      next: 'Choose another backups.directory, or backups.scratch, in the release file.',
    });
  }
}

/** Everything in the tree, in the order of an index. */
export async function* everythingIn(tree: LiveTree, effect: Effect): AsyncGenerator<Found> {
  for (const path of tree.paths) yield* walkTree(path, { ...tree, effect });
}

/**
 * Counts of the capture and of now by kind, and what was changed after the capture by the times that are on the disk. A file that was renamed,
 * or that got an old time again, shows in the time that no program can set back; a folder shows what was put in or taken out. Reads no
 * content, so it cannot tell that nothing differs.
 */
export async function countChanges(tree: LiveTree, recorded: Capture, effect: Effect): Promise<JsonObject> {
  const since = Date.parse(recorded.consistentAt);
  const now = { bytes: 0, directories: 0, files: 0, links: 0 };
  const changed = { filesWrittenSince: 0, filesTouchedSince: 0, linksChangedSince: 0, foldersChangedSince: 0 };
  for await (const { facts } of everythingIn(tree, effect)) {
    const isTouched = Number(BigInt(facts.ctimeNs) / 1_000_000n) >= since;
    if (facts.type === 'directory') {
      now.directories += 1;
      if (facts.mtimeMs >= since) changed.foldersChangedSince += 1;
    } else if (facts.type === 'link') {
      now.links += 1;
      if (isTouched) changed.linksChangedSince += 1;
    } else {
      now.files += 1;
      now.bytes += facts.bytes;
      if (facts.mtimeMs >= since) changed.filesWrittenSince += 1;
      else if (isTouched) changed.filesTouchedSince += 1;
    }
  }
  const counts = Object.entries(now).map(([name, count]) => [
    name,
    { captured: recorded.counters[name] ?? null, now: count },
  ]);
  return { ...(Object.fromEntries(counts) as JsonObject), ...changed };
}
