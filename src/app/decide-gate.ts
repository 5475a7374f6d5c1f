import { problem } from '../core/release/problem.ts';
import type { Plan } from '../core/plan/plan.ts';
import { stepsOf } from '../core/plan/plan.ts';
import { recordDecision } from '../state/approvals.ts';
import { getRelease, openReleases } from '../state/releases.ts';
import type { ReleaseRow } from '../state/release-tables.ts';
import type { App } from './app.ts';

export interface GateDecision {
  /** null: the only release that waits for an approval. */
  releaseId: string | null;
  decision: 'approved' | 'rejected';
  reason: string | null;
}

/** Approves or rejects the plan of a waiting release. Refuses whom the plan does not let decide. */
export async function decideGate(app: App, wanted: GateDecision): Promise<ReleaseRow> {
  const { db } = await app.database();
  const row = wanted.releaseId === null ? await theOnlyWaiting(app) : await getRelease(db, wanted.releaseId);
  if (row.finished_at !== null) {
    throw problem('refused', `${row.id} is over (${row.state})`, { next: `Look at it: shipway show ${row.id}` });
  }
  if (wanted.decision === 'rejected' && wanted.reason === null) {
    throw problem('usage', 'a rejection needs a reason', { next: `shipway approve ${row.id} --reject --reason "..."` });
  }
  refuseStranger(app.person, row);
  await recordDecision(db, row, {
    person: app.person,
    decision: wanted.decision,
    reason: wanted.reason,
    planDigest: row.plan_digest,
  });
  return row;
}

async function theOnlyWaiting(app: App): Promise<ReleaseRow> {
  const { db } = await app.database();
  const waiting = (await openReleases(db)).filter((row) => row.waiting_for?.includes('"approval"') === true);
  const only = waiting[0];
  if (only !== undefined && waiting.length === 1) return only;
  if (only === undefined)
    throw problem('not-found', 'no release waits for an approval', { next: 'See what runs: shipway status' });
  throw problem('usage', `${waiting.length} releases wait for an approval`, {
    next: `Name one: ${waiting.map((row) => row.id).join(', ')}`,
  });
}

/** The step itself counts only valid approvals; here the person is told at once why theirs would not count. */
function refuseStranger(person: string, row: ReleaseRow): void {
  const gate = stepsOf(JSON.parse(row.plan) as Plan).find(({ step }) => step.kind === 'await-approval')?.step;
  if (gate === undefined)
    throw problem('refused', `${row.id} has no approval gate`, { next: `Look at its plan: shipway show ${row.id}` });
  const from = gate.input['from'] as string[];
  if (from.length > 0 && !from.includes(person)) {
    throw problem('not-permitted', `${person} may not approve ${row.id}`, {
      next: `One of these may: ${from.join(', ')}`,
    });
  }
  if (gate.input['selfApproval'] !== true && person === row.requested_by) {
    throw problem('not-permitted', `${person} started ${row.id} and may not approve it alone`, {
      next: 'Somebody else approves, or the release file says self-approval: true.',
    });
  }
}
