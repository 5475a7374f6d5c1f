import type { Pin, Sealed, Vault } from '../adapters/vaults/vault.ts';
import { isBackupOf, parseBackupId } from '../core/backup/backup-id.ts';
import {
  decideRetention,
  VERIFIED_LEVEL_MIN,
  type KnownBackup,
  type Proof,
  type RetentionDecision,
  type RetentionNeeds,
} from '../core/backup/retention.ts';
import { backupNeeds } from '../state/backup-needs.ts';
import { backupRecords, type BackupRecord } from '../state/backup-record.ts';
import type { App } from './app.ts';
import type { OpenBackups } from './open-backups.ts';

/** One backup that has data left, listed or in the trash, with all that is known of it. */
export interface InventoryEntry {
  known: KnownBackup;
  /** As the stores wrote it. */
  bytes: number;
  /** What it holds; null when that is not known. */
  sealed: Sealed | null;
  manifest: string | null;
  pin: Pin | null;
  /** In the trash since then, or null. */
  prunedAt: string | null;
  /** Its deletion was begun. */
  isGoing: boolean;
}

export interface Inventory {
  entries: InventoryEntry[];
  decision: RetentionDecision;
}

interface Found {
  id: string;
  sealed: Sealed | null;
  prunedAt: string | null;
  isGoing: boolean;
}

/** What decides about backups besides the backups themselves. */
export interface RetentionFacts {
  records: Map<string, BackupRecord>;
  needs: RetentionNeeds;
  pins: Map<string, Pin>;
}

/** Without a record nothing counts as verified. */
export async function retentionFacts(app: App, opened: OpenBackups): Promise<RetentionFacts> {
  const { plan } = opened;
  const place = { service: plan.service, environment: plan.environment };
  const database = await app.existingDatabase();
  const pins = new Map((await opened.vault(plan).pins()).map((pin) => [pin.id, pin]));
  if (database === null) {
    return { records: new Map(), needs: { live: null, targets: [], open: [], held: null }, pins };
  }
  return { records: await backupRecords(database.db, place), needs: await backupNeeds(database.db, place), pins };
}

/**
 * Looks at vault and record, and decides what stays. Changes nothing. Without a record nothing counts as verified, and so nothing goes; with a
 * new one, nothing of what was there before it.
 */
export async function takeInventory(app: App, opened: OpenBackups): Promise<Inventory> {
  const { plan, config } = opened;
  const vault = opened.vault(plan);
  const place = { service: plan.service, environment: plan.environment };
  const { records, needs, pins } = await retentionFacts(app, opened);
  const found = (await findAll(vault)).filter(({ id }) => isBackupOf(id, place.service, place.environment));
  const entries = found.map((one) => entryOf(one, records.get(one.id), pins.get(one.id) ?? null));
  const backups = entries.filter((entry) => !entry.isGoing).map((entry) => entry.known);
  const decision = decideRetention({ policy: config.backups.keep, backups, needs, nowMs: app.nowMs() });
  return { entries, decision };
}

async function findAll(vault: Vault): Promise<Found[]> {
  const listed = (await vault.list()).map(({ id, sealed }) => ({ id, sealed, prunedAt: null, isGoing: false }));
  const pruned = (await vault.pruned()).filter(({ data }) => data !== 'gone');
  const trashed = pruned.map(({ tombstone, data, sealed }) => ({
    id: tombstone.id,
    sealed,
    prunedAt: tombstone.prunedAt,
    isGoing: data === 'going',
  }));
  return [...listed, ...trashed].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function entryOf(found: Found, record: BackupRecord | undefined, pin: Pin | null): InventoryEntry {
  const { id, sealed, prunedAt, isGoing } = found;
  const known = knownBackup(id, sealed, { record, pin, unreadable: sealed === null && !isGoing });
  const bytes = sealed?.manifest.totals.bytes ?? 0;
  return { known, bytes, sealed, manifest: sealed?.manifestSha256 ?? null, pin, prunedAt, isGoing };
}

/** A backup as the rules of retention see it, wherever it lies. */
export function knownBackup(
  id: string,
  sealed: Sealed | null,
  { record, pin, unreadable }: { record: BackupRecord | undefined; pin: Pin | null; unreadable: boolean },
): KnownBackup {
  const parts = parseBackupId(id);
  return {
    id,
    createdAt: sealed?.manifest.createdAt.end ?? new Date(parts?.takenAtMs ?? 0).toISOString(),
    reason: sealed?.manifest.reason ?? parts?.reason ?? 'manual',
    release: sealed?.manifest.release ?? null,
    proof: proofOf(sealed, record),
    suspicious: record?.suspicious ?? false,
    pin: pin?.reason ?? null,
    unreadable,
    isKnown: record !== undefined && isKnown(record),
  };
}

/** A look that could see nothing, or read too little to count, does not make it known: whoever looked would have it pruned by that. */
function isKnown({ isSealedHere, proof }: BackupRecord): boolean {
  return isSealedHere || (proof !== null && (proof.outcome === 'fail' || proof.level >= VERIFIED_LEVEL_MIN));
}

/** A proof of the manifest that was sealed says nothing about another one in its place. */
function proofOf(sealed: Sealed | null, record: BackupRecord | undefined): Proof | null {
  if (record === undefined || sealed === null) return null;
  return record.manifest === null || record.manifest === sealed.manifestSha256 ? record.proof : null;
}
