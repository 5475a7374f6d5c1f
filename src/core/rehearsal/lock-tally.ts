/** Lock modes of PostgreSQL tables, the weakest first. */
const MODES = [
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
] as const;

export type LockedOut = 'nobody' | 'writers' | 'everybody';

/** Whom a lock of that mode keeps waiting. A mode that is not known counts as the worst. */
export function lockedOutBy(mode: string): LockedOut {
  const strength = (MODES as readonly string[]).indexOf(mode);
  if (strength === MODES.length - 1 || strength === -1) return 'everybody';
  return strength >= MODES.indexOf('ShareLock') ? 'writers' : 'nobody';
}

export interface SeenLock {
  table: string;
  mode: string;
  /** False: somebody waits for it. */
  granted: boolean;
}

export interface TableLock {
  table: string;
  mode: string;
  lockedOut: LockedOut;
  /** The longest time without a break, between the first and the last look that saw it. */
  longestMs: number;
}

export interface LockReport {
  /** By table, the strongest mode that the migration held; those that keep nobody waiting are left out. */
  locks: TableLock[];
  /** The lock that the migration itself waited for the longest, or null. */
  waited: { table: string; mode: string; ms: number } | null;
  /** The longest that a query of somebody else waited, or null where none had to. */
  stall: { table: string; ms: number } | null;
  /** How often it was looked. */
  looks: number;
}

interface Run {
  table: string;
  mode: string;
  sinceMs: number;
  lastMs: number;
  longestMs: number;
}

export interface LockTally {
  look(atMs: number, seen: readonly SeenLock[]): void;
  stalled(table: string, ms: number): void;
  report(): LockReport;
}

/** Puts many looks at the locks together; a lock that was not seen in one look has been let go in between. */
export function createLockTally(): LockTally {
  const held = createRuns();
  const waited = createRuns();
  let stall: LockReport['stall'] = null;
  let looks = 0;
  return {
    look(atMs, seen) {
      looks += 1;
      held.see(
        atMs,
        seen.filter((one) => one.granted),
      );
      waited.see(
        atMs,
        seen.filter((one) => !one.granted),
      );
    },
    stalled(table, ms) {
      if (stall === null || ms > stall.ms) stall = { table, ms };
    },
    report: () => {
      const [longest] = waited.all().sort((a, b) => b.longestMs - a.longestMs);
      const wait = longest === undefined ? null : { table: longest.table, mode: longest.mode, ms: longest.longestMs };
      return { locks: strongestByTable(held.all()), waited: wait, stall, looks };
    },
  };
}

/** What was seen in one look after the other, with the longest time without a break. */
function createRuns(): { see(atMs: number, locks: readonly SeenLock[]): void; all(): Run[] } {
  const runs = new Map<string, Run>();
  let beforeMs = Number.NEGATIVE_INFINITY;
  return {
    see(atMs, locks) {
      for (const { table, mode } of locks) {
        const key = `${mode} ${table}`;
        const run = runs.get(key) ?? { table, mode, sinceMs: atMs, lastMs: atMs, longestMs: 0 };
        if (run.lastMs < beforeMs) run.sinceMs = atMs;
        run.lastMs = atMs;
        run.longestMs = Math.max(run.longestMs, atMs - run.sinceMs);
        runs.set(key, run);
      }
      beforeMs = atMs;
    },
    all: () => [...runs.values()],
  };
}

function strongestByTable(runs: readonly { table: string; mode: string; longestMs: number }[]): TableLock[] {
  const strongest = new Map<string, TableLock>();
  for (const { table, mode, longestMs } of runs) {
    const lockedOut = lockedOutBy(mode);
    const known = strongest.get(table);
    if (lockedOut === 'nobody' || (known !== undefined && strengthOf(known.mode) >= strengthOf(mode))) continue;
    strongest.set(table, { table, mode, lockedOut, longestMs });
  }
  return [...strongest.values()].sort((a, b) => b.longestMs - a.longestMs || (a.table < b.table ? -1 : 1));
}

function strengthOf(mode: string): number {
  const found = (MODES as readonly string[]).indexOf(mode);
  return found === -1 ? MODES.length : found;
}
