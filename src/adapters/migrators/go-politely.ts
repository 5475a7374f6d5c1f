import { lockTimeoutOf, retrySecondsOf, type Atomicity, type LockManners } from '../../core/release/lock-manners.ts';
import { isProblem, problem, type Problem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { sessionLimits, type SessionLimits } from './session-limits.ts';

/** What an implementation gives, so that its way can wait for locks without keeping others waiting. */
export interface PoliteRun {
  kind: string;
  direction: 'up' | 'down';
  revision(version: string, effect: Effect): Promise<string | null>;
  /** Of this direction. */
  atomicity(version: string, effect: Effect): Promise<Atomicity>;
  /** Throws a problem with `retry` when the database did not give a lock in time. */
  go(version: string, effect: Effect, limits: SessionLimits | null): Promise<void>;
}

// Long enough that whoever waited behind us gets through, short enough to meet a gap; at random, so that no rhythm of the service is met each time.
const PAUSE_MS = { least: 200, most: 1000 };

/**
 * Goes with a limit on every wait for a lock, and again when it was not given: only after a try that left the data as it was (on the way
 * down also after whole migrations, because it says where it goes to), and not for longer than `retry-for`.
 */
export async function goPolitely(
  run: PoliteRun,
  manners: LockManners | null,
  version: string,
  effect: Effect,
): Promise<void> {
  if (manners === null) return run.go(version, effect, null);
  const atomicity = manners.lockTimeoutMs === 'none' ? null : await knownAtomicity(run, version, effect);
  const lockTimeoutMs = lockTimeoutOf(manners, atomicity);
  const limits = sessionLimits(manners, lockTimeoutMs, effect.token);
  const before = await run.revision(version, effect);
  const retrySeconds = retrySecondsOf(manners, run.direction);
  const untilMs = effect.clock.nowMs() + retrySeconds * 1000;
  for (let tries = 1; ; tries++) {
    const refused = await refusalOf(run.go(version, effect, limits));
    if (refused === null) return;
    const leftMs = untilMs - effect.clock.nowMs();
    const now = await run.revision(version, effect);
    const end = endOfTries({ atomicity, leftMs, tries, retrySeconds, moved: movement(before, now) });
    if (end !== null) throw gaveUp(refused, run, end);
    if (now !== before && run.direction === 'up') throw gaveUp(refused, run, movedOn(before, now));
    const left = now === before ? 'nothing was changed' : movement(before, now);
    effect.report(
      `migrate ${run.direction}: a lock was not given within ${lockTimeoutMs} ms, and ${left}; tries again for ${Math.ceil(leftMs / 1000)} s`,
    );
    await effect.clock.sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least), effect.signal);
  }
}

/** A tool that cannot be asked is no reason not to go: it goes without a limit. */
async function knownAtomicity(run: PoliteRun, version: string, effect: Effect): Promise<Atomicity> {
  try {
    return await run.atomicity(version, effect);
  } catch (error) {
    effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    return { atomic: false, why: `it could not be found out: ${error.message.split('\n')[0] ?? ''}` };
  }
}

/** Null: it went. Anything but a lock that was not given is thrown. */
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
  retrySeconds: number;
  /** How far the tries came; null: they left the data as it was. */
  moved: string | null;
}): string | null {
  const { atomicity, leftMs, tries, retrySeconds, moved } = so;
  if (atomicity === null || !atomicity.atomic) {
    const why = atomicity === null ? '' : ` (${atomicity.why})`;
    return `it is not tried again, because it is not known that a try leaves nothing behind${why}`;
  }
  if (leftMs > 0) return null;
  const times = `it was tried ${tries} ${tries === 1 ? 'time' : 'times'} in ${retrySeconds} s`;
  return `${times}; ${moved ?? 'every try left the data as it was'}`;
}

function movement(before: string | null, now: string | null): string | null {
  if (now === before) return null;
  return `it went from ${before ?? 'an unknown revision'} to ${now ?? 'an unknown one'}`;
}

function movedOn(before: string | null, now: string | null): string {
  return `it is not tried again, because the try went from ${before ?? 'an unknown revision'} to ${now ?? 'an unknown one'} before it failed`;
}

function gaveUp(refused: Problem, { kind, direction }: PoliteRun, end: string): Problem {
  const again = direction === 'up' ? 'release again' : 'try the way back again';
  return problem('migration-failed', `${refused.message}\na lock was not given in time; ${end}`, {
    where: refused.where ?? `migrate.${kind}.${direction}`,
    next: `End or wait for the transaction that holds the lock, then ${again}; or give it longer: migrate: { retry-for: 5m }.`,
    cause: refused,
  });
}
