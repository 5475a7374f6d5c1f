import type { Kysely } from 'kysely';
import type { LockRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

export interface HeldPlace {
  service: string;
  environment: string;
  release: string;
  reason: string;
  since: string;
}

/** Where automatic releases are held. */
export async function allHolds(db: Kysely<Tables>): Promise<HeldPlace[]> {
  const rows = await db.selectFrom('shipway.hold').selectAll().orderBy('service').orderBy('environment').execute();
  return rows.map(({ release_id: release, ...row }) => ({ ...row, release }));
}

export async function allLocks(db: Kysely<Tables>): Promise<LockRow[]> {
  return db.selectFrom('shipway.release_lock').selectAll().orderBy('service').orderBy('environment').execute();
}

/** Versions in quarantine, newest first. */
export async function openQuarantines(
  db: Kysely<Tables>,
): Promise<{ service: string; version: string; release: string; reason: string; since: string }[]> {
  const rows = await db
    .selectFrom('shipway.quarantine')
    .select(['service', 'version', 'release_id', 'reason', 'since'])
    .where('lifted_at', 'is', null)
    .orderBy('since', 'desc')
    .limit(100)
    .execute();
  return rows.map(({ release_id: release, ...row }) => ({ ...row, release }));
}

/** The last lines that a step reported, oldest first. */
export async function lastStepLines(
  db: Kysely<Tables>,
  releaseId: string,
  stepId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('shipway.step_line')
    .select('line')
    .where('release_id', '=', releaseId)
    .where('step_id', '=', stepId)
    .orderBy('line_no', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => row.line).toReversed();
}

/** Who approved which of these releases. */
export async function approversOf(db: Kysely<Tables>, releaseIds: string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (releaseIds.length === 0) return found;
  const rows = await db
    .selectFrom('shipway.approval')
    .select(['release_id', 'person'])
    .where('release_id', 'in', releaseIds)
    .where('decision', '=', 'approved')
    .orderBy('at')
    .execute();
  for (const row of rows) found.set(row.release_id, [...(found.get(row.release_id) ?? []), row.person]);
  return found;
}
