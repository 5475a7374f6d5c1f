/** What a proof by a restore looked at. */
export interface ProvenCopy {
  /** One clause each. */
  checked: string[];
  /** What this store has no way to tell about the restored copy, one clause each. */
  notChecked: string[];
}

/** A restored copy beside the live data, not yet in use. */
export interface Staged {
  /** Where it lies, absolute. */
  place: string;
}
