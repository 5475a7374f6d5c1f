import type { ProblemRecord } from '../../core/release/problem.ts';
import type { Next, StepToRun } from '../run-release.ts';
import type { RoundNext, WatchBegin } from '../run-watch.ts';

/** What the workflows sequence. Every method is one durable step: harmless when repeated, and its result is remembered. */
export interface Engine {
  begin(releaseId: string): Promise<{ way: 'forward'; steps: StepToRun[] } | { way: 'back' }>;
  perform(releaseId: string, stepId: string): Promise<Next>;
  end(releaseId: string): Promise<void>;
  stop(releaseId: string, to: 'cancelled' | 'needs-human', cause: ProblemRecord): Promise<void>;
  beginRollback(releaseId: string, cause: ProblemRecord): Promise<string[]>;
  performUndo(releaseId: string, stepId: string): Promise<ProblemRecord | null>;
  endRollback(releaseId: string): Promise<void>;
  beginWatch(releaseId: string, stepId: string): Promise<WatchBegin>;
  watchRound(releaseId: string, stepId: string, round: number): Promise<RoundNext>;
  endWatch(releaseId: string, stepId: string): Promise<Next>;
  breakWatch(releaseId: string, stepId: string, cause: ProblemRecord): Promise<Next>;
}

/** How a workflow runs one durable step under a name that never changes. */
export type Durable = <T>(name: string, step: () => Promise<T>) => Promise<T>;
