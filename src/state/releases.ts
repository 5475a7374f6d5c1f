import { sql, type Kysely, type Transaction } from 'kysely';
import { problem } from '../core/release/problem.ts';
import { isFinal, mayFollow, type ReleaseState } from '../core/release/release-state.ts';
import type { Actor, JournalEvent } from '../core/journal/event.ts';
import type { DataOfUndo } from '../core/plan/undo-with-data.ts';
import type { JsonObject } from '../core/release/json.ts';
import { appendToJournal } from './journal.ts';
import type { ReleaseRequestWord, ReleaseRow } from './release-tables.ts';
import type { Tables } from './tables.ts';

export const nowText = sql<string>`shipway.now_text()`;

export interface ReleaseDraft {
  project: string;
  service: string;
  environment: string;
  kind: 'release' | 'rollback';
  releaseType: string;
  version: string;
  previousVersion: string | null;
  plan: string;
  planDigest: string;
  requestedBy: string;
  reason: string | null;
  speed: number;
  steps: { id: string; phase: string; kind: string; title: string }[];
}

/** Writes down a planned release, its steps and the journal entry in one transaction; returns its id (`r-0001`). */
export async function createRelease(db: Kysely<Tables>, draft: ReleaseDraft): Promise<string> {
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ number: string }>`select nextval('shipway.release_number') as number`.execute(tx);
    const number = rows[0]?.number ?? '0';
    const id = `r-${number.padStart(4, '0')}`;
    await tx
      .insertInto('shipway.release')
      .values({
        id,
        number,
        project: draft.project,
        service: draft.service,
        environment: draft.environment,
        kind: draft.kind,
        release_type: draft.releaseType,
        version: draft.version,
        previous_version: draft.previousVersion,
        state: 'planned',
        state_since: nowText,
        plan: draft.plan,
        plan_digest: draft.planDigest,
        requested_by: draft.requestedBy,
        reason: draft.reason,
        speed: draft.speed,
        run: 1,
        created_at: nowText,
      })
      .execute();
    await insertSteps(tx, id, draft.steps, 0);
    const { service, environment, version, planDigest, kind, reason } = draft;
    const data = { version, kind, plan: planDigest, reason, previousVersion: draft.previousVersion };
    await appendToJournal(tx, [
      { type: 'release.planned', release: id, service, environment, actor: personActor(draft.requestedBy), data },
    ]);
    return id;
  });
}

export function personActor(person: string): Actor {
  return { kind: 'person', id: person };
}

/** Steps are rows from the beginning, so that the future ones can be shown too. Doing it twice is harmless. */
export async function insertSteps(
  tx: Kysely<Tables>,
  releaseId: string,
  steps: { id: string; phase: string; kind: string; title: string }[],
  firstPosition: number,
): Promise<void> {
  if (steps.length === 0) return;
  const rows = steps.map((step, index) => ({
    release_id: releaseId,
    step_id: step.id,
    position: firstPosition + index,
    phase: step.phase,
    kind: step.kind,
    title: step.title,
    state: 'pending' as const,
    attempt: 0,
  }));
  await tx
    .insertInto('shipway.step_run')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['release_id', 'step_id']).doNothing())
    .execute();
}

async function findRelease(db: Kysely<Tables>, id: string): Promise<ReleaseRow | null> {
  return (await db.selectFrom('shipway.release').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

/** The release with this id; throws `not-found` with the newest ones that exist. */
export async function getRelease(db: Kysely<Tables>, id: string): Promise<ReleaseRow> {
  const found = await findRelease(db, id);
  if (found !== null) return found;
  const newest = await listReleases(db, { limit: 3 });
  const known = newest.map((row) => row.id).join(', ');
  throw problem('not-found', `there is no release ${id}`, {
    next: known === '' ? 'Start one: shipway release VERSION --env ENV' : `Newest ones: ${known}. All: shipway history`,
  });
}

export interface ReleaseFilter {
  service?: string;
  environment?: string;
  limit: number;
}

/** Newest first. */
export async function listReleases(db: Kysely<Tables>, filter: ReleaseFilter): Promise<ReleaseRow[]> {
  let query = db.selectFrom('shipway.release').selectAll().orderBy('number', 'desc').limit(filter.limit);
  if (filter.service !== undefined) query = query.where('service', '=', filter.service);
  if (filter.environment !== undefined) query = query.where('environment', '=', filter.environment);
  return query.execute();
}

/** Releases that are not over, oldest first. */
export async function openReleases(db: Kysely<Tables>): Promise<ReleaseRow[]> {
  return db.selectFrom('shipway.release').selectAll().where('finished_at', 'is', null).orderBy('number').execute();
}

export interface Move {
  to: ReleaseState;
  actor: Actor;
  data?: JsonObject;
  waitingFor?: JsonObject | null;
  cause?: JsonObject;
  /** More events of the same change, e.g. a quarantine. */
  also?: JournalEvent[];
}

/**
 * Moves a release to another state, with its journal entry, in one transaction. A final state frees the lock in the same transaction.
 * Moving to the state it has already is a no-op, so a repeated step is harmless. Throws `internal` for a move the dictionary forbids.
 */
export async function moveRelease(db: Kysely<Tables>, id: string, move: Move): Promise<void> {
  await db.transaction().execute((tx) => moveReleaseIn(tx, id, move));
}

/** Like `moveRelease`, inside a transaction of the caller. */
export async function moveReleaseIn(tx: Transaction<Tables>, id: string, move: Move): Promise<void> {
  const row = await tx
    .selectFrom('shipway.release')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (row.state === move.to && move.waitingFor === undefined) return;
  if (!mayFollow(row.state, move.to)) {
    throw problem('stale-worker', `${id} cannot go from ${row.state} to ${move.to}`, {
      next: `Look at it: shipway show ${id}`,
    });
  }
  const final = isFinal(move.to);
  await tx
    .updateTable('shipway.release')
    .set({
      state: move.to,
      state_since: nowText,
      waiting_for: move.waitingFor === undefined || move.waitingFor === null ? null : JSON.stringify(move.waitingFor),
      ...(move.cause === undefined ? {} : { cause: JSON.stringify(move.cause) }),
      // What once stopped a release that became stable in the end says nothing about it any more; the journal keeps it.
      ...(move.to === 'stable' ? { cause: null } : {}),
      ...(final ? { finished_at: nowText } : {}),
      ...(final || isAnswered(row, move.to) ? { request: null } : {}),
    })
    .where('id', '=', id)
    .execute();
  const { service, environment } = row;
  const events: JournalEvent[] = [
    {
      type: `release.${move.to}`,
      release: id,
      service,
      environment,
      actor: move.actor,
      data: move.data ?? {},
    } as JournalEvent,
    ...(move.also ?? []),
  ];
  if (final) events.push(...(await freeLock(tx, row, move.actor)));
  await appendToJournal(tx, events);
}

/**
 * A release that stops for a person has done what was asked of it; left there, an abort would stop it again at every resume. On the way
 * back the word stays: whether the version is fenced at the end depends on it.
 */
function isAnswered(row: ReleaseRow, to: ReleaseState): boolean {
  return to === 'needs-human' && row.undo_digest === null;
}

/** Only the holder's own row goes: a loser never frees the winner's lock. */
async function freeLock(tx: Transaction<Tables>, row: ReleaseRow, actor: Actor): Promise<JournalEvent[]> {
  const freed = await tx
    .deleteFrom('shipway.release_lock')
    .where('release_id', '=', row.id)
    .returning('release_id')
    .execute();
  if (freed.length === 0) return [];
  return [{ type: 'lock.freed', release: row.id, service: row.service, environment: row.environment, actor, data: {} }];
}

/**
 * Writes down what a person wants of a running release; the executor obeys at the next safe place. Returns whether it was: one that is
 * over wants nothing more, and a pause never takes back that somebody asked to stop it.
 */
export async function requestOfRelease(
  db: Kysely<Tables>,
  row: ReleaseRow,
  request: { word: ReleaseRequestWord | null; person: string; reason: string | null; data?: DataOfUndo | null },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    let update = tx
      .updateTable('shipway.release')
      .set({
        request: request.word,
        request_by: request.person,
        request_reason: request.reason,
        request_data: request.data ?? null,
      })
      .where('id', '=', row.id)
      .where('finished_at', 'is', null);
    // The first to ask for an end is the one who is answered: whoever asks again replaces neither name nor reason.
    if (request.word === 'abort')
      update = update.where((eb) => eb.or([eb('request', 'is', null), eb('request', '<>', 'abort')]));
    if (request.word === 'pause')
      update = update.where((eb) => eb.or([eb('request', 'is', null), eb('request', '=', 'pause')]));
    if ((await update.returning('id').execute()).length === 0) return false;
    const wanted = request.data === undefined || request.data === null ? {} : { data: request.data };
    const data = { request: request.word ?? 'resume', reason: request.reason, ...wanted };
    const { service, environment } = row;
    await appendToJournal(tx, [
      { type: 'request.made', release: row.id, service, environment, actor: personActor(request.person), data },
    ]);
    return true;
  });
}

/**
 * A new run of a release that stopped for a person: the recorded steps are kept, a new workflow continues after them. Of two people who
 * ask for it at once one begins it: two workflows would do the same steps side by side.
 */
export async function startNextRun(tx: Kysely<Tables>, id: string): Promise<void> {
  await tx
    .updateTable('shipway.release')
    .set((eb) => ({ run: eb('run', '+', 1) }))
    .where('id', '=', id)
    .where('state', '=', 'needs-human')
    .execute();
}
