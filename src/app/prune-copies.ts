import type { CopiedBackup } from '../adapters/vaults/copied-backup.ts';
import { isBackupOf, parseBackupId } from '../core/backup/backup-id.ts';
import { decideRetention, type RetentionVerdict } from '../core/backup/retention.ts';
import { describeDropRule, describeKeepRule, RECENT_SECONDS } from '../core/backup/retention-rule.ts';
import type { Tombstone } from '../core/backup/tombstone.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { assertNever } from '../core/release/assert-never.ts';
import { problemRecord, type ProblemRecord } from '../core/release/problem.ts';
import type { PlaceAct } from '../engine/steps/step-copies.ts';
import { timestamp } from '../platform/clock.ts';
import { journalBackups } from '../state/backup-record.ts';
import { damagedCopies } from '../state/copy-record.ts';
import { personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { knownBackup, retentionFacts, type Inventory, type RetentionFacts } from './backup-inventory.ts';
import type { OpenBackups } from './open-backups.ts';

/** A week: a place is looked at less often than the machine, and whoever reads there cannot be seen from here. */
const MARKED_MS = 7 * 24 * 3_600_000;
const LIMIT_SECONDS = 900; // some thousand deletions, one after the other

/** What happens to one backup in a place: nothing, marked, taken back, or deleted for good. */
export type CopyPruneDeed = 'none' | 'mark' | 'unmark' | 'delete';

export interface PrunedCopy {
  id: string;
  keep: boolean;
  rules: string[];
  /** Marked since then, or null. */
  prunedAt: string | null;
  deed: CopyPruneDeed;
}

export interface PrunedPlace {
  place: string;
  where: string;
  /** Why it could not be looked at; then nothing was done there. */
  fault: ProblemRecord | null;
  /** Why nothing may be pruned there now, or null. */
  stopped: string | null;
  backups: PrunedCopy[];
}

/**
 * What pruning does to the second places: the same policy, over what lies there. What is kept here is kept there too, and where no verified
 * backup is recent nothing goes: old ones may be all there is.
 */
export async function pruneCopies(
  app: App,
  opened: OpenBackups,
  inventory: Inventory,
  how: 'look' | 'do',
): Promise<PrunedPlace[]> {
  const facts = await retentionFacts(app, opened);
  const database = await app.existingDatabase();
  const { plan, effect, backups } = opened;
  const found: PrunedPlace[] = [];
  for (const { name: place } of plan.backupCopies ?? []) {
    try {
      const limits = { place, limitSeconds: LIMIT_SECONDS };
      const damaged = database === null ? new Map<string, string>() : await damagedCopies(database.db, plan, place);
      const looked = await backups.copies.at(plan, limits, effect, (act) =>
        pruneOne({ app, opened, inventory, facts: { ...facts, records: withDamage(facts, damaged) }, how, place }, act),
      );
      found.push(looked);
    } catch (error) {
      found.push({ place, where: '', fault: problemRecord(error), stopped: null, backups: [] });
    }
  }
  return found;
}

/** What is whole here may be damaged there, where a fetch has found it so. */
function withDamage({ records }: RetentionFacts, damaged: ReadonlyMap<string, string>): RetentionFacts['records'] {
  const seen = new Map(records);
  for (const id of damaged.keys()) {
    const record = records.get(id);
    if (record !== undefined)
      seen.set(id, { ...record, proof: { level: 1, outcome: 'fail', at: record.proof?.at ?? '' } });
  }
  return seen;
}

interface Pruning {
  app: App;
  opened: OpenBackups;
  inventory: Inventory;
  facts: RetentionFacts;
  how: 'look' | 'do';
  place: string;
}

async function pruneOne(pruning: Pruning, act: PlaceAct): Promise<PrunedPlace> {
  const { app, place, how } = pruning;
  const there = await act.list();
  const { backups, stopped } = decide(pruning, there);
  const report = { place, where: act.where, fault: null, stopped, backups };
  if (how === 'look') return report;
  await journalBackups((await app.database()).db, eventsOf(pruning, backups));
  // What is taken back first: killed in between, there is more than was wanted, never less.
  const inOrder = backups.toSorted((a, b) => Number(b.deed === 'unmark') - Number(a.deed === 'unmark'));
  const copied = new Map(there.map((one) => [one.id, one]));
  for (const one of inOrder) await doDeed(act, one, copied.get(one.id), timestamp(app.nowMs()));
  return report;
}

function decide(pruning: Pruning, there: CopiedBackup[]): { backups: PrunedCopy[]; stopped: string | null } {
  const { app, opened, facts } = pruning;
  const { service, environment } = opened.plan;
  const ours = there.filter(({ id }) => isBackupOf(id, service, environment));
  const known = ours
    .filter(({ state }) => state !== 'half')
    .map(({ id, sealed }) =>
      knownBackup(id, sealed, {
        record: facts.records.get(id),
        pin: facts.pins.get(id) ?? null,
        unreadable: sealed === null,
      }),
    );
  const policy = opened.config.backups.keep;
  const decision = decideRetention({ policy, backups: known, needs: facts.needs, nowMs: app.nowMs() });
  const verdicts = new Map(decision.verdicts.map((verdict) => [verdict.id, verdict]));
  const backups = ours.map((one) => judged(pruning, one, verdicts.get(one.id), decision.stopped));
  const stopped = decision.stopped ? `no verified backup there is younger than ${RECENT_SECONDS / 3600} hours` : null;
  return { backups, stopped: decision.heldBack > 0 ? stopped : null };
}

function judged(
  { app, inventory }: Pruning,
  { id, state, tombstone }: CopiedBackup,
  there: RetentionVerdict | undefined,
  isStopped: boolean,
): PrunedCopy {
  const here = inventory.decision.verdicts.find((verdict) => verdict.id === id);
  const prunedAt = tombstone?.prunedAt ?? null;
  const head = { id, prunedAt };
  if (state === 'half') {
    const isDead = prunedAt !== null || (here === undefined && app.nowMs() - takenAtMs(id) >= MARKED_MS);
    const rule = prunedAt === null ? 'half a copy of what is not here any more' : 'its deletion was begun';
    return isDead
      ? { ...head, keep: false, rules: [rule], deed: 'delete' }
      : { ...head, keep: true, rules: ['its copying is not finished'], deed: 'none' };
  }
  const stays = there?.keep === true ? there.rules.map(describeKeepRule) : [];
  // Nothing is taken back either while the clock or the backups cannot be trusted.
  if (isStopped) return { ...head, keep: prunedAt === null, rules: stays, deed: 'none' };
  const keptHere = here?.keep === true ? here.rules.map((rule) => `here: ${describeKeepRule(rule)}`) : [];
  const rules = [...stays, ...keptHere];
  if (rules.length > 0) return { ...head, keep: true, rules, deed: prunedAt === null ? 'none' : 'unmark' };
  const dropped = there?.keep === false ? [describeDropRule(there.rule)] : [];
  return { ...head, keep: false, rules: dropped, deed: dropOf(prunedAt, app.nowMs()) };
}

function dropOf(prunedAt: string | null, nowMs: number): CopyPruneDeed {
  if (prunedAt === null) return 'mark';
  return nowMs - Date.parse(prunedAt) >= MARKED_MS ? 'delete' : 'none';
}

function takenAtMs(id: string): number {
  return parseBackupId(id)?.takenAtMs ?? Number.POSITIVE_INFINITY;
}

function eventsOf({ app, opened, place }: Pruning, backups: PrunedCopy[]): JournalEvent[] {
  const { service, environment } = opened.plan;
  const frame = { release: null, service, environment, actor: personActor(app.person) };
  return backups.flatMap(({ id: backup, deed, rules }): JournalEvent[] => {
    const rule = rules[0] ?? '';
    switch (deed) {
      case 'mark':
        return [{ ...frame, type: 'backup.copy-pruned', data: { backup, place, rule } }];
      case 'unmark':
        return [{ ...frame, type: 'backup.copy-recovered', data: { backup, place, rule } }];
      case 'delete':
        return [{ ...frame, type: 'backup.copy-removed', data: { backup, place } }];
      case 'none':
        return [];
      default:
        return assertNever(deed);
    }
  });
}

async function doDeed(act: PlaceAct, one: PrunedCopy, copied: CopiedBackup | undefined, at: string): Promise<void> {
  switch (one.deed) {
    case 'mark':
      if (copied !== undefined && copied.sealed !== null)
        await act.mark(tombstoneOf(copied.sealed, at, one.rules[0] ?? ''));
      return;
    case 'unmark':
      return act.unmark(one.id);
    case 'delete':
      return act.remove(one.id);
    case 'none':
      return;
    default:
      return assertNever(one.deed);
  }
}

function tombstoneOf(
  { manifest, manifestSha256 }: NonNullable<CopiedBackup['sealed']>,
  prunedAt: string,
  why: string,
): Tombstone {
  const { id, service, environment, previous } = manifest;
  const createdAt = manifest.createdAt.end;
  return { format: 1, id, service, environment, createdAt, manifest: manifestSha256, previous, prunedAt, why };
}
