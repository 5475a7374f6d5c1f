import type { BackupReason } from './backup-id.ts';
import { periodOf, type Period } from './calendar-period.ts';
import { NEWEST_VERIFIED_KEPT, RECENT_SECONDS, type DropRule, type KeepRule } from './retention-rule.ts';

/** Which backups are worth their room. What `RetentionNeeds` names is kept whatever the policy says. */
export interface RetentionPolicy {
  /** Every backup younger than this is kept, verified or not. */
  forSeconds: number;
  /** The newest so many. This and the next four count verified backups only: a failed one may not take the place of a good one. */
  last: number;
  /** The newest of each of the newest so many days (weeks, months, years) that have one. */
  daily: number;
  weekly: number;
  monthly: number;
  yearly: number;
  /** How many versions a rollback may lead to keep the backup taken before them, besides the live one; null: all. */
  versions: number | null;
  /** In which days, weeks, months and years are counted. */
  timeZone: string;
}

/** What the newest look at a backup found. */
export interface Proof {
  /** V0 to V4. */
  level: number;
  outcome: 'pass' | 'fail';
  at: string;
}

export interface KnownBackup {
  id: string;
  /** RFC 3339. */
  createdAt: string;
  reason: BackupReason;
  release: string | null;
  /** null: nobody has looked, or nobody could. */
  proof: Proof | null;
  /** Much smaller than the one before it, or empty: a person has to look before it counts. */
  suspicious: boolean;
  /** A person's reason to keep it, or null. */
  pin: string | null;
  /** Its manifest cannot be trusted, so nothing about it is known but its id. */
  unreadable: boolean;
  /** Whether this memory saw it sealed, or found out whether it is good. What another memory knew of it is lost, and may have been the best. */
  isKnown: boolean;
}

/** What the record says must stay. */
export interface RetentionNeeds {
  live: { version: string; release: string } | null;
  /**
   * Versions that a rollback may lead to, newest first, each with the release that brought it; then once more with each release whose change of
   * the schema such a version ran well before.
   */
  targets: { version: string; release: string }[];
  /** Releases that are not over, and the backups their plans name: an id, the beginning of one, `latest` or `before:<release>`. */
  open: { release: string; backups: string[] }[];
  /** The release whose rollback holds automatic releases until a person has looked, or null. */
  held: string | null;
}

export interface RetentionRequest {
  policy: RetentionPolicy;
  /** Of one service and environment, in any order, those in the trash included. */
  backups: readonly KnownBackup[];
  needs: RetentionNeeds;
  nowMs: number;
}

/** One backup and why; every rule that keeps it, the strongest first. */
export type RetentionVerdict = { id: string } & ({ keep: true; rules: KeepRule[] } | { keep: false; rule: DropRule });

export interface RetentionDecision {
  /** Oldest first. */
  verdicts: RetentionVerdict[];
  /** How many would go if nothing held them back; 0 unless `stopped`. */
  heldBack: number;
  /** Nothing may be pruned now: no verified backup is recent. Old ones may be all there is. */
  stopped: boolean;
}

/** V2: every byte was read again, and every store's copy opened and compared. */
export const VERIFIED_LEVEL_MIN = 2;

const PLACES: { rule: 'daily' | 'weekly' | 'monthly' | 'yearly'; period: Period }[] = [
  { rule: 'daily', period: 'day' },
  { rule: 'weekly', period: 'week' },
  { rule: 'monthly', period: 'month' },
  { rule: 'yearly', period: 'year' },
];

/** Whether the backup was proven good; a failed, unproven or suspicious one never takes a place that a good one could have. */
export function isVerified(backup: KnownBackup): boolean {
  const { proof, suspicious, unreadable } = backup;
  return proof !== null && proof.outcome === 'pass' && proof.level >= VERIFIED_LEVEL_MIN && !suspicious && !unreadable;
}

/**
 * Decides for every backup whether it stays, and says why. Asking again about what is left gives the same answer: nothing more goes.
 * What is dated in the future is kept and counts for nothing: either its clock or ours was wrong.
 */
export function decideRetention(request: RetentionRequest): RetentionDecision {
  const { policy, nowMs } = request;
  const newestFirst = [...request.backups].sort(byTimeDescending);
  const past = newestFirst.filter((backup) => ageSeconds(backup, nowMs) >= 0);
  const verified = past.filter(isVerified);
  const stopped = !verified.some((backup) => ageSeconds(backup, nowMs) < RECENT_SECONDS);
  const rulesOf = new Map(newestFirst.map((backup) => [backup.id, neededBy(backup, newestFirst, request)]));
  const add = (id: string, rule: KeepRule): void => void rulesOf.get(id)?.push(rule);
  verified
    .slice(0, NEWEST_VERIFIED_KEPT)
    .forEach(({ id }, index) => add(id, { rule: 'newest-verified', place: index + 1 }));
  for (const backup of newestFirst) {
    if (backup.unreadable) add(backup.id, { rule: 'unreadable' });
    if (!backup.isKnown) add(backup.id, { rule: 'unknown' });
    const age = ageSeconds(backup, nowMs);
    if (age < 0) add(backup.id, { rule: 'future' });
    else if (age < policy.forSeconds) add(backup.id, { rule: 'for', seconds: policy.forSeconds });
  }
  verified.slice(0, policy.last).forEach(({ id }, index) => add(id, { rule: 'last', place: index + 1 }));
  for (const { rule, period } of PLACES) {
    for (const [id, key] of newestOfEach(verified, period, policy)) add(id, { rule, period: key });
  }
  const verdicts = newestFirst.reverse().map((backup) => verdictOf(backup, rulesOf.get(backup.id) ?? []));
  return stopped ? heldBack(verdicts) : { verdicts, heldBack: 0, stopped };
}

/** Whether a backup in the trash that a rule keeps is taken out of it. Listed again, a damaged one would be taken for a good one. */
export function isTakenBack({ pin, proof }: KnownBackup): boolean {
  return pin !== null || proof?.outcome !== 'fail';
}

function byTimeDescending(a: KnownBackup, b: KnownBackup): number {
  const difference = Date.parse(b.createdAt) - Date.parse(a.createdAt);
  // Two of the same moment need an order too, or the answer would depend on how they were listed.
  return difference !== 0 ? difference : a.id < b.id ? 1 : -1;
}

function ageSeconds(backup: KnownBackup, nowMs: number): number {
  return (nowMs - Date.parse(backup.createdAt)) / 1000;
}

/** The rules that no policy can switch off. */
function neededBy(backup: KnownBackup, newestFirst: readonly KnownBackup[], request: RetentionRequest): KeepRule[] {
  const { needs, policy } = request;
  const rules: KeepRule[] = [];
  if (backup.pin !== null) rules.push({ rule: 'pin', reason: backup.pin });
  for (const { release, backups } of needs.open) {
    const isNamed = backups.some((name) => isMeant(name, backup, newestFirst));
    if (backup.release === release || isNamed) rules.push({ rule: 'open', release });
  }
  if (backup.release === null) return rules;
  if (backup.release === needs.live?.release) rules.push({ rule: 'live', ...needs.live });
  if (backup.release === needs.held) rules.push({ rule: 'held', release: needs.held });
  const live = needs.live?.version;
  const others = [...new Set(needs.targets.map(({ version }) => version))].filter((version) => version !== live);
  const versions = [live, ...others.slice(0, policy.versions ?? others.length)];
  const target = needs.targets.find(({ release, version }) => release === backup.release && versions.includes(version));
  if (target !== undefined && backup.reason === 'pre-release') rules.push({ rule: 'target', ...target });
  return rules;
}

/** Whether a plan that names a backup in this way may mean this one; a beginning that fits several means each of them here. */
function isMeant(name: string, backup: KnownBackup, newestFirst: readonly KnownBackup[]): boolean {
  if (name === 'latest') return newestFirst[0]?.id === backup.id;
  if (name.startsWith('bk_')) return backup.id.startsWith(name);
  return backup.reason === 'pre-release' && name === `before:${backup.release}`;
}

/** The newest verified backup of each of the newest periods, with the period. */
function newestOfEach(verified: readonly KnownBackup[], period: Period, policy: RetentionPolicy): Map<string, string> {
  const wanted = { day: policy.daily, week: policy.weekly, month: policy.monthly, year: policy.yearly }[period];
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const { id, createdAt } of verified) {
    if (seen.size >= wanted) break;
    const key = periodOf(Date.parse(createdAt), period, policy.timeZone);
    if (seen.has(key)) continue;
    seen.add(key);
    found.set(id, key);
  }
  return found;
}

function verdictOf(backup: KnownBackup, rules: KeepRule[]): RetentionVerdict {
  const { id } = backup;
  if (rules.length > 0) return { id, keep: true, rules };
  return { id, keep: false, rule: { rule: isVerified(backup) ? 'no-place' : notCounted(backup) } };
}

function notCounted(backup: KnownBackup): DropRule['rule'] {
  if (backup.proof?.outcome === 'fail') return 'damaged';
  return backup.suspicious ? 'suspicious' : 'unverified';
}

function heldBack(verdicts: RetentionVerdict[]): RetentionDecision {
  const held = verdicts.filter((verdict) => !verdict.keep).length;
  const kept = verdicts.map((verdict): RetentionVerdict =>
    verdict.keep ? verdict : { id: verdict.id, keep: true, rules: [{ rule: 'stopped' }] },
  );
  return { verdicts: kept, heldBack: held, stopped: true };
}
