import { dirname, join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import {
  copyFileSynced,
  ensureDirectory,
  exists,
  readText,
  removeTree,
  syncDirectory,
  syncFile,
  writeAtomically,
} from '../../../platform/files.ts';
import { applyFacts, factsOf, hardLink } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, Staged } from '../store.ts';
import { discardStaged, freeTag, noteStaged } from '../swap/swap-data.ts';
import { swapNames, type SwapPath } from '../swap/swap-journal.ts';
import { checkCopy } from './check-copy.ts';
import type { Description } from './description.ts';
import type { FileNames } from './server-info.ts';
import type { Expected } from './switch-server.ts';

/** Where the server will look for its data. */
export interface Layout {
  kind: Expected['layout'];
  directory: string;
  names: FileNames;
}

export interface StageOrder {
  layout: Layout;
  /** The file of the backup. */
  copy: string;
  recorded: Capture;
  description: Description;
  tag: string;
  settings: { server: string; timeoutSeconds: number };
}

/**
 * Writes the copy beside the live files in the form that the server will load. A server with `appendonly yes` looks at its append-only
 * folder alone: a dump beside that folder is ignored, and without the folder it starts empty and overwrites the dump with nothing.
 */
export async function stageCopy(order: StageOrder, effect: Effect): Promise<Staged> {
  const { layout, tag } = order;
  const dump = join(layout.directory, layout.names.dump);
  const appendFolder = join(layout.directory, layout.names.appendFolder);
  const anchor = layout.kind === 'dump' ? dump : appendFolder;
  const free = await freeTag(anchor, tag);
  const names = swapNames(anchor, free);
  await discardStaged({ place: names.place }, []);
  const besides = layout.kind === 'dump' ? [dump] : [appendFolder, dump];
  const paths = besides.map((live) => ({ live, staged: `${live}.restore-${free}`, kept: `${live}.replaced-${free}` }));
  for (const { staged } of paths) await removeTree(staged); // a killed stage wrote no journal
  try {
    requireRoom(layout.directory, (await factsOf(order.copy))?.bytes ?? 0, 'the Redis data');
    const base = await writeFiles(order, paths);
    const content = await checkCopy(base, order, order.settings, effect);
    const lasting = Object.entries(content.counters).reduce((sum, [name, keys]) => sum + shareOf(name, keys), 0);
    await writeAtomically(
      expectedFile(names.journal),
      JSON.stringify({ layout: layout.kind, lasting } satisfies Expected),
    );
  } catch (error) {
    for (const { staged } of paths) await removeTree(staged);
    await removeTree(expectedFile(names.journal));
    throw error;
  }
  await gap('stores.redis.staged');
  await noteStaged(names.journal, paths, []);
  return { place: names.place };
}

function shareOf(name: string, keys: number): number {
  if (/^db\d+ keys$/.test(name)) return keys;
  return /^db\d+ keys with an end$/.test(name) ? -keys : 0;
}

/** The copy as the server wants it, as its own user; gives back the file that holds the data. */
async function writeFiles(order: StageOrder, paths: SwapPath[]): Promise<string> {
  const { layout, copy, description, recorded } = order;
  const [first, second] = paths;
  if (first === undefined) throw new Error('nothing to stage');
  const liveFile = await factsOf(join(layout.directory, layout.names.dump));
  const owner = liveFile ?? (await factsOf(first.live)) ?? description;
  const mtimeMs = Date.parse(recorded.consistentAt);
  const facts = {
    type: 'file' as const,
    mode: liveFile?.mode ?? description.mode,
    uid: owner.uid,
    gid: owner.gid,
    mtimeMs,
  };
  if (second === undefined) {
    await copyFileSynced(copy, first.staged);
    await applyFacts(first.staged, facts);
    await syncFile(first.staged);
    return first.staged;
  }
  const folder = first.staged;
  const base = `${layout.names.appendFile}.1.base.rdb`;
  const manifest = join(folder, `${layout.names.appendFile}.manifest`);
  await ensureDirectory(folder);
  await copyFileSynced(copy, join(folder, base));
  await writeAtomically(manifest, `file ${base} seq 1 type b\n`);
  for (const path of [join(folder, base), manifest]) {
    await applyFacts(path, facts);
    await syncFile(path);
  }
  await applyFacts(folder, { ...facts, type: 'directory', mode: (await factsOf(first.live))?.mode ?? 0o755 });
  // The same file: Redis never writes into either, and a server that comes up without append-only file then finds the same data.
  await hardLink(join(folder, base), second.staged);
  await syncDirectory(folder);
  await syncDirectory(dirname(folder));
  return join(folder, base);
}

/** What the server must have loaded after the swap; beside the note of the swap. */
export function expectedFile(journal: string): string {
  return journal.replace(/\.json$/, '.expected.json');
}

export async function readExpected(journal: string): Promise<Expected> {
  const path = expectedFile(journal);
  try {
    const value = JSON.parse((await readText(path)) ?? '') as Expected;
    if (['dump', 'append-only'].includes(value.layout) && Number.isSafeInteger(value.lasting)) return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('restore-failed', 'the note about the restored Redis data cannot be read', {
    where: path,
    next: 'Undo the restore and stage the backup again.',
  });
}

/** How the files of a server that is down say it will look for its data. */
export function layoutOnDisk(directory: string, names: FileNames, description: Description): Layout['kind'] {
  if (exists(join(directory, names.appendFolder))) return 'append-only';
  if (exists(join(directory, names.dump))) return 'dump';
  return description.appendOnly ? 'append-only' : 'dump';
}
