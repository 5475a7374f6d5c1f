import { chainHash, leafHash } from './chain-hash.ts';
import { parseEntry } from './entry.ts';
import type { JournalEntry } from './entry.ts';

/** One stored row. Hashes are lower-case hexadecimal. */
export interface ChainRow {
  index: number;
  previousHash: string;
  hash: string;
  /** The exact stored text. */
  entry: string;
  /** Null where a copy of the journal does not carry it. */
  leafHash?: string | null;
  /** What the row repeats of the entry for looking it up, where it does. */
  columns?: Pick<JournalEntry, 'release' | 'type' | 'service' | 'environment'>;
}

export type ChainCause =
  'edited' | 'deleted' | 'reordered' | 'inserted' | 'bad-previous' | 'not-canonical' | 'wrong-index' | 'truncated';

export interface ChainError {
  index: number;
  cause: ChainCause;
  message: string;
}

/** What must come next, if nothing was touched. */
export interface Expected {
  index: number;
  previousHash: string;
}

/** What is wrong with a row, judged together with the one after it (null at the end); null when it is as it was written. */
export function diagnose(row: ChainRow, next: ChainRow | null, expected: Expected): ChainError | null {
  if (row.index !== expected.index) return diagnoseNumber(row, next, expected);
  const entry = parseEntry(row.entry);
  const isLinked = row.previousHash === expected.previousHash;
  const isHashed = chainHash(row.previousHash, row.entry) === row.hash;
  const fault = isLinked && isHashed ? diagnoseContent(row, entry) : null;
  if (isLinked && isHashed && fault === null) return null;
  const moved =
    diagnoseExchange(row, next, expected) ?? (isHashed && !isLinked ? diagnoseRenumbering(row, expected) : null);
  if (moved !== null) return moved;
  return fault ?? (isHashed ? diagnoseLink(row, next, expected) : diagnoseHash(row, next, expected));
}

function found(index: number, cause: ChainCause, message: string): ChainError {
  return { index, cause, message };
}

/** The rows themselves are not 1, 2, 3 … */
function diagnoseNumber(row: ChainRow, next: ChainRow | null, { index }: Expected): ChainError {
  if (row.index < index) return found(row.index, 'inserted', `there is more than one entry ${row.index}`);
  if (next?.index === index) return found(index, 'reordered', `entry ${row.index} stands before entry ${index}`);
  return found(index, 'deleted', `${range(index, row.index - 1)} missing`);
}

/** Number and hashes are right, so it was written like this, or everything from here on was hashed again. */
function diagnoseContent(row: ChainRow, entry: JournalEntry | null): ChainError | null {
  const { index } = row;
  if (entry === null)
    return found(index, 'not-canonical', `entry ${index} is not in the form shipway writes (RFC 8785)`);
  if (entry.index !== index)
    return found(index, 'wrong-index', `entry ${index} says inside that it is entry ${entry.index}`);
  if (typeof row.leafHash === 'string' && row.leafHash !== leafHash(row.entry)) {
    return found(index, 'edited', `the leaf hash of entry ${index} is not that of its content`);
  }
  const column =
    row.columns &&
    (Object.keys(row.columns) as (keyof typeof row.columns)[]).find((name) => row.columns?.[name] !== entry[name]);
  if (column === undefined) return null;
  return found(
    index,
    'edited',
    `column "${column}" of entry ${index} says ${JSON.stringify(row.columns?.[column])}, its content ${JSON.stringify(entry[column])}`,
  );
}

/** Entries carry their own number inside: when the true entry comes one row later, this row was put in its place. */
function diagnoseExchange(row: ChainRow, next: ChainRow | null, { index, previousHash }: Expected): ChainError | null {
  if (next === null || numberInside(next) !== index) return null;
  if (numberInside(row) === index + 1) {
    return found(index, 'reordered', `entries ${index} and ${index + 1} were exchanged`);
  }
  if (next.previousHash !== previousHash) return null;
  return found(index, 'inserted', `entry ${index} was put in; the true one follows it`);
}

/** A row that is whole in itself but carries another number inside got its place by renumbering, after a change before it. */
function diagnoseRenumbering(row: ChainRow, { index }: Expected): ChainError | null {
  const inside = numberInside(row);
  if (inside === null || inside === index) return null;
  if (inside > index) {
    return found(index, 'deleted', `${range(index, inside - 1)} missing, and the later ones were renumbered`);
  }
  return found(inside, 'inserted', `${range(inside, index - 1)} put in: the true entry ${inside} follows at ${index}`);
}

/** Content and stored hash of the row agree, but the row does not follow from the one before. */
function diagnoseLink(row: ChainRow, next: ChainRow | null, { index }: Expected): ChainError {
  const isConfirmed = next === null || next.previousHash === row.hash;
  if (index > 1 && isConfirmed) {
    return found(
      index - 1,
      'edited',
      `entry ${index - 1} was changed and hashed again after entry ${index} had been written`,
    );
  }
  return found(
    index,
    'bad-previous',
    `entry ${index} does not follow from ${index === 1 ? 'the beginning' : `entry ${index - 1}`}`,
  );
}

/** Content and stored hash of the row do not agree. */
function diagnoseHash(row: ChainRow, next: ChainRow | null, { index, previousHash }: Expected): ChainError {
  const honest = chainHash(previousHash, row.entry);
  if (honest === row.hash)
    return found(index, 'bad-previous', `the hash of the entry before is changed in entry ${index}`);
  if (next?.previousHash === honest)
    return found(index, 'edited', `the stored hash of entry ${index} was changed; its content is as it was written`);
  return found(index, 'edited', `the content of entry ${index} is not what its hash was made of`);
}

/** Also of entries that are not canonical. */
function numberInside(row: ChainRow): number | null {
  try {
    const { index } = JSON.parse(row.entry) as { index?: unknown };
    return typeof index === 'number' ? index : null;
  } catch {
    return null;
  }
}

function range(first: number, last: number): string {
  return first === last ? `entry ${first} is` : `entries ${first} to ${last} are`;
}
