import { resolve } from 'node:path';
import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import type { BackupSummary, TakenBackup } from '../engine/steps/step-backups.ts';
import { timestamp } from '../platform/clock.ts';
import { randomId } from '../platform/ids.ts';
import { withBackupLock } from '../state/backup-record.ts';
import { lockOf } from '../state/locks.ts';
import type { App } from './app.ts';
import { describeLoss } from './describe-loss.ts';
import { openBackups } from './open-backups.ts';

export type { BackupSummary, TakenBackup };

/** The backup meant by an id, a unique prefix of one, or `before:<release>`. */
export async function findBackup(app: App, environment: string | null, reference: string): Promise<BackupSummary> {
  const { backups, plan } = await openBackups(app, environment);
  return backups.find(plan, reference);
}

/** What a backup by hand would hold. */
export async function planBackup(app: App, environment: string | null): Promise<{ plan: Plan; stores: string[] }> {
  const { plan, config, environment: chosen } = await openBackups(app, environment);
  if (plan.stores.length === 0) throw noStores(config, chosen);
  return { plan, stores: plan.stores.map((store) => store.name) };
}

/** Takes one consistent, verified backup of the live data now; what runs goes on running. */
export async function createBackup(
  app: App,
  environment: string | null,
  reason: 'manual' | 'daily' = 'manual',
): Promise<TakenBackup> {
  const { backups, plan, effect, config, environment: chosen } = await openBackups(app, environment);
  if (plan.stores.length === 0) throw noStores(config, chosen);
  return backups.create(plan, byHand(app, plan, reason), effect);
}

/** What a restore would do, found out without changing anything. */
export interface RestorePlan {
  backup: BackupSummary;
  service: string;
  environment: string;
  stores: string[];
  /** What would be thrown away, one sentence each. */
  loss: string[];
}

export interface RestoreWish {
  environment: string | null;
  /** Id, unique beginning of one, or `before:<release>`. */
  reference: string;
  /** Names; empty: every store of the backup. */
  stores: readonly string[];
}

/**
 * Finds out what restoring would mean. Throws `refused` while a release holds the lock, or while a version runs: its open files
 * would stay on the replaced data, and what it writes would be lost without anybody noticing.
 */
export async function planRestore(app: App, wish: RestoreWish): Promise<RestorePlan> {
  const { backups, plan, effect, config, environment: chosen } = await openBackups(app, wish.environment);
  const backup = await backups.find(plan, wish.reference);
  const stores = storesMeant(plan, backup, wish.stores);
  await refuseLocked(app, config.service, chosen.name);
  const { adapters } = await app.tools();
  const running = (await adapters.target(plan).observe(effect)).filter((instance) => instance.state !== 'exited');
  if (running.length > 0) {
    const versions = [...new Set(running.map((instance) => instance.version))].join(', ');
    throw problem(
      'refused',
      `${versions} of ${config.service} runs in ${chosen.name} on the data that would be replaced`,
      {
        next: `Go back to the older version with its data: shipway rollback --full --backup ${backup.id} --env ${chosen.name} --reason "..."; or stop it first.`,
      },
    );
  }
  return {
    backup,
    service: config.service,
    environment: chosen.name,
    stores,
    loss: await describeLoss(backups, plan, { ...backup, stores }, effect),
  };
}

/** Those of the backup that the release file still has, or the named ones of them. */
function storesMeant(plan: Plan, backup: BackupSummary, named: readonly string[]): string[] {
  const there = plan.stores.map((store) => store.name).filter((name) => backup.stores.includes(name));
  const strange = named.find((name) => !there.includes(name));
  if (strange === undefined) return there.filter((name) => named.length === 0 || named.includes(name));
  throw problem('not-found', `the backup has no store "${strange}" that the release file knows`, {
    where: backup.id,
    next: `It holds: ${there.join(', ')}`,
  });
}

export interface Extracted {
  backup: BackupSummary;
  stores: string[];
  /** Absolute. */
  into: string;
}

/** Where the data of a backup would be written; touches nothing. */
export async function planExtract(app: App, wish: RestoreWish, into: string): Promise<Extracted> {
  const { backups, plan } = await openBackups(app, wish.environment);
  const backup = await backups.find(plan, wish.reference);
  return { backup, stores: storesMeant(plan, backup, wish.stores), into: resolve(into) };
}

/** Writes the data of a backup into a new or empty folder, verified there. The live data is not touched, so a version may run. */
export async function extractBackup(app: App, wish: RestoreWish, into: string): Promise<Extracted> {
  const { backups, plan, effect } = await openBackups(app, wish.environment);
  const wanted = await planExtract(app, wish, into);
  // Nobody prunes what is being read.
  return withBackupLock(await app.database(), plan, async () => {
    await backups.extract(plan, { id: wanted.backup.id, stores: wanted.stores, into: wanted.into }, effect);
    return wanted;
  });
}

export interface Restored {
  /** The backup of what was replaced. */
  before: BackupSummary;
  restored: BackupSummary;
}

/** Backs up what is there, restores beside it, verifies, and swaps. The replaced data is kept as a backup and aside. */
export async function restoreBackup(app: App, wanted: RestorePlan): Promise<Restored> {
  const { backups, plan, effect } = await openBackups(app, wanted.environment);
  // Nobody prunes what is being read.
  return withBackupLock(await app.database(), plan, async () => {
    const before = await backups.create(plan, byHand(app, plan, 'pre-restore'), effect);
    const stores = plan.stores.filter((store) => wanted.stores.includes(store.name));
    const staged = await backups.stage(plan, { id: wanted.backup.id, stores }, effect);
    await backups.swap(plan, staged, effect);
    return { before, restored: wanted.backup };
  });
}

/** What restoring the backup would throw away; for a rollback with data, before anybody is asked. */
export async function lossOfRestore(app: App, environment: string | null, reference: string): Promise<string[]> {
  const { backups, plan, effect } = await openBackups(app, environment);
  return describeLoss(backups, plan, await backups.find(plan, reference), effect);
}

function byHand(app: App, plan: Plan, reason: 'manual' | 'daily' | 'pre-restore') {
  const begunAt = timestamp(app.nowMs());
  return { key: `hand/${randomId()}`, begunAt, reason, release: null, stores: plan.stores };
}

async function refuseLocked(app: App, service: string, environment: string): Promise<void> {
  const database = await app.existingDatabase();
  const lock = database === null ? null : await lockOf(database.db, service, environment);
  if (lock === null) return;
  throw problem(
    'refused',
    `${service} ${environment} is locked by ${lock.release_id} of ${lock.person} since ${lock.since}: ${lock.why}`,
    { next: `Watch it: shipway attach ${lock.release_id}` },
  );
}

function noStores(config: ServiceConfig, environment: EnvironmentConfig): Error {
  return problem(
    'refused',
    `${config.service} declares no stores in ${environment.name}, so there is nothing to back up`,
    {
      next: 'Declare stores: in the release file.',
    },
  );
}
