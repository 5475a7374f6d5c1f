import { assertNever } from '../release/assert-never.ts';
import { writeDuration } from '../release/quantities.ts';

/** So many of the newest verified backups stay whatever the policy and the clock say. */
export const NEWEST_VERIFIED_KEPT = 3;
/** Two days: one missed daily backup is no alarm, two are. */
export const RECENT_SECONDS = 48 * 3600;

/** Why a backup stays. The first nine are beyond the policy. */
export type KeepRule =
  | { rule: 'pin'; reason: string }
  | { rule: 'open'; release: string }
  | { rule: 'live'; version: string; release: string }
  | { rule: 'held'; release: string }
  | { rule: 'target'; version: string; release: string }
  | { rule: 'newest-verified'; place: number }
  | { rule: 'unreadable' }
  | { rule: 'unknown' }
  | { rule: 'future' }
  | { rule: 'for'; seconds: number }
  | { rule: 'last'; place: number }
  | { rule: 'daily' | 'weekly' | 'monthly' | 'yearly'; period: string }
  | { rule: 'stopped' };

/** Why a backup goes. */
export interface DropRule {
  rule: 'no-place' | 'damaged' | 'suspicious' | 'unverified';
}

/** The rule as one clause, for the line of the backup. */
export function describeKeepRule(keep: KeepRule): string {
  switch (keep.rule) {
    case 'pin':
      return `pinned: ${keep.reason}`;
    case 'open':
      return `${keep.release} is not over and needs it`;
    case 'live':
      return `taken before ${keep.release}, which brought ${keep.version}, the live version`;
    case 'held':
      return `taken for ${keep.release}, whose hold nobody has lifted`;
    case 'target':
      return `taken before ${keep.release}; a rollback may lead to ${keep.version}`;
    case 'newest-verified':
      return `one of the newest ${NEWEST_VERIFIED_KEPT} verified (number ${keep.place})`;
    case 'unreadable':
      return 'its manifest cannot be trusted; a person has to look at it';
    case 'unknown':
      return 'this memory has never seen it: verify or pin it';
    case 'future':
      return 'dated in the future; a clock was wrong';
    case 'for':
      return `younger than ${writeDuration(keep.seconds)}`;
    case 'last':
      return `number ${keep.place} of the last`;
    case 'daily':
    case 'weekly':
    case 'monthly':
    case 'yearly':
      return `${keep.rule}, the newest of ${keep.period}`;
    case 'stopped':
      return `nothing is pruned now: no verified backup is younger than ${RECENT_SECONDS / 3600} hours`;
    default:
      return assertNever(keep);
  }
}

const DROPS: Record<DropRule['rule'], string> = {
  'no-place': 'no rule keeps it any more',
  damaged: 'its last check failed, so it fills no place, and it is past its time',
  suspicious: 'much smaller than the one before it, so it fills no place, and it is past its time',
  unverified: 'never verified, so it fills no place, and it is past its time',
};

export function describeDropRule(drop: DropRule): string {
  return DROPS[drop.rule];
}
