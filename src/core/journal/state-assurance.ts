import type { ChainError } from './diagnose-row.ts';
import type { Anchor } from './anchor.ts';

const BLIND_SPOT =
  'Somebody who can write to the database and hashes everything again, cuts off the newest entries together with their count, or puts back an older copy, would not be seen';

/** Says in words what a verification proves and what it cannot see, so that "valid" is never taken for more than it is. */
export function stateAssurance(error: ChainError | null, head: Anchor | null, anchors: readonly Anchor[]): string {
  if (error !== null) return `Nothing from entry ${error.index} on is proven; the entries before it are consistent.`;
  if (head === null) return 'The journal is empty.';
  const newest = anchors.at(-1);
  if (newest === undefined) {
    return `Every entry follows from the one before, so no single entry was changed, removed, added or moved. ${BLIND_SPOT}: give an anchor kept outside the database to see that too.`;
  }
  const covered = `Entries 1 to ${newest.index} are exactly those of the anchor.`;
  if (newest.index >= head.index) return covered;
  const rest =
    newest.index + 1 === head.index ? `Entry ${head.index} is` : `Entries ${newest.index + 1} to ${head.index} are`;
  return `${covered} ${rest} newer: ${BLIND_SPOT.charAt(0).toLowerCase()}${BLIND_SPOT.slice(1)} there.`;
}
