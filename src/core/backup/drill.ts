import { formatDuration } from '../plan/format-duration.ts';
import { faultOf, isRestoreTry, lastRestoreProof, outcomeOf, type ProofRun } from './proof-run.ts';

export interface DrillCandidate {
  id: string;
  /** RFC 3339. */
  createdAt: string;
  /** The newest try to restore it, whatever came of it; null: never. */
  lastTriedAt: string | null;
}

export interface DrillChoice {
  id: string;
  why: 'newest' | 'longest-untried';
}

/**
 * Which backups a drill restores: the newest, which is the one that will be needed, and the one that was not tried for the longest time, so
 * that in the end each had its turn. Tries count and not passes: one that fails must not take the turn of all others.
 */
export function chooseDrill(candidates: readonly DrillCandidate[]): DrillChoice[] {
  const [newest, ...others] = candidates.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  if (newest === undefined) return [];
  const oldestFirst = others.toReversed();
  const untried = oldestFirst.find((one) => one.lastTriedAt === null);
  const [longest] = oldestFirst.toSorted((a, b) => ((a.lastTriedAt ?? '') < (b.lastTriedAt ?? '') ? -1 : 1));
  const next = untried ?? longest;
  return [
    { id: newest.id, why: 'newest' },
    ...(next === undefined ? [] : [{ id: next.id, why: 'longest-untried' } as const]),
  ];
}

export interface DrillRecord {
  /** As the release file asks; null: no drills. */
  everySeconds: number | null;
  /** Of all backups of the place, oldest first. */
  runs: readonly ProofRun[];
  /** Ids of the backups that are there and not in the trash: what became of another one concerns nobody any more. */
  listed: readonly string[];
  /** When the first backup of the place was sealed; null: there is none. */
  firstBackupAt: string | null;
}

/** The last try of each backup that is there, where it was no pass; oldest first. That another one is good makes none of them whole. */
function badTries(runs: readonly ProofRun[], listed: readonly string[]): ProofRun[] {
  const last = new Map(runs.filter(isRestoreTry).map((run) => [run.backup, run]));
  return runs.filter((run) => last.get(run.backup) === run && listed.includes(run.backup) && outcomeOf(run) !== 'pass');
}

/**
 * What a person has to know about the drills, as one sentence that stays the same until something happens; null: all is well, or none are
 * asked for. Before there is a backup, and in the first period after it, nothing is late.
 */
export function drillConcern({ everySeconds, runs, listed, firstBackupAt }: DrillRecord, nowMs: number): string | null {
  if (everySeconds === null || firstBackupAt === null) return null;
  const bad = badTries(runs, listed);
  // A damaged one first: what could not be looked at may be whole.
  const worst = bad.findLast((run) => outcomeOf(run) === 'fail') ?? bad.at(-1);
  if (worst !== undefined) {
    const how = outcomeOf(worst) === 'fail' ? 'failed' : 'could not be made';
    const others = bad.length === 1 ? '' : ` (and ${bad.length - 1} more)`;
    return `the last proof by a restore ${how}: ${worst.backup}: ${faultOf(worst)}${others}`;
  }
  const proof = lastRestoreProof(runs);
  const sinceMs = Date.parse(proof?.at ?? firstBackupAt);
  if (nowMs - sinceMs <= everySeconds * 1000) return null;
  const asked = `(backups.drill: every ${formatDuration(everySeconds)})`;
  if (proof === null) return `no backup was ever proven by a restore ${asked}`;
  return `no backup was proven by a restore since ${proof.at.slice(0, 19).replace('T', ' ')}Z ${asked}`;
}
