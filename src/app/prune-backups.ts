import type { Vault } from '../adapters/vaults/vault.ts';
import { freedBytes } from '../core/backup/freed-bytes.ts';
import { isTakenBack } from '../core/backup/retention.ts';
import { describeDropRule, describeKeepRule, RECENT_SECONDS } from '../core/backup/retention-rule.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { problem } from '../core/release/problem.ts';
import { effectUntil } from '../platform/effect.ts';
import { timestamp } from '../platform/clock.ts';
import { journalBackups, withBackupLock } from '../state/backup-record.ts';
import { personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { takeInventory, type Inventory, type InventoryEntry } from './backup-inventory.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';
import { pruneCopies, type PrunedPlace } from './prune-copies.ts';

/** A day: long enough to notice, and for whoever reads a backup to end. */
const TRASH_MS = 24 * 3_600_000;

/** What happens to one backup: nothing, into the trash, out of it again, or deleted for good. */
export type PruneDeed = 'none' | 'trash' | 'recover' | 'delete';

export interface PrunedBackup {
  id: string;
  createdAt: string;
  /** As the stores wrote it. */
  bytes: number;
  /** What its leaving makes room for; 0 for one that stays. Objects that others hold are on the disk once. */
  freedBytes: number;
  keep: boolean;
  /** Every rule that keeps it, or the one that lets it go. */
  rules: string[];
  /** In the trash since then, or null. */
  prunedAt: string | null;
  deed: PruneDeed;
}

export interface PruneReport {
  service: string;
  environment: string;
  /** Why nothing may be pruned now, or null. */
  stopped: string | null;
  /** How many would go otherwise. */
  heldBack: number;
  /** Oldest first. */
  backups: PrunedBackup[];
  /** Unfinished backups of dead runs that were deleted. */
  swept: string[];
  /** The second places. */
  places: PrunedPlace[];
}

/** What pruning would do now. Changes nothing. */
export async function planPrune(app: App, environment: string | null): Promise<PruneReport> {
  const opened = await openBackups(app, environment);
  const inventory = await takeInventory(app, opened);
  const places = await pruneCopies(app, opened, inventory, 'look');
  return { ...reportOf(app, opened, inventory), places };
}

/**
 * Puts what no rule keeps into the trash, takes back out of it what a rule keeps now, and deletes what was in it for a day. Each deed is
 * journalled before it is done; killed in between, the next run finishes.
 */
export async function pruneBackups(app: App, environment: string | null): Promise<PruneReport> {
  const opened = await openBackups(app, environment);
  const database = await app.database();
  return withBackupLock(database, opened.plan, async (lost) => {
    const inventory = await takeInventory(app, opened);
    const report = reportOf(app, opened, inventory);
    await journalBackups(database.db, eventsOf(app, report, inventory));
    const vault = opened.vault(opened.plan);
    // What comes back first: killed in between, there is more than was wanted, never less.
    const inOrder = report.backups.toSorted((a, b) => Number(b.deed === 'recover') - Number(a.deed === 'recover'));
    for (const backup of inOrder) {
      lost.throwIfAborted();
      await doDeed(vault, backup, timestamp(app.nowMs()));
    }
    const swept = await vault.removeDead(effectUntil(opened.effect, lost));
    return { ...report, swept, places: await pruneCopies(app, opened, inventory, 'do') };
  });
}

/** The refusal for whoever waits for room: something would go, and may not. */
export function stoppedProblem(report: PruneReport): Error | null {
  if (report.stopped === null || report.heldBack === 0) return null;
  return problem('refused', `nothing was pruned, although ${report.heldBack} could go: ${report.stopped}`, {
    next: `Take one that is good, and prune again: shipway backup create --env ${report.environment}`,
  });
}

/** The first place that could not be looked at, for the exit code; null when there is none. */
export function placeProblem(report: PruneReport): Error | null {
  const failed = report.places.find(({ fault }) => fault !== null);
  if (failed === undefined || failed.fault === null) return null;
  const { kind, message, where, next } = failed.fault;
  return problem(kind, `${failed.place} was not pruned: ${message}`, { next, ...(where === null ? {} : { where }) });
}

function reportOf(app: App, { plan }: OpenBackups, inventory: Inventory): PruneReport {
  const { entries, decision } = inventory;
  const verdicts = new Map(decision.verdicts.map((verdict) => [verdict.id, verdict]));
  const backups = entries.map((entry): PrunedBackup => {
    const verdict = verdicts.get(entry.known.id);
    const keep = verdict?.keep ?? false;
    const { id, createdAt } = entry.known;
    const { bytes, prunedAt } = entry;
    const deed = deedOf(entry, keep, { stopped: decision.stopped, nowMs: app.nowMs() });
    // What stays in the trash although a rule keeps it is not one that stays.
    const stays = keep && (prunedAt === null || deed === 'recover' || decision.stopped);
    return { id, createdAt, bytes, freedBytes: 0, keep: stays, rules: rulesOf(verdict), prunedAt, deed };
  });
  const freed = freedBytes(
    entries.map(({ known: { id }, sealed }, index) => {
      const one = backups[index];
      const leaves = one !== undefined && isLeaving(one);
      return { id, manifest: sealed?.manifest ?? null, leaves };
    }),
  );
  for (const backup of backups) backup.freedBytes = freed.get(backup.id) ?? 0;
  const { service, environment } = plan;
  const stopped = decision.stopped ? `no verified backup is younger than ${RECENT_SECONDS / 3600} hours` : null;
  return { service, environment, stopped, heldBack: decision.heldBack, backups, swept: [], places: [] };
}

/** What waits in the trash holds its objects until it is deleted, and is not counted again. */
function isLeaving({ deed, prunedAt }: PrunedBackup): boolean {
  return deed === 'trash' || deed === 'delete' || (deed === 'none' && prunedAt !== null);
}

function rulesOf(verdict: Inventory['decision']['verdicts'][number] | undefined): string[] {
  if (verdict === undefined) return ['its deletion was begun'];
  return verdict.keep ? verdict.rules.map(describeKeepRule) : [describeDropRule(verdict.rule)];
}

/** What happens to a backup that a rule keeps, or none does. */
export function deedOf(
  entry: InventoryEntry,
  keep: boolean,
  { stopped, nowMs }: { stopped: boolean; nowMs: number },
): PruneDeed {
  if (entry.isGoing) return 'delete';
  // Nothing leaves the trash either way while the clock or the backups cannot be trusted.
  if (stopped && entry.prunedAt !== null) return 'none';
  if (entry.prunedAt === null) return keep ? 'none' : 'trash';
  if (keep) return isTakenBack(entry.known) ? 'recover' : 'none';
  return nowMs - Date.parse(entry.prunedAt) >= TRASH_MS ? 'delete' : 'none';
}

function eventsOf(app: App, report: PruneReport, { entries }: Inventory): JournalEvent[] {
  const { service, environment } = report;
  const frame = { release: null, service, environment, actor: personActor(app.person) };
  const manifests = new Map(entries.map((entry) => [entry.known.id, entry.manifest]));
  return report.backups.flatMap(({ id, deed, rules }): JournalEvent[] => {
    const rule = rules[0] ?? '';
    switch (deed) {
      case 'trash':
        return [{ ...frame, type: 'backup.pruned', data: { backup: id, manifest: manifests.get(id) ?? null, rule } }];
      case 'recover':
        return [{ ...frame, type: 'backup.recovered', data: { backup: id, rule } }];
      case 'delete':
        return [{ ...frame, type: 'backup.removed', data: { backup: id } }];
      case 'none':
        return [];
    }
  });
}

async function doDeed(vault: Vault, backup: PrunedBackup, at: string): Promise<void> {
  switch (backup.deed) {
    case 'trash':
      return vault.trash(backup.id, { at, why: backup.rules[0] ?? '' });
    case 'recover':
      return vault.recover(backup.id);
    case 'delete':
      return vault.empty(backup.id);
    case 'none':
      return;
  }
}
