import type { Effect } from '../../platform/effect.ts';
import type { Staged } from './restored-copy.ts';

/** A restored copy beside the live data that nobody has swapped in. */
export interface StagedAhead {
  /** For people: where it lies, without a password. */
  place: string;
  /** The tag it was staged under: the id of its backup, or what the engine's names leave of it. */
  tag: string;
  /** Also of one that was begun and is not whole. */
  bytes: number;
}

/**
 * What a store must be able to do so that a copy can wait beside the live data until somebody may need it. Promises besides those of `stage`:
 * - whoever writes to the copy, or exchanges it, changes its mark; reading it does not;
 * - what is removed was never live, and nothing that a swap has kept is touched. Twice is harmless.
 */
export interface Prestaging {
  /** Bytes that are free where a copy would lie; null when that cannot be seen from here. */
  room(effect: Effect): Promise<number | null>;
  /** What tells a copy that nobody has touched since `stage` verified it from any other; null when it is not there, or not whole. */
  mark(staged: Staged, effect: Effect): Promise<string | null>;
  /** The copies that wait, whole or half. */
  list(effect: Effect): Promise<StagedAhead[]>;
  /** Deletes those that were staged for this tag. */
  remove(tag: string, effect: Effect): Promise<void>;
}
