import type { Kysely } from 'kysely';
import { appendToJournal } from './journal.ts';
import { nowText, personActor } from './releases.ts';
import type { ApprovalRow, ReleaseRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

export interface Decision {
  person: string;
  decision: 'approved' | 'rejected';
  reason: string | null;
  /** What the person looked at; an approval of another plan counts for nothing. */
  planDigest: string;
}

/** Records a decision on a release; one per person, the newest counts. */
export async function recordDecision(db: Kysely<Tables>, row: ReleaseRow, decision: Decision): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { person, reason, planDigest } = decision;
    const values = { decision: decision.decision, reason, plan_digest: planDigest, at: nowText };
    await tx
      .insertInto('shipway.approval')
      .values({ release_id: row.id, person, ...values })
      .onConflict((conflict) => conflict.columns(['release_id', 'person']).doUpdateSet(values))
      .execute();
    await appendToJournal(tx, [
      {
        type: decision.decision === 'approved' ? 'gate.approved' : 'gate.rejected',
        release: row.id,
        service: row.service,
        environment: row.environment,
        actor: personActor(person),
        data: { plan: planDigest, reason },
      },
    ]);
  });
}

export async function decisionsOn(db: Kysely<Tables>, releaseId: string): Promise<ApprovalRow[]> {
  return db.selectFrom('shipway.approval').selectAll().where('release_id', '=', releaseId).orderBy('at').execute();
}
