import { lockedBy } from '../core/plan/may-proceed.ts';
import { prestageOf } from '../core/plan/undo-with-data.ts';
import { problem } from '../core/release/problem.ts';
import { handHolderOf } from '../state/hand-lock.ts';
import { liftHold, liftQuarantine } from '../state/live.ts';
import { lockOf } from '../state/locks.ts';
import { getRelease, moveRelease, personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { isExecutorAlive } from './ensure-executor.ts';
import { planOf } from './release-view.ts';

export interface UnlockRequest {
  service: string;
  environment: string | null;
  /** A version to let out of quarantine. */
  version: string | null;
  reason: string;
}

/** Takes away what a person has looked at: a quarantine, a hold after a rollback, or the lock of a release that needs a person. Says what it did. */
export async function unlock(app: App, request: UnlockRequest): Promise<string[]> {
  const database = await app.database();
  const by = { actor: personActor(app.person), reason: request.reason };
  const done: string[] = [];
  if (request.version !== null && (await liftQuarantine(database.db, request.service, request.version, by))) {
    done.push(`${request.service} ${request.version} is out of quarantine`);
  }
  if (request.environment !== null) {
    if (await liftHold(database.db, request.service, request.environment, by)) {
      done.push(`automatic releases of ${request.service} to ${request.environment} may run again`);
      const { backups } = await app.tools();
      await backups.forgetKeys({ service: request.service, environment: request.environment });
    }
    const freed = await endStuckRelease(app, request, request.environment);
    if (freed !== null) done.push(freed);
  }
  if (done.length > 0) return done;
  const { service, environment } = request;
  const byHand = environment === null ? null : await handHolderOf(database.db, { service, environment });
  if (byHand !== null) throw lockedBy({ service, environment: environment ?? '' }, byHand);
  throw problem('not-found', `nothing of ${request.service} is locked, held or in quarantine there`, {
    next: 'See what is: shipway status',
  });
}

/** A release that needs a person is ended on that person's word; one that still runs is not taken its lock. */
async function endStuckRelease(app: App, request: UnlockRequest, environment: string): Promise<string | null> {
  const database = await app.database();
  const lock = await lockOf(database.db, request.service, environment);
  if (lock === null) return null;
  const row = await getRelease(database.db, lock.release_id);
  if (row.state !== 'needs-human' && (await isExecutorAlive(app))) {
    throw problem(
      'refused',
      `${row.id} holds the lock and is ${row.state}; its work is not interrupted by taking the lock`,
      {
        next: `Stop it first: shipway abort ${row.id}`,
      },
    );
  }
  if (row.state !== 'needs-human') {
    throw problem('refused', `${row.id} is ${row.state} and nobody runs it any more`, {
      next: `Let it finish: shipway resume ${row.id}`,
    });
  }
  const cause = {
    kind: 'stopped' as const,
    message: `ended by ${app.person}: ${request.reason}`,
    where: null,
    next: '',
  };
  await moveRelease(database.db, row.id, { to: 'cancelled', actor: personActor(app.person), data: { cause }, cause });
  const waits =
    prestageOf(planOf(row)) === null
      ? ''
      : `; a copy of its data may wait beside the live data: shipway backup discard --env ${environment}`;
  return `${row.id} is ended and ${request.service} ${environment} is free; make sure that what runs there is what you want${waits}`;
}
