import { dirname } from 'node:path';
import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { readText, removeTree, syncDirectory, writeAtomically } from '../../../../platform/files.ts';
import { applyFacts, factsOf, makeDirectory, type FileFacts } from '../../../../platform/file-tree.ts';
import { gap } from '../../../../platform/gap.ts';
import { requireRoom } from '../../require-room.ts';
import type { Staged } from '../../store.ts';
import { discardStaged, freeTag, noteStaged } from '../../swap/swap-data.ts';
import { swapNames } from '../../swap/swap-journal.ts';
import { readDescription, type Description } from './description.ts';
import type { LocatedServer } from './live-server.ts';
import { archiveBytes, openArchive } from './open-archive.ts';
import { machineFor, recoverAndCompare, type SavedCopy } from './prove-cluster.ts';
import { withScratchNotes } from './scratch-copy.ts';
import type { Expected, SwitchedServer } from './switch-server.ts';

const ROOM_FACTOR = 1.25; // the live server goes on writing to that disk, and the recovery of the copy writes too

/** Writes the copy beside the live data directory and recovers it there with a server of our own; the live one is not asked. */
export async function stageCluster(
  server: SwitchedServer,
  copy: SavedCopy & { tag: string; scratch: string },
  effect: Effect,
): Promise<Staged> {
  const { directory } = server;
  const description = await readDescription(copy.folder, copy.recorded);
  const free = await freeTag(directory, copy.tag);
  const names = swapNames(directory, free);
  return withScratchNotes(copy.scratch, effect, async (place, inner) => {
    await discardStaged({ place: names.place }, []);
    await removeTree(names.place); // a killed stage wrote no journal
    try {
      await writeBeside(names.place, { server, copy, description, noteFolder: place.noteFolder }, inner);
      const expected: Expected = { systemId: description.systemId };
      await writeAtomically(expectedFile(names.journal), JSON.stringify(expected));
    } catch (error) {
      await removeTree(names.place);
      await removeTree(expectedFile(names.journal));
      throw error;
    }
    await gap('stores.postgres.staged');
    const paths = [{ live: directory, staged: names.place, kept: names.keptAt }];
    await noteStaged(names.journal, paths, []);
    return { place: names.place };
  });
}

interface StageOrder {
  server: LocatedServer & { directory: string };
  copy: SavedCopy;
  description: Description;
  noteFolder: (path: string) => Promise<void>;
}

async function writeBeside(place: string, order: StageOrder, effect: Effect): Promise<void> {
  const { server, copy, description, noteFolder } = order;
  const machine = await machineFor(server, description, effect);
  requireRoom(dirname(place), Math.ceil(ROOM_FACTOR * (await archiveBytes(copy.folder))), 'the server');
  const rights = rightsFor(await factsOf(server.directory), description);
  await makeDirectory(place);
  await applyFacts(place, { type: 'directory', ...rights, mtimeMs: effect.clock.nowMs() });
  // The server syncs every file before it begins to recover, and what it writes at its end.
  const tree = { root: place, owner: machine.user, isSynced: false };
  await openArchive(copy.folder, copy.recorded, { place: tree, signal: effect.signal });
  await gap('stores.postgres.extracted');
  await recoverAndCompare({ ...machine, directory: place, fate: 'kept', noteFolder }, description, effect);
  await syncDirectory(place);
  await syncDirectory(dirname(place));
}

/** Of the live directory, else as it was. */
function rightsFor(live: FileFacts | null, { owner }: Description): { uid: number; gid: number; mode: number } {
  const { uid, gid, mode } = live ??
    owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o700 };
  return { uid, gid, mode };
}

/** What the server must be after the swap; beside the note of the swap. */
export function expectedFile(journal: string): string {
  return journal.replace(/\.json$/, '.expected.json');
}

export async function readExpected(journal: string): Promise<Expected> {
  const path = expectedFile(journal);
  try {
    const value = JSON.parse((await readText(path)) ?? '') as Expected;
    if (/^\d+$/.test(value.systemId)) return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('restore-failed', 'the note about the restored server cannot be read', {
    where: path,
    next: 'Undo the restore and stage the backup again.',
  });
}
