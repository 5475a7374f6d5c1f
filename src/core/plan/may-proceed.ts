import type { ServiceConfig } from '../config/service-config.ts';
import { problem, type Problem } from '../release/problem.ts';
import type { Facts } from './facts.ts';
import type { Plan } from './plan.ts';
import { refusedMigration } from './refuse-migration.ts';
import { refuseUnrehearsed } from './rehearsal-standing.ts';

/**
 * The one decision "may this be started?" for command line, API, CI, webhook and schedule. Returns the first reason against it,
 * as a refusal that says who, why and since when; null when nothing stands in the way. Gates are not judged here: they are steps.
 */
export function mayProceed(
  plan: Plan,
  config: ServiceConfig,
  facts: Facts,
  startedBy: 'person' | 'automation',
): Problem | null {
  if (facts.lock !== null) return lockedBy(plan, facts.lock);
  if (plan.kind === 'rollback') return null;
  if (facts.quarantine !== null) {
    const { version, release, reason, since } = facts.quarantine;
    return problem('refused', `${plan.service} ${version} is in quarantine since ${since}: ${reason} (${release})`, {
      next: `Release a fixed version, or let it out: shipway unlock ${plan.service} --version ${version} --reason "..."`,
    });
  }
  if (facts.hold !== null && startedBy === 'automation') {
    const { release, reason, since } = facts.hold;
    return problem(
      'refused',
      `automatic releases of ${plan.service} in ${plan.environment} are held since ${since}: ${reason} (${release})`,
      {
        next: `Lift it: shipway unlock ${plan.service} --env ${plan.environment} --reason "..."`,
      },
    );
  }
  const after = config.environments[plan.environment]?.after ?? null;
  const skipped = config.releaseTypes[plan.releaseType]?.skip ?? [];
  if (after !== null && !facts.stableElsewhere.includes(after) && !skipped.includes(after)) {
    return problem(
      'refused',
      `${plan.service} ${plan.version.number} was not stable in ${after} before ${plan.environment}`,
      {
        next: `Release it there first: shipway release ${plan.version.number} --env ${after}`,
      },
    );
  }
  return refusedMigration(plan, config, facts) ?? refuseUnrehearsed(plan, config, facts);
}

/** The refusal that a lock gives to everybody but its holder. */
export function lockedBy(plan: Pick<Plan, 'service' | 'environment'>, lock: NonNullable<Facts['lock']>): Problem {
  const { release, person, since, why } = lock;
  const holder = release === null ? person : `${release} of ${person}`;
  const next =
    release === null
      ? 'Try again when it is over; the lock is also free when its process was ended.'
      : `Watch it: shipway attach ${release}`;
  const what = `${plan.service} ${plan.environment} is locked by ${holder} since ${since}: ${why}`;
  return problem('refused', what, { next, retry: release === null });
}
