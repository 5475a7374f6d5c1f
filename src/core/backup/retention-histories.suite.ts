import fc from 'fast-check';
import { BACKUP_REASONS } from './backup-id.ts';
import {
  decideRetention,
  type KnownBackup,
  type RetentionNeeds,
  type RetentionPolicy,
  type RetentionRequest,
} from './retention.ts';
import { RECENT_SECONDS, type KeepRule } from './retention-rule.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 9, 20); // summer time ends in many zones within the first history's weeks
const RELEASES = 12;
const BACKUPS_MAX = 24;
const ZONES = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Chatham', 'America/Santiago'];

const release = fc.integer({ min: 1, max: RELEASES }).map((number) => `r-${number}`);
const version = fc.integer({ min: 1, max: 5 }).map((number) => `1.${number}.0`);

/** What happens between two backups: minutes to months, and clocks that jump both ways by up to ten years. */
const pauseHours = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 4, arbitrary: fc.integer({ min: 40, max: 2000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -90_000, max: 90_000 }) },
);

const proof = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ level: 2, outcome: 'pass' as const }) },
  { weight: 2, arbitrary: fc.constant({ level: 3, outcome: 'pass' as const }) },
  { weight: 1, arbitrary: fc.constant({ level: 1, outcome: 'pass' as const }) },
  { weight: 2, arbitrary: fc.constant({ level: 2, outcome: 'fail' as const }) },
  { weight: 2, arbitrary: fc.constant(null) },
);

const taken = fc.record({
  pauseHours,
  reason: fc.constantFrom(...BACKUP_REASONS),
  release: fc.option(release),
  proof,
  suspicious: fc.integer({ min: 0, max: 9 }).map((draw) => draw === 0),
  pin: fc.integer({ min: 0, max: 9 }).map((draw) => (draw === 0 ? 'asked for by the auditor' : null)),
  unreadable: fc.integer({ min: 0, max: 19 }).map((draw) => draw === 0),
  isKnown: fc.integer({ min: 0, max: 9 }).map((draw) => draw > 0),
});

const policy: fc.Arbitrary<RetentionPolicy> = fc.record({
  forSeconds: fc.constantFrom(0, 3600, 86_400, 7 * 86_400, 90 * 86_400),
  last: fc.nat(5),
  daily: fc.nat(8),
  weekly: fc.nat(5),
  monthly: fc.nat(7),
  yearly: fc.nat(2),
  versions: fc.option(fc.integer({ min: 1, max: 4 })),
  timeZone: fc.constantFrom(...ZONES),
});

const needs: fc.Arbitrary<RetentionNeeds> = fc.record({
  live: fc.option(fc.record({ version, release })),
  // A version stands there once more for each release that changed the schema after it.
  targets: fc.array(fc.record({ version, release }), { maxLength: 7 }),
  open: fc.array(
    fc.record({
      release,
      backups: fc.array(
        fc.oneof(
          release.map((id) => `before:${id}`),
          fc.constant('latest'),
          fc.nat(BACKUPS_MAX - 1).map((index) => idOf(index)),
        ),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  ),
  held: fc.option(release),
});

function idOf(index: number): string {
  return `bk_${String(index).padStart(4, '0')}`;
}

export interface History extends RetentionRequest {
  /** One more backup, taken last. */
  next: KnownBackup;
}

/** A random life of one environment's backups, asked about at a random moment. */
export const history: fc.Arbitrary<History> = fc
  .record({
    backups: fc.array(taken, { maxLength: BACKUPS_MAX, size: 'max' }),
    next: taken,
    policy,
    needs,
    pause: fc.oneof({ weight: 4, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: pauseHours }),
  })
  .map((drawn) => {
    let atMs = START_MS;
    const all = [...drawn.backups, drawn.next].map((one, index): KnownBackup => {
      atMs += one.pauseHours * HOUR_MS;
      const createdAt = new Date(atMs).toISOString();
      const { pauseHours: _, ...facts } = one;
      return {
        ...facts,
        id: idOf(index),
        createdAt,
        // Of what this memory has never seen it has no proof either.
        proof: one.proof === null || !one.isKnown ? null : { ...one.proof, at: createdAt },
      };
    });
    const next = all.pop() as KnownBackup;
    return { backups: all, next, policy: drawn.policy, needs: drawn.needs, nowMs: atMs + drawn.pause * HOUR_MS };
  });

/** What is wrong with the decision about a history, or null. Written from the promise, not from the code that keeps it. */
export function faultOf(drawn: History): string | null {
  const decision = decideRetention(drawn);
  const dropped = new Set(decision.verdicts.filter((verdict) => !verdict.keep).map((verdict) => verdict.id));
  if (decision.verdicts.length !== drawn.backups.length) return 'a backup has no verdict, or two';
  const wrong = drawn.backups.find((backup) => dropped.has(backup.id) && mustStay(backup, drawn));
  if (wrong !== undefined) return `${wrong.id} is needed and was dropped`;
  if (dropped.size > 0 && !hasRecentProof(drawn)) return 'something was dropped although no verified backup is recent';
  if (decision.stopped === hasRecentProof(drawn)) return 'stopped does not say whether a verified backup is recent';
  return faultOfSecondPrune(drawn, dropped) ?? faultOfOneMore(drawn, dropped);
}

function isProven({ proof: found, suspicious, unreadable }: KnownBackup): boolean {
  return found?.outcome === 'pass' && [2, 3, 4].includes(found.level) && !suspicious && !unreadable;
}

function mustStay(backup: KnownBackup, { backups, needs: needed, policy: chosen, nowMs }: History): boolean {
  if (backup.pin !== null || backup.unreadable || !backup.isKnown) return true;
  const atMs = Date.parse(backup.createdAt);
  if (atMs > nowMs || nowMs - atMs < chosen.forSeconds * 1000) return true;
  const isOpen = needed.open.some(
    (one) =>
      one.release === backup.release ||
      one.backups.includes(backup.id) ||
      (backup.reason === 'pre-release' && one.backups.includes(`before:${backup.release}`)),
  );
  if (isOpen) return true;
  if (backup.release !== null && [needed.live?.release, needed.held].includes(backup.release)) return true;
  const others = needed.targets.map((target) => target.version).filter((name) => name !== needed.live?.version);
  const counted = others.filter((name, at) => others.indexOf(name) === at).slice(0, chosen.versions ?? others.length);
  const targets = needed.targets.filter((target) => counted.includes(target.version));
  if (backup.reason === 'pre-release' && targets.some((target) => target.release === backup.release)) return true;
  if (!isProven(backup)) return false;
  const newer = backups.filter(
    (other) => isProven(other) && Date.parse(other.createdAt) <= nowMs && Date.parse(other.createdAt) > atMs,
  );
  const sameMoment = backups.filter((other) => isProven(other) && other.createdAt === backup.createdAt);
  return newer.length + sameMoment.length <= 3;
}

function hasRecentProof({ backups, nowMs }: History): boolean {
  return backups.some((backup) => {
    const ageMs = nowMs - Date.parse(backup.createdAt);
    return isProven(backup) && ageMs >= 0 && ageMs < RECENT_SECONDS * 1000;
  });
}

function faultOfSecondPrune(drawn: History, dropped: ReadonlySet<string>): string | null {
  const left = drawn.backups.filter((backup) => !dropped.has(backup.id));
  const again = decideRetention({ ...drawn, backups: left }).verdicts.find((verdict) => !verdict.keep);
  return again === undefined ? null : `${again.id} was dropped by the second of two prunes`;
}

/** A place in a row moves on when a good backup comes; what is needed, and what only a bad backup pushes, does not. */
function faultOfOneMore(drawn: History, dropped: ReadonlySet<string>): string | null {
  const before = new Map(decideRetention(drawn).verdicts.map((verdict) => [verdict.id, verdict]));
  const after = decideRetention({ ...drawn, backups: [...drawn.backups, drawn.next] });
  for (const verdict of after.verdicts) {
    const earlier = before.get(verdict.id);
    if (verdict.keep || earlier === undefined || !earlier.keep) continue;
    if (!isProven(drawn.next) && earlier.rules.some((rule) => rule.rule !== 'stopped' && !meansNewest(rule, drawn)))
      return `${verdict.id} was dropped because an unverified backup came`;
    if (earlier.rules.some((rule) => isNeed(rule) && !meansNewest(rule, drawn)))
      return `${verdict.id} was needed and was dropped because a backup came`;
  }
  const pushed = isProven(drawn.next)
    ? null
    : [...dropped].find((id) => after.verdicts.some((v) => v.id === id && v.keep));
  return pushed === null || pushed === undefined ? null : `${pushed} came back because an unverified backup came`;
}

function isNeed(rule: KeepRule): boolean {
  return ['pin', 'open', 'live', 'held', 'target', 'unreadable', 'unknown', 'future'].includes(rule.rule);
}

/** A plan that says `latest` means another one once another one is there. */
function meansNewest(rule: KeepRule, { needs: needed }: History): boolean {
  return (
    rule.rule === 'open' && needed.open.some((one) => one.release === rule.release && one.backups.includes('latest'))
  );
}
