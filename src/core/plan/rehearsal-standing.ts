import type { ServiceConfig } from '../config/service-config.ts';
import type { Migration } from '../migration/migration.ts';
import { problem, type Problem } from '../release/problem.ts';
import { downWord } from './down-evidence.ts';
import { downEvidence, migrationSubject } from './judge-down.ts';
import type { Facts, RehearsalFact } from './facts.ts';
import { formatDuration } from './format-duration.ts';
import { stepsOf, type Plan } from './plan.ts';

/** Where a release stands with the rehearsal of its migration. */
export interface RehearsalStanding {
  /** `rehearsed` is the only one that opens the gate. */
  state: 'rehearsed' | 'not-rehearsed' | 'failed' | 'could-not-measure' | 'outdated';
  /** Whether a release is refused unless it is `rehearsed`. */
  required: boolean;
  /** `rehearsed 2h ago: up 3.1s, down 0.4s` */
  sentence: string;
  /** Of a migration that was rehearsed: `proven`, `lossy(12)`, or `none` when there is no way down. */
  down?: string;
}

/**
 * Digest of what a release of the plan would do to the schema: the step as planned, and the SQL where the project's tool prints it. The
 * plan as a whole also holds the reason, the person's words and the checks, which no rehearsal speaks about.
 */
export function rehearsalSubject(plan: Plan, facts: Pick<Facts, 'pending'>): string | null {
  const step = stepsOf(plan).find(({ step: one }) => one.kind === 'migrate-up')?.step;
  if (step === undefined) return null;
  const sql = facts.pending?.sqlDigest ?? null;
  return migrationSubject(step, sql);
}

/** Null where no migration is planned, or none would do anything, or the release file declares no rehearsal. */
export function rehearsalStanding(plan: Plan, config: ServiceConfig, facts: Facts): RehearsalStanding | null {
  const rehearsal = config.environments[plan.environment]?.rehearsal ?? null;
  const subject = rehearsalSubject(plan, facts);
  if (plan.kind !== 'release' || rehearsal === null || subject === null) return null;
  if (facts.pending !== null && doesNothing(facts.pending.migration)) return null;
  const skipped = config.releaseTypes[plan.releaseType]?.skip.includes('rehearsal') ?? false;
  const required = rehearsal.required && !skipped;
  return { required, ...standingOf(facts, subject, rehearsal.validSeconds) };
}

/** Alembic prints the transaction also when nothing waits. */
function doesNothing({ up }: Migration): boolean {
  const isFrame = (kind: string): boolean => kind === 'begin' || kind === 'commit';
  return up.every(({ deeds }) => deeds.length > 0 && deeds.every(({ kind }) => isFrame(kind)));
}

function standingOf(
  { rehearsal, revision }: Facts,
  subject: string,
  validSeconds: number | null,
): Omit<RehearsalStanding, 'required'> {
  if (rehearsal === null) return { state: 'not-rehearsed', sentence: 'not rehearsed' };
  const ago = `rehearsed ${formatDuration(rehearsal.ageSeconds)} ago`;
  // What was found out then holds for what was tried then, and for nothing else.
  if (rehearsal.revisionBefore !== revision) {
    const sentence = `${ago} from revision ${rehearsal.revisionBefore}; the data is now at ${revision ?? 'an unknown one'}`;
    return { state: 'outdated', sentence };
  }
  if (rehearsal.subject !== subject)
    return { state: 'outdated', sentence: `${ago}, but another migration than the one that would run now` };
  if (rehearsal.outcome === 'failed')
    return { state: 'failed', sentence: `${ago}, and it failed: ${rehearsal.fault ?? 'see the journal'}` };
  if (rehearsal.outcome === 'could-not-measure') {
    const sentence = `${ago}, but not to its end: ${rehearsal.fault ?? 'see the journal'}`;
    return { state: 'could-not-measure', sentence };
  }
  if (validSeconds !== null && rehearsal.ageSeconds > validSeconds)
    return { state: 'outdated', sentence: `${ago}, which counts for ${formatDuration(validSeconds)}` };
  const down = downWord(downEvidence(rehearsal.tookMs.down !== null, rehearsal));
  return { state: 'rehearsed', sentence: `${ago}: ${figuresOf(rehearsal)}`, down };
}

function figuresOf({ tookMs, stallMs, discards }: RehearsalFact): string {
  const parts = [
    ...(tookMs.up === null ? [] : [`up ${formatDuration(tookMs.up / 1000)}`]),
    tookMs.down === null ? 'no way down' : `down ${formatDuration(tookMs.down / 1000)}${lossOf(discards)}`,
    ...(stallMs === null ? [] : [`queries of others waited ${formatDuration(stallMs / 1000)} at most`]),
  ];
  return parts.join(', ');
}

function lossOf(discards: RehearsalFact['discards']): string {
  const lost = (discards ?? []).map((one) => `${one.count} ${one.unit} of ${one.name}`);
  return lost.length === 0 ? '' : ` (which throws away ${lost.join(' and ')})`;
}

/** The refusal of a release whose migration has to be rehearsed first; null when nothing is missing. */
export function refuseUnrehearsed(plan: Plan, config: ServiceConfig, facts: Facts): Problem | null {
  const standing = rehearsalStanding(plan, config, facts);
  if (standing === null || !standing.required || standing.state === 'rehearsed') return null;
  const { service, version, environment } = plan;
  return problem('refused', `the migration of ${service} ${version.number} in ${environment}: ${standing.sentence}`, {
    where: `environments.${environment}.rehearsal`,
    next: `Try it on a copy of the data first: shipway rehearse ${version.number} --env ${environment}`,
  });
}
