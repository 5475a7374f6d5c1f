import type { Plan } from '../core/plan/plan.ts';
import type { Outcome } from '../core/release/outcome.ts';
import { decisionsOn } from '../state/approvals.ts';
import { journalHead } from '../state/journal.ts';
import { liveVersion } from '../state/live.ts';
import type { Database } from '../state/open-database.ts';
import { lastStepLines } from '../state/read-overview.ts';
import { lastRound } from '../state/watch-samples.ts';
import { getRelease, listReleases, openReleases } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import { problem } from '../core/release/problem.ts';
import type { App } from './app.ts';
import { existingMemory } from './existing-memory.ts';
import { endingOf, type ReleaseEnding } from './release-ending.ts';
import { planOf, viewRelease, viewStep, type ReleaseView, type StepView } from './release-view.ts';

export interface ApprovalView {
  person: string;
  decision: 'approved' | 'rejected';
  reason: string | null;
  at: string;
  /** False for a decision on another plan: it counts for nothing. */
  ofThisPlan: boolean;
}

/** The newest round of the watch, with what the judge said. */
export interface WatchView {
  round: number;
  atSeconds: number;
  action: string | null;
  verdicts: { criterion: string; outcome: Outcome; sentence: string }[];
}

/** Everything known about one release. */
export interface ReleaseDetail {
  release: ReleaseView;
  plan: Plan;
  /** Each step with the last lines it reported, where it failed or still runs. */
  steps: (StepView & { lines: string[] })[];
  approvals: ApprovalView[];
  watch: WatchView | null;
  ending: ReleaseEnding;
}

const LINES_SHOWN = 20; // enough for the end of a stack trace, few enough for a screen

/** Shows one release: the named one, else the only one that is not over, else the newest. */
export async function showRelease(app: App, id: string | null): Promise<ReleaseDetail> {
  const database = await existingMemory(app);
  const { db } = database;
  const row = id === null ? await theOneMeant(database) : await getRelease(db, id);
  const release = viewRelease(row);
  const plan = planOf(row);
  const steps = await Promise.all(
    (await stepRuns(db, row.id)).map(async (run) => {
      const tells = run.state === 'failed' || run.state === 'started';
      return { ...viewStep(run), lines: tells ? await lastStepLines(db, row.id, run.step_id, LINES_SHOWN) : [] };
    }),
  );
  const [decisions, live, head] = await Promise.all([
    decisionsOn(db, row.id),
    liveVersion(db, row.service, row.environment),
    journalHead(db),
  ]);
  const approvals = decisions.map(({ person, decision, reason, at, plan_digest: digest }) => ({
    person,
    decision,
    reason,
    at,
    ofThisPlan: digest === row.plan_digest,
  }));
  const ending = endingOf(release, plan, steps, { live: live?.version ?? null, journalHead: head });
  return { release, plan, steps, approvals, watch: await watchOf(database, row.id), ending };
}

async function theOneMeant({ db }: Database): Promise<ReleaseRow> {
  const open = await openReleases(db);
  const [newest] = await listReleases(db, { limit: 1 });
  const meant = open.length === 1 ? open[0] : newest;
  if (meant !== undefined) return meant;
  throw problem('not-found', 'there is no release yet', { next: 'Start one: shipway release VERSION' });
}

async function watchOf({ db }: Database, releaseId: string): Promise<WatchView | null> {
  const stored = await lastRound(db, releaseId);
  if (stored === null) return null;
  const { round, atSeconds, action } = stored;
  return { round, atSeconds, action, verdicts: (stored.verdicts as { verdicts: WatchView['verdicts'] }).verdicts };
}
