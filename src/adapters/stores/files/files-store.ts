import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { JsonObject } from '../../../core/release/json.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readText, removeTree, syncDirectory, treeBytes, writeAtomically } from '../../../platform/files.ts';
import { allowDeletion, factsOf, openNew, realPathOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, ProvenCopy, Staged, Store } from '../store.ts';
import { withScratchPlace } from '../scratch/scratch-place.ts';
import { discardReplaced, discardStaged, freeTag, noteStaged, swapIn, swapOut } from '../swap/swap-data.ts';
import { findReplaced } from '../swap/find-replaced.ts';
import { recordOfSwap, swapNames } from '../swap/swap-journal.ts';
import type { FilesSettings } from './settings.ts';
import { checkTree, extractTree, makeFoldersAbove, placesBelow } from './extract-tree.ts';
import { countersOf, fingerprintOf, indexLines, parseIndex, rootsOf, type IndexEntry } from './file-index.ts';
import { requireSameTree } from './prove-tree.ts';
import { matchGlobs } from './match-glob.ts';
import { readArchive } from './read-archive.ts';
import { walkTree } from './walk-tree.ts';
import { createArchiveWriter } from './write-archive.ts';

const ARCHIVE = 'files.tar';
const INDEX = 'index.jsonl';
const ENGINE = 'tar 7 (ustar, pax)';

interface Tree {
  paths: string[];
  isExcluded: (path: string) => boolean;
  projectDirectory: string;
}

/** A store over files and folders of the project. They are renamed aside on a restore, so each path must be a file or folder itself, not a link. */
export function openFilesStore(settings: FilesSettings, scope: { projectDirectory: string }): Store {
  const tree = {
    paths: [...settings.paths].sort(),
    isExcluded: matchGlobs(settings.exclude),
    projectDirectory: scope.projectDirectory,
  };
  const settle = (): Promise<void> => Promise.resolve(); // folders are complete by themselves
  return {
    kind: 'files',
    probe: (effect) => probe(tree, effect),
    capture: (folder, effect) => capture(tree, folder, effect),
    verify: async (folder, recorded) => void (await checkArchive(folder, recorded)),
    extract: async (folder, recorded, into) => {
      const index = await checkArchive(folder, recorded);
      const roots = new Map(rootsOf(index).map((root) => [root, join(into, root)]));
      await restoreTo(folder, index, roots);
    },
    // Of several paths only the folder that holds them all is one place.
    placeIn: async (into) => join(into, tree.paths.length === 1 ? (tree.paths[0] ?? '') : '.'),
    prove: async (folder, recorded, scratch, effect) => {
      await requireOutside(tree, scratch, 'backups are restored to be proven');
      return prove(folder, recorded, scratch, effect);
    },
    stage: (folder, recorded, tag) => stage(scope.projectDirectory, folder, recorded, tag),
    unstage: (staged) => discardStaged(staged, []),
    swap: (staged) => swapIn(staged, settle),
    recordOf: recordOfSwap,
    swapBack: (record) => swapOut(record, settle),
    discard: (record) => discardReplaced(record),
    replaced: () => findReplaced(tree.paths.map((path) => join(scope.projectDirectory, path))),
    changesSince: (recorded, effect) => countChanges(tree, recorded, effect),
  };
}

async function probe(tree: Tree, effect: Effect): Promise<{ engine: string; bytes: number }> {
  let bytes = 0;
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
    bytes += await treeBytes(place);
  }
  return { engine: ENGINE, bytes };
}

async function capture(tree: Tree, folder: string, effect: Effect): Promise<Capture> {
  const { bytes } = await probe(tree, effect);
  await requireOutside(tree, folder, 'the backups are kept');
  requireRoom(folder, bytes, tree.paths.join(', '));
  const startedMs = effect.clock.nowMs();
  const index = await writeTree(tree, folder, effect);
  await writeAtomically(join(folder, INDEX), indexLines(index));
  await syncDirectory(folder);
  return {
    engine: ENGINE,
    consistentAt: timestamp(startedMs),
    liveBytes: bytes,
    counters: countersOf(index),
    fingerprint: fingerprintOf(index),
  };
}

/** A backup inside what is backed up would hold itself, and all backups before. */
async function requireOutside(tree: Tree, folder: string, what: string): Promise<void> {
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

async function writeTree(tree: Tree, folder: string, effect: Effect): Promise<IndexEntry[]> {
  const place = join(folder, ARCHIVE);
  await removeTree(place);
  const archive = await openNew(place);
  const index: IndexEntry[] = [];
  try {
    const writer = createArchiveWriter(archive, tree.projectDirectory, effect);
    for (const path of tree.paths) {
      for await (const found of walkTree(path, { ...tree, effect })) {
        const entry = await writer.add(found);
        if (entry !== null) index.push(entry);
      }
    }
    await writer.finish();
  } finally {
    await archive.close();
  }
  await gap('stores.files.copied');
  return index;
}

/** The index of a copy that is proven to hold what was captured. */
async function checkArchive(folder: string, recorded: Capture): Promise<IndexEntry[]> {
  const where = join(folder, INDEX);
  const index = parseIndex((await readText(where)) ?? '', where);
  const counters = countersOf(index);
  const next = 'Use another backup: shipway backup list shows them.';
  for (const [name, count] of Object.entries(counters)) {
    if (recorded.counters[name] === count) continue;
    throw problem('backup-invalid', `${count} ${name} are in the index, ${recorded.counters[name]} were captured`, {
      where,
      next,
    });
  }
  if (fingerprintOf(index) !== recorded.fingerprint) {
    throw problem('backup-invalid', 'the index differs from what was captured', { where, next });
  }
  await readArchive(join(folder, ARCHIVE), index, async (_entry, content) => {
    for await (const _chunk of content); // hashed on the way
  });
  return index;
}

async function prove(folder: string, recorded: Capture, scratch: string, effect: Effect): Promise<ProvenCopy> {
  const root = { folder: join(scratch, 'files'), clear: (place: { folder: string }) => allowDeletion(place.folder) };
  return withScratchPlace(root, effect, async (place) => {
    const index = await checkArchive(folder, recorded);
    await restoreTo(folder, index, new Map(rootsOf(index).map((path) => [path, join(place.folder, path)])));
    await gap('stores.files.restored');
    await requireSameTree(place.folder, index, recorded, effect);
    return {
      checked: [`${countersOf(index)['files']} files restored and read back: names, rights and content as captured`],
      notChecked: [],
    };
  });
}

async function stage(projectDirectory: string, folder: string, recorded: Capture, tag: string): Promise<Staged> {
  const index = await checkArchive(folder, recorded);
  const roots = rootsOf(index);
  const anchor = roots[0];
  if (anchor === undefined)
    throw problem('backup-invalid', 'the archive is empty', { where: folder, next: 'Use another backup.' });
  const free = await freeTag(join(projectDirectory, anchor), tag);
  const names = swapNames(join(projectDirectory, anchor), free);
  const paths = roots.map((root) => {
    const live = join(projectDirectory, root);
    return { live, staged: `${live}.restore-${free}`, kept: `${live}.replaced-${free}` };
  });
  await removeTree(names.journal);
  for (const path of paths) await removeTree(path.staged);
  try {
    await restoreTo(folder, index, new Map(roots.map((root, at) => [root, paths[at]?.staged ?? ''])));
  } catch (error) {
    for (const path of paths) await removeTree(path.staged);
    throw error;
  }
  await gap('stores.files.staged');
  await noteStaged(names.journal, paths, []);
  return { place: names.place };
}

async function restoreTo(
  folder: string,
  index: readonly IndexEntry[],
  roots: ReadonlyMap<string, string>,
): Promise<void> {
  const bytes = countersOf(index)['bytes'] ?? 0;
  for (const place of roots.values()) await makeFoldersAbove(place);
  const [first] = roots.values();
  if (first !== undefined) requireRoom(join(first, '..'), bytes, 'the restored files');
  const placeOf = placesBelow(roots);
  await extractTree(join(folder, ARCHIVE), index, placeOf);
  await checkTree(index, placeOf);
}

/** Counts of the capture and of now by kind, and how many live files were written after the capture. Reads no content. */
async function countChanges(tree: Tree, recorded: Capture, effect: Effect): Promise<JsonObject> {
  const since = Date.parse(recorded.consistentAt);
  const now = { bytes: 0, directories: 0, files: 0, links: 0 };
  let written = 0;
  for (const path of tree.paths) {
    for await (const { facts } of walkTree(path, { ...tree, effect })) {
      if (facts.type === 'directory') now.directories += 1;
      else if (facts.type === 'link') now.links += 1;
      else {
        now.files += 1;
        now.bytes += facts.bytes;
        if (facts.mtimeMs >= since) written += 1;
      }
    }
  }
  const counts = Object.entries(now).map(([name, count]) => [
    name,
    { captured: recorded.counters[name] ?? null, now: count },
  ]);
  return { ...(Object.fromEntries(counts) as JsonObject), filesWrittenSince: written };
}
