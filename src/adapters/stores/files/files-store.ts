import { join } from 'node:path';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readText, removeTree, sha256OfFile, syncDirectory, writeAtomically } from '../../../platform/files.ts';
import { openNew } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, Store } from '../store.ts';
import { discardReplaced, discardStaged, swapIn, swapOut } from '../swap/swap-data.ts';
import { findReplaced } from '../swap/find-replaced.ts';
import { prestagingOfPaths } from '../swap/staged-ahead.ts';
import { recordOfSwap } from '../swap/swap-journal.ts';
import type { FilesSettings } from './settings.ts';
import { extractTree } from './extract-tree.ts';
import { fingerprintOf, indexLines, parseIndex, type IndexEntry } from './file-index.ts';
import { countChanges, everythingIn, probeTree, requireOutside, TAR_ENGINE, type LiveTree } from './live-tree.ts';
import { filesMaintenance } from './maintain-files.ts';
import { matchGlobs } from './match-glob.ts';
import { readArchive } from './read-archive.ts';
import { proveTree, restoreTree, rootsBelow } from './restore-tree.ts';
import { sharedCopies } from './shared-tree.ts';
import { stageTree } from './stage-tree.ts';
import type { TreeCopy } from './tree-copy.ts';
import { countersOf, requireCounted, rootsOf } from './tree-entries.ts';
import { createArchiveWriter } from './write-archive.ts';

const ARCHIVE = 'files.tar';
const INDEX = 'index.jsonl';

/** A store over files and folders of the project. They are renamed aside on a restore, so each path must be a file or folder itself, not a link. */
export function openFilesStore(settings: FilesSettings, scope: { projectDirectory: string }): Store {
  const tree = {
    paths: [...settings.paths].sort(),
    isExcluded: matchGlobs(settings.exclude),
    projectDirectory: scope.projectDirectory,
  };
  const livePaths = tree.paths.map((path) => join(scope.projectDirectory, path));
  const settle = (): Promise<void> => Promise.resolve(); // folders are complete by themselves
  return {
    kind: 'files',
    maintenance: filesMaintenance(tree),
    probe: (effect) => probeTree(tree, effect),
    capture: (folder, effect) => capture(tree, folder, effect),
    verify: async (folder, recorded) => void (await checkArchive(folder, recorded)),
    extract: async (folder, recorded, into) => {
      const copy = await openCopy(folder, recorded);
      await restoreTree(copy, rootsBelow(copy, into));
    },
    // Of several paths only the folder that holds them all is one place.
    placeIn: async (into) => join(into, tree.paths.length === 1 ? (tree.paths[0] ?? '') : '.'),
    prove: async (folder, recorded, scratch, effect) => {
      await requireOutside(tree, scratch, 'backups are restored to be proven');
      return proveTree(() => openCopy(folder, recorded), recorded, scratch, effect);
    },
    stage: async (folder, recorded, tag) => {
      const copy = await openCopy(folder, recorded);
      const order = { roots: rootsOf(copy.index), tag };
      return stageTree(scope.projectDirectory, order, (places) => restoreTree(copy, places));
    },
    unstage: (staged) => discardStaged(staged, []),
    swap: (staged) => swapIn(staged, settle),
    recordOf: recordOfSwap,
    swapBack: (record) => swapOut(record, settle),
    discard: (record) => discardReplaced(record),
    replaced: () => findReplaced(livePaths),
    prestaging: prestagingOfPaths(async () => livePaths, []),
    changesSince: (recorded, effect) => countChanges(tree, recorded, effect),
    shared: sharedCopies(tree),
  };
}

async function capture(tree: LiveTree, folder: string, effect: Effect): Promise<Capture> {
  const { bytes } = await probeTree(tree, effect);
  await requireOutside(tree, folder, 'the backups are kept');
  requireRoom(folder, bytes, tree.paths.join(', '));
  const startedMs = effect.clock.nowMs();
  const index = await writeTree(tree, folder, effect);
  await writeAtomically(join(folder, INDEX), indexLines(index));
  await syncDirectory(folder);
  return {
    engine: TAR_ENGINE,
    consistentAt: timestamp(startedMs),
    liveBytes: bytes,
    counters: countersOf(index),
    fingerprint: fingerprintOf(index),
  };
}

async function writeTree(tree: LiveTree, folder: string, effect: Effect): Promise<IndexEntry[]> {
  const place = join(folder, ARCHIVE);
  await removeTree(place);
  const archive = await openNew(place);
  const index: IndexEntry[] = [];
  try {
    const writer = createArchiveWriter(archive, tree.projectDirectory, effect);
    for await (const found of everythingIn(tree, effect)) {
      const entry = await writer.add(found);
      if (entry !== null) index.push(entry);
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
  requireCounted({ counters: countersOf(index), fingerprint: fingerprintOf(index) }, recorded, where);
  await readArchive(join(folder, ARCHIVE), index, async (_entry, content) => {
    for await (const _chunk of content); // hashed on the way
  });
  return index;
}

async function openCopy(folder: string, recorded: Capture): Promise<TreeCopy<{ sha256: string }>> {
  const index = await checkArchive(folder, recorded);
  return {
    index,
    write: (placeOf) => extractTree(join(folder, ARCHIVE), index, placeOf),
    hasContent: async (place, entry) => (await sha256OfFile(place)).sha256 === entry.sha256,
    contentOf: async (place) => ({ sha256: (await sha256OfFile(place)).sha256 }),
    fingerprintOf,
  };
}
