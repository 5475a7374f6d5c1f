import { join } from 'node:path';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { syncDirectory, writeAtomically } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import type { Capture, ObjectSink } from '../store.ts';
import { everythingIn, requireCapturable, requireOutside, type LiveTree } from './live-tree.ts';
import { createObjectPool, type ObjectPool } from './object-pool.ts';
import { linesOfLog, writeIndexLog } from './index-log.ts';
import { pieceFingerprint, pieceSizeFor, type FileEntry, type PieceEntry } from './piece-index.ts';
import { readPieces } from './read-pieces.ts';
import {
  isAsRemembered,
  noteOf,
  rememberedFile,
  treeInNote,
  type RememberedEntry,
  type RememberedFile,
} from './remembered-files.ts';
import { countersOf, inTreeOrder } from './tree-entries.ts';
import type { Found } from './walk-tree.ts';

export const PIECE_INDEX = 'index.jsonl';
export const OBJECT_ENGINE = 'files 4 (pieces and index in objects)';

interface Act {
  tree: LiveTree;
  pool: ObjectPool;
  effect: Effect;
  startedMs: number;
  /** By path: as the newest backup found them. */
  past: ReadonlyMap<string, RememberedFile>;
  /** Bytes of all files. */
  storeBytes: number;
  /** What the next capture will know. */
  remembered: RememberedEntry[];
}

/** Copies the tree into objects. Of a file that is as the newest backup found it, nothing is read. */
export async function captureObjects(
  tree: LiveTree,
  folder: string,
  sink: ObjectSink,
  effect: Effect,
): Promise<Capture> {
  await requireCapturable(tree, effect);
  await requireOutside(tree, folder, 'the backups are kept');
  const startedMs = effect.clock.nowMs();
  const before = treeInNote(sink.note);
  const past = before.files;
  const pool = createObjectPool(sink, past);
  const found: Found[] = [];
  for await (const one of everythingIn(tree, effect)) found.push(one);
  const same = unchangedOf(found, past);
  await pool.take(same.values(), changedOf(found, same, past));
  for (const [path, file] of same) if (file.isFresh || !pool.holds(file)) same.delete(path);
  const files = found.filter(({ facts }) => facts.type === 'file');
  requireRoom(folder, bytesIn(files.filter(({ path }) => !same.has(path))), tree.paths.join(', '));
  const act: Act = { tree, pool, effect, startedMs, past, storeBytes: bytesIn(files), remembered: [] };
  const index = inTreeOrder(await capturedEntries(found, same, act));
  await pool.flush();
  const log = await writeIndexLog(index, before, sink);
  await gap('stores.files.copied');
  await writeAtomically(join(folder, PIECE_INDEX), linesOfLog(log.objects));
  await sink.keep(new Set([...log.objects, ...objectsIn(index)]), noteOf(log, act.remembered));
  await syncDirectory(folder);
  return {
    engine: OBJECT_ENGINE,
    consistentAt: timestamp(startedMs),
    liveBytes: countersOf(index)['bytes'] ?? 0,
    counters: countersOf(index),
    fingerprint: pieceFingerprint(index, 'files-4'),
  };
}

function bytesIn(files: readonly Found[]): number {
  return files.reduce((sum, { facts }) => sum + facts.bytes, 0);
}

function unchangedOf(found: readonly Found[], past: ReadonlyMap<string, RememberedFile>): Map<string, RememberedFile> {
  const same = new Map<string, RememberedFile>();
  for (const { path, facts } of found) {
    const before = past.get(path);
    if (before !== undefined && isAsRemembered(before, facts)) same.set(path, before);
  }
  return same;
}

function changedOf(
  found: readonly Found[],
  same: ReadonlyMap<string, RememberedFile>,
  past: ReadonlyMap<string, RememberedFile>,
): RememberedFile[] {
  const changed = found.filter(({ path, facts }) => facts.type === 'file' && !same.has(path));
  return changed.flatMap(({ path }) => past.get(path) ?? []);
}

async function capturedEntries(
  found: readonly Found[],
  same: ReadonlyMap<string, RememberedFile>,
  act: Act,
): Promise<PieceEntry[]> {
  const index: PieceEntry[] = [];
  for (const one of found) {
    const entry = one.facts.type === 'file' ? await fileEntry(one, same.get(one.path), act) : otherEntry(one, act);
    if (entry !== null) index.push(entry);
  }
  return index;
}

/** null: it has vanished. */
async function fileEntry(found: Found, before: RememberedFile | undefined, act: Act): Promise<FileEntry | null> {
  const { tree, pool, effect, startedMs, remembered } = act;
  const read =
    before === undefined
      ? await readPieces(found, { projectDirectory: tree.projectDirectory, pool, sizeFor: sizeFor(found, act) }, effect)
      : { facts: found.facts, pieceBytes: before.pieceBytes, pieces: before.pieces };
  if (read === null) return null;
  const { facts, pieceBytes, pieces } = read;
  const { gid, mode, mtimeMs, uid, bytes } = facts;
  const entry: FileEntry = { path: found.path, gid, mode, mtimeMs, uid, type: 'file', bytes, pieceBytes, pieces };
  remembered.push(rememberedFile(entry, facts, startedMs));
  return entry;
}

/** A file that was in pieces before is cut as it was, or else nothing of it would be known again. */
function sizeFor({ path }: Found, { past, storeBytes }: Act): (bytes: number) => number {
  const before = past.get(path);
  return (bytes) => {
    const size = pieceSizeFor(bytes, storeBytes);
    const isInPieces = before !== undefined && before.pieces.length > 1 && bytes > before.pieceBytes;
    return isInPieces && before.pieceBytes * 2 >= size ? before.pieceBytes : size;
  };
}

function otherEntry({ path, facts, target }: Found, { remembered }: Act): PieceEntry {
  const { gid, mode, mtimeMs, uid } = facts;
  const shared = { path, gid, mode, mtimeMs, uid };
  const entry =
    target === null ? { ...shared, type: 'directory' as const } : { ...shared, type: 'link' as const, target };
  remembered.push(entry);
  return entry;
}

function objectsIn(index: readonly PieceEntry[]): Set<string> {
  const names = new Set<string>();
  for (const entry of index) if (entry.type === 'file') for (const { object } of entry.pieces) names.add(object);
  return names;
}
