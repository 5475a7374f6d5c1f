import type { Outcome } from '../release/outcome.ts';
import type { Discarded } from './compare-states.ts';
import type { LockReport } from './lock-tally.ts';
import type { RehearsalFinding } from './finding.ts';
import type { OldVersionReport } from './old-version.ts';

export type { RehearsalFinding };

/** What a rehearsal came to. `could-not-measure`: something kept it from its end; it speaks neither for nor against the migration. */
export type RehearsalOutcome = 'passed' | 'failed' | 'could-not-measure';

export type Pass = 'up' | 'down' | 'again';

/** What is known after a rehearsal; kept in the journal as it is. */
export interface Rehearsal {
  id: string;
  service: string;
  environment: string;
  version: string;
  /** Digest over the planned migration: what was tried is what a release of that version would run. */
  subject: string;
  /** Digest of the plan of that moment. */
  plan: string;
  revisionBefore: string;
  revisionAfter: string | null;
  backup: { id: string; createdAt: string };
  store: { name: string; kind: string };
  restoreMs: number;
  /** Of the passes that came to their end. */
  tookMs: Partial<Record<Pass, number>>;
  /** What the way up and the way down held; null where the database cannot be asked. */
  locks: { up: LockReport | null; down: LockReport | null };
  discards: Discarded[];
  checks: { name: string; outcome: Outcome; sentence: string }[];
  /** Whether the version before still serves; null: there is none, or nobody said how it is told. */
  oldVersion: OldVersionReport | null;
  findings: RehearsalFinding[];
  outcome: RehearsalOutcome;
}

/** One failure is enough; and what could not be told never counts as good. */
export function outcomeOf(findings: readonly RehearsalFinding[]): RehearsalOutcome {
  if (findings.some((one) => one.severity === 'failure')) return 'failed';
  return findings.some((one) => one.severity === 'unknown') ? 'could-not-measure' : 'passed';
}

/** The longest that a query of somebody else waited in any pass, in ms; null where nobody had to or nobody looked. */
export function longestStallMs({ up, down }: Rehearsal['locks']): number | null {
  const stalls = [up, down].flatMap((one) => (one?.stall === null || one === null ? [] : [one.stall.ms]));
  return stalls.length === 0 ? null : Math.max(...stalls);
}
