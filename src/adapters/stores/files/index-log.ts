import { TextDecoder } from 'node:util';
import type { ObjectSink, ObjectSource } from '../store.ts';
import {
  hasItsPieces,
  PIECE_BYTES_MAX,
  pieceLine,
  type FileEntry,
  type Piece,
  type PieceEntry,
} from './piece-index.ts';
import { inTreeOrder, invalidIndex, isCount, isWholeEntry, requireSafeTree } from './tree-entries.ts';

/**
 * The index of a tree as a log: lines in objects, which the next backup takes over like those of files and adds what has become of its paths. A line is an
 * entry, which takes the place of an earlier one of that path, or says that the path is gone. Written anew as a whole when it has grown.
 */
export interface IndexLog {
  /** In order. */
  objects: readonly string[];
  /** How many of them hold what was written as a whole. */
  whole: number;
}

/** What is added to a log may have so much of what was written as a whole: all of it is read to know the index. */
const ADDED_SHARE_MAX = 0.5;

// Every object is named in the manifest and has a key, about 330 bytes of every later backup.
const ADDED_OBJECTS_MAX = 24;

/** Writes what has changed, or everything, and returns what the index is then. */
export async function writeIndexLog(
  index: readonly PieceEntry[],
  before: { log: IndexLog; entries: ReadonlyMap<string, PieceEntry> },
  sink: ObjectSink,
): Promise<IndexLog> {
  if (mayGrow(before.log, sink) && (await isTaken(before.log, sink))) {
    const added = await writeLines(changedLines(index, before.entries), sink);
    return { objects: [...before.log.objects, ...added], whole: before.log.whole };
  }
  const objects = await writeLines(wholeLines(index), sink);
  return { objects, whole: objects.length };
}

function mayGrow({ objects, whole }: IndexLog, sink: ObjectSink): boolean {
  const sizes = objects.map((name) => sink.bytesOf(name) ?? 0);
  const sum = (some: number[]): number => some.reduce((bytes, one) => bytes + one, 0);
  const isSmall = sum(sizes.slice(whole)) <= sum(sizes.slice(0, whole)) * ADDED_SHARE_MAX;
  return whole > 0 && isSmall && objects.length - whole < ADDED_OBJECTS_MAX;
}

async function isTaken({ objects }: IndexLog, sink: ObjectSink): Promise<boolean> {
  for (const name of objects) if (!(await sink.take(name))) return false;
  return true;
}

function* wholeLines(index: readonly PieceEntry[]): Generator<string> {
  for (const entry of index) yield pieceLine(entry, piecesOf(entry));
}

function* changedLines(index: readonly PieceEntry[], before: ReadonlyMap<string, PieceEntry>): Generator<string> {
  const there = new Set<string>();
  for (const entry of index) {
    there.add(entry.path);
    const past = before.get(entry.path);
    if (past === undefined || !isSame(entry, past)) yield pieceLine(entry, changedPieces(entry, past));
  }
  for (const path of before.keys()) if (!there.has(path)) yield `${JSON.stringify({ path, type: 'gone' })}\n`;
}

function isSame(entry: PieceEntry, past: PieceEntry): boolean {
  const [pieces, others] = [piecesOf(entry), piecesOf(past)];
  const hasEqual = pieces === others || (pieces.length === others.length && pieces.every(isAt(others)));
  return hasEqual && pieceLine(entry) === pieceLine(past);
}

const isAt =
  (others: readonly Piece[]) =>
  ({ at, object, sha256 }: Piece, index: number): boolean => {
    const other = others[index];
    return other !== undefined && other.at === at && other.object === object && other.sha256 === sha256;
  };

const NO_PIECES: readonly Piece[] = [];

function piecesOf(entry: PieceEntry | undefined): readonly Piece[] {
  return entry?.type === 'file' ? entry.pieces : NO_PIECES;
}

/** Of a file that was there, only pieces that are others; a number in their place: so many are as they were. */
function changedPieces(entry: PieceEntry, past: PieceEntry | undefined): (Piece | number)[] {
  const isAsBefore = isAt(piecesOf(past));
  const written: (Piece | number)[] = [];
  for (const [index, piece] of piecesOf(entry).entries()) {
    const last = written.at(-1);
    if (!isAsBefore(piece, index)) written.push(piece);
    else if (typeof last === 'number') written[written.length - 1] = last + 1;
    else written.push(1);
  }
  return written;
}

/** As few objects as hold them, never more than one of them in memory. */
async function writeLines(lines: Iterable<string>, sink: ObjectSink): Promise<string[]> {
  const names: string[] = [];
  let space: Buffer | null = null;
  let used = 0;
  for (const line of lines) {
    const bytes = Buffer.from(line, 'utf8');
    for (let at = 0; at < bytes.length;) {
      space ??= await sink.space();
      const count: number = bytes.copy(space, used, at, Math.min(bytes.length, at + PIECE_BYTES_MAX - used));
      at += count;
      used += count;
      if (used < PIECE_BYTES_MAX) continue;
      names.push(await sink.write(space, used));
      [space, used] = [null, 0];
    }
  }
  if (space !== null) names.push(await sink.write(space, used));
  return names;
}

/** What lies beside the objects: their names. */
export function linesOfLog(objects: readonly string[]): string {
  return objects.map((object) => `${JSON.stringify({ object })}\n`).join('');
}

export function objectsOfLog(text: string, where: string): string[] {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw invalidIndex('its last line is cut off', where);
  return lines.map((line) => {
    const { object } = parsed(line, where) as { object?: unknown };
    if (typeof object === 'string') return object;
    throw invalidIndex('it is damaged', where);
  });
}

/** The index that a log comes to; throws `backup-invalid` for anything a restore must not follow. */
export async function readIndexLog(
  names: readonly string[],
  objects: ObjectSource,
  where: string,
): Promise<PieceEntry[]> {
  const found = new Map<string, PieceEntry>();
  let rest = '';
  let number = 0;
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (const name of names) {
    const lines = `${rest}${decoded(text, await objects.read(name), where)}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) follow(line, found, `line ${(number += 1)} of ${where}`);
  }
  if (rest !== '') throw invalidIndex('its last line is cut off', where);
  const index = inTreeOrder([...found.values()]);
  requireSafeTree(index, where);
  return index;
}

function decoded(text: TextDecoder, bytes: Buffer, where: string): string {
  try {
    return text.decode(bytes, { stream: true }); // a character may begin in one object and end in the next
  } catch {
    throw invalidIndex('it is not text', where);
  }
}

type Line = PieceEntry | { path: string; type: 'gone' };

function follow(text: string, found: Map<string, PieceEntry>, where: string): void {
  const line = parsed(text, where) as Line;
  if (line.type === 'gone') {
    if (!found.delete(line.path)) throw invalidIndex(`${JSON.stringify(line.path)} is gone and was never there`, where);
    return;
  }
  const entry = line.type === 'file' ? { ...line, pieces: allPieces(line, found.get(line.path), where) } : line;
  if (!isWholeEntry(entry) || !hasItsPieces(entry, 'files-4')) throw invalidIndex('it is damaged', where);
  found.set(entry.path, entry);
}

function parsed(text: string, where: string): object {
  try {
    const line: unknown = JSON.parse(text);
    if (line !== null && typeof line === 'object') return line;
  } catch {
    // Answered below, like every other wrong line.
  }
  throw invalidIndex('it is damaged', where);
}

function allPieces({ pieces }: FileEntry, past: PieceEntry | undefined, where: string): Piece[] {
  const before = past?.type === 'file' ? past.pieces : [];
  const all: Piece[] = [];
  for (const one of Array.isArray(pieces) ? (pieces as (Piece | number)[]) : []) {
    if (typeof one !== 'number') all.push(one);
    else if (isCount(one) && all.length + one <= before.length)
      for (const piece of before.slice(all.length, all.length + one)) all.push(piece);
    else throw invalidIndex('it has pieces that were never there', where);
  }
  return all;
}
