import { lockTimeoutOf, type Atomicity, type LockManners } from '../../core/release/lock-manners.ts';
import { isProblem, problem, type Problem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { sessionLimits, type SessionLimits } from './session-limits.ts';

/** What an implementation gives, so that its way up can wait for locks without keeping others waiting. */
export interface PoliteDeeds {
  kind: string;
  revision(version: string, effect: Effect): Promise<string | null>;
  atomicity(version: string, effect: Effect): Promise<Atomicity>;
  /** Throws a problem with `retry` when the database did not give a lock in time. */
  goUp(version: string, effect: Effect, limits: SessionLimits | null): Promise<void>;
}

// Long enough that whoever waited behind us gets through, short enough to meet a gap; at random, so that no rhythm of the service is met each time.
const PAUSE_MS = { least: 200, most: 1000 };

/**
 * Goes up with a limit on every wait for a lock, and again when it was not given: only after a try that left the data as it was, and
 * not for longer than `retry-for`.
 */
export async function goUpPolitely(
  deeds: PoliteDeeds,
  manners: LockManners | null,
  version: string,
  effect: Effect,
): Promise<void> {
  if (manners === null) return deeds.goUp(version, effect, null);
  const atomicity = manners.lockTimeoutMs === 'none' ? null : await deeds.atomicity(version, effect);
  const lockTimeoutMs = lockTimeoutOf(manners, atomicity);
  const limits = sessionLimits(manners, lockTimeoutMs, effect.token);
  const before = await deeds.revision(version, effect);
  const untilMs = effect.clock.nowMs() + manners.retrySeconds * 1000;
  for (let tries = 1; ; tries++) {
    const refused = await refusalOf(deeds.goUp(version, effect, limits));
    if (refused === null) return;
    const leftMs = untilMs - effect.clock.nowMs();
    const end = endOfTries({ atomicity, leftMs, tries, manners });
    if (end !== null) throw gaveUp(refused, deeds.kind, end);
    const now = await deeds.revision(version, effect);
    if (now !== before) throw gaveUp(refused, deeds.kind, movedOn(before, now));
    effect.report(
      `migrate up: a lock was not given within ${lockTimeoutMs} ms, and nothing was changed; tries again for ${Math.ceil(leftMs / 1000)} s`,
    );
    await effect.clock.sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least), effect.signal);
  }
}

/** Null: it went up. Anything but a lock that was not given is thrown. */
async function refusalOf(going: Promise<void>): Promise<Problem | null> {
  try {
    await going;
    return null;
  } catch (error) {
    if (isProblem(error) && error.kind === 'migration-failed' && error.retry) return error;
    throw error;
  }
}

/** Why it is not tried again; null: it is. */
function endOfTries(so: {
  atomicity: Atomicity | null;
  leftMs: number;
  tries: number;
  manners: LockManners;
}): string | null {
  const { atomicity, leftMs, tries, manners } = so;
  if (atomicity === null || !atomicity.atomic) {
    const why = atomicity === null ? '' : ` (${atomicity.why})`;
    return `it is not tried again, because it is not known that a try leaves nothing behind${why}`;
  }
  if (leftMs > 0) return null;
  return `it was tried ${tries} ${tries === 1 ? 'time' : 'times'} in ${manners.retrySeconds} s; every try left the data as it was`;
}

function movedOn(before: string | null, now: string | null): string {
  return `it is not tried again, because the try went from ${before ?? 'an unknown revision'} to ${now ?? 'an unknown one'} before it failed`;
}

function gaveUp(refused: Problem, kind: string, end: string): Problem {
  return problem('migration-failed', `${refused.message}\na lock was not given in time; ${end}`, {
    where: refused.where ?? `migrate.${kind}.up`,
    next: 'End or wait for the transaction that holds the lock, then release again; or give it longer: migrate: { retry-for: 5m }.',
    cause: refused,
  });
}
