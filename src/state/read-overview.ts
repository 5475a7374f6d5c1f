import type { Kysely } from 'kysely';
import type { LockRow } from './release-tables.ts';
import type { Tables } from './tables.ts';
import type { StoredRound } from './watch-samples.ts';
import type { Sample } from '../core/verdict/sample.ts';

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

/** The newest round of a release's watch, or null. */
export async function lastRound(db: Kysely<Tables>, releaseId: string): Promise<StoredRound | null> {
  const row = await db
    .selectFrom('shipway.watch_sample')
    .selectAll()
    .where('release_id', '=', releaseId)
    .orderBy('round', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    round: row.round,
    atSeconds: row.at_seconds,
    takenAtMs: row.taken_at_ms,
    sample: JSON.parse(row.sample) as Sample,
    verdicts: JSON.parse(row.verdicts) as unknown,
    action: row.action,
  };
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
