import type { Anchor } from './anchor.ts';
import { GENESIS_HASH } from './chain-hash.ts';
import { diagnose } from './diagnose-row.ts';
import type { ChainError, ChainRow } from './diagnose-row.ts';
import { stateAssurance } from './state-assurance.ts';

export type { Anchor };

export interface VerifyOptions {
  /** What the database itself says about its newest entry, where it does. */
  head?: Anchor | null;
  /** What was written down outside the database; any order. */
  anchors?: readonly Anchor[];
}

/** What verification found. The first names are those of the check that many teams have already. */
export interface Verification {
  valid: boolean;
  total_entries: number;
  /** The newest entry that was read; null when there is none. */
  head: Anchor | null;
  first_error: ChainError | null;
  /** What this result proves, and what it cannot. */
  assurance: string;
}

/** Checks a journal from its first entry on, in one pass and constant memory. Names the first bad entry and what was done to it. */
export async function verifyChain(
  rows: AsyncIterable<ChainRow> | Iterable<ChainRow>,
  options: VerifyOptions = {},
): Promise<Verification> {
  const anchors = [...(options.anchors ?? [])].sort((a, b) => a.index - b.index);
  const known = hashesByIndex(anchors);
  const end = options.head ?? null;
  let expected = { index: 1, previousHash: GENESIS_HASH };
  let total = 0;
  let head: Anchor | null = null;
  let error: ChainError | null = null;
  for await (const [row, next] of withNext(rows)) {
    total += 1;
    head = { index: row.index, hash: row.hash };
    if (error !== null) continue; // the rest is only counted
    error = beyondEnd(row, end) ?? diagnose(row, next, expected) ?? compare(row, known.get(row.index) ?? [], anchors);
    expected = { index: row.index + 1, previousHash: row.hash };
  }
  error ??=
    findMissingTail(total, anchors.at(-1) ?? null, 'an anchor') ??
    findMissingTail(total, end, 'the database') ??
    compareEnd(head, end);
  return {
    valid: error === null,
    total_entries: total,
    head,
    first_error: error,
    assurance: stateAssurance(error, head, anchors),
  };
}

async function* withNext(
  rows: AsyncIterable<ChainRow> | Iterable<ChainRow>,
): AsyncGenerator<[ChainRow, ChainRow | null]> {
  let held: ChainRow | null = null;
  for await (const row of rows) {
    if (held !== null) yield [held, row];
    held = row;
  }
  if (held !== null) yield [held, null];
}

function beyondEnd(row: ChainRow, end: Anchor | null): ChainError | null {
  if (end === null || row.index <= end.index) return null;
  return {
    index: end.index + 1,
    cause: 'inserted',
    message: `entry ${end.index + 1} was put in behind the newest entry the database knows of`,
  };
}

/** All of them: where two anchors of one entry disagree, the journal cannot be that of both. */
function hashesByIndex(anchors: readonly Anchor[]): Map<number, string[]> {
  const known = new Map<number, string[]>();
  for (const { index, hash } of anchors) known.set(index, [...(known.get(index) ?? []), hash]);
  return known;
}

function compare(row: ChainRow, hashes: readonly string[], anchors: readonly Anchor[]): ChainError | null {
  if (hashes.every((hash) => hash === row.hash)) return null;
  const from = anchors.findLast((anchor) => anchor.index < row.index)?.index ?? 0;
  const message = `entry ${row.index} does not have the hash of the anchor: an entry from ${from + 1} to ${row.index} was changed and everything after it hashed again, or an older copy was put back and continued`;
  return { index: row.index, cause: 'edited', message };
}

function findMissingTail(total: number, known: Anchor | null, witness: string): ChainError | null {
  if (known === null || known.index <= total) return null;
  const message = `the journal ends at entry ${total}, but ${witness} knows entry ${known.index}: its end was cut off or an older copy was put back`;
  return { index: total + 1, cause: 'truncated', message };
}

function compareEnd(head: Anchor | null, end: Anchor | null): ChainError | null {
  if (end === null || end.hash === (head?.hash ?? GENESIS_HASH)) return null;
  const index = Math.max(1, end.index);
  return {
    index,
    cause: 'edited',
    message: `entry ${index} was changed and hashed again: the database knows another hash of it`,
  };
}
