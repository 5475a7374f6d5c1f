/** What is known of the way down of a migration. `proven` and `lossy` come from a rehearsal of just this migration. */
export type DownEvidence =
  | { state: 'proven' }
  | {
      state: 'lossy';
      /** Values and rows that had no place in the smaller schema when it was tried. */
      count: number;
      /** What they were, one clause each. */
      what: string[];
    }
  | { state: 'unproven' }
  | { state: 'none'; why: string };

/** `proven`, `lossy(12)`, `unproven`, `none`. */
export function downWord(down: DownEvidence): string {
  return down.state === 'lossy' ? `lossy(${down.count})` : down.state;
}
