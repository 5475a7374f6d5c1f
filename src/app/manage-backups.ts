import { holdsSchema } from '../core/backup/holds-schema.ts';
import { orWithoutSafetyBackup, WITHOUT_SAFETY_BACKUP } from '../core/backup/no-safety-backup.ts';
import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { isProduction } from '../core/plan/is-production.ts';
import type { Plan } from '../core/plan/plan.ts';
import { changesBeyond, revisionAt } from '../core/plan/schema-history.ts';
import { problem } from '../core/release/problem.ts';
import { gatherSchema } from '../engine/gather-schema.ts';
import { gatherContext } from '../engine/steps/step-backup-context.ts';
import type { BackupRequest, BackupSummary, TakenBackup } from '../engine/steps/step-backups.ts';
import { timestamp } from '../platform/clock.ts';
import { randomId } from '../platform/ids.ts';
import { withBackupLock } from '../state/backup-record.ts';
import { lockOf } from '../state/locks.ts';
import type { App } from './app.ts';
import { describeLoss, lossOfWay, type Loss } from './describe-loss.ts';
import { ownHalfRestores, stagedToFinish } from './half-restores.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

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
  const opened = await openBackups(app, environment);
  const { backups, plan, effect } = opened;
  if (plan.stores.length === 0) throw noStores(opened.config, opened.environment);
  return backups.create(plan, await byHand(app, opened, reason), effect);
}

/** What a restore would do, found out without changing anything. */
export interface RestorePlan {
  backup: BackupSummary;
  service: string;
  environment: string;
  stores: string[];
  /** What would be thrown away. */
  loss: Loss;
  /** Whether the name of the service is asked for in any case. */
  isProduction: boolean;
  /** Stores into which this backup was half swapped when its restore was killed: it is finished, and not begun anew. */
  finishes: string[];
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
  const opened = await openBackups(app, wish.environment);
  const { backups, plan, effect, config, environment: chosen } = opened;
  const backup = await backups.find(plan, wish.reference);
  const stores = storesMeant(plan, backup, wish.stores);
  await refuseLocked(app, config.service, chosen.name);
  if (plan.stores.some(({ name, kind }) => stores.includes(name) && holdsSchema(kind)))
    await refuseNewerSchema(app, plan, backup);
  const { adapters } = await app.tools();
  const running = (await adapters.target(plan).observe(effect)).filter((instance) => instance.state !== 'exited');
  if (running.length > 0) {
    const versions = [...new Set(running.map((instance) => instance.version))].join(', ');
    throw problem(
      'refused',
      `${versions} of ${config.service} runs in ${chosen.name} on the data that would be replaced`,
      {
        next: `Go back to the older version with its data: shipway rollback --backup ${backup.id} --env ${chosen.name} --reason "..."; or stop it first.`,
      },
    );
  }
  const finishes = (await ownHalfRestores(opened, { backup, stores })).map(({ store }) => store);
  return {
    backup,
    service: config.service,
    environment: chosen.name,
    stores,
    loss:
      finishes.length > 0
        ? lossOfFinishing(backup, finishes)
        : await describeLoss(backups, plan, { ...backup, stores }, effect),
    isProduction: isProduction(config, chosen.name),
    finishes,
  };
}

/** Those of the backup that the release file still has, or the named ones of them. */
export function storesMeant(plan: Plan, backup: BackupSummary, named: readonly string[]): string[] {
  const there = plan.stores.map((store) => store.name).filter((name) => backup.stores.includes(name));
  const strange = named.find((name) => !there.includes(name));
  if (strange === undefined) return there.filter((name) => named.length === 0 || named.includes(name));
  throw problem('not-found', `the backup has no store "${strange}" that the release file knows`, {
    where: backup.id,
    next: `It holds: ${there.join(', ')}`,
  });
}

export interface Restored {
  /** The backup of what was replaced; null where none was wanted. */
  before: BackupSummary | null;
  restored: BackupSummary;
}

/**
 * Backs up what is there, restores beside it, verifies, and swaps. The replaced data is kept as a backup and aside; aside alone where it cannot
 * be read any more and no backup of it is wanted.
 */
export async function restoreBackup(
  app: App,
  wanted: RestorePlan,
  { safetyBackup = true }: { safetyBackup?: boolean } = {},
): Promise<Restored> {
  const opened = await openBackups(app, wanted.environment);
  const { backups, plan, effect } = opened;
  // Nobody prunes what is being read.
  return withBackupLock(await app.database(), plan, async () => {
    const half = await ownHalfRestores(opened, wanted);
    // What is half swapped is no state to go back to, and often no server runs that could be asked for it: the backup of before was taken then.
    const before =
      half.length > 0 ? await backupOfBefore(opened, wanted) : safetyBackup ? await backUpFirst(app, opened) : null;
    const isBegun = (name: string): boolean => half.some(({ store }) => store === name);
    const stores = plan.stores.filter(({ name }) => wanted.stores.includes(name) && !isBegun(name));
    const staged = await backups.stage(plan, { id: wanted.backup.id, stores }, effect);
    await backups.swap(plan, stagedToFinish(half, staged), effect);
    return { before, restored: wanted.backup };
  });
}

/** Nothing more is lost than whoever began it has said may be. */
function lossOfFinishing(backup: BackupSummary, stores: readonly string[]): Loss {
  const line = `a restore of this backup was killed half way; it is finished (${stores.join(', ')}), and not begun anew`;
  return { since: backup.createdAt, lines: [line], isNothing: true };
}

/** The newest that was taken before a restore, and after the backup that is put back; null where none was. */
async function backupOfBefore({ backups, plan }: OpenBackups, { backup }: RestorePlan): Promise<BackupSummary | null> {
  const later = (await backups.list(plan)).filter(
    (one) => one.reason === 'pre-restore' && Date.parse(one.createdAt) > Date.parse(backup.createdAt),
  );
  return later.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))[0] ?? null;
}

async function backUpFirst(app: App, opened: OpenBackups): Promise<BackupSummary> {
  const request = await byHand(app, opened, 'pre-restore');
  return opened.backups.create(opened.plan, request, opened.effect).catch((error: unknown) => {
    throw orWithoutSafetyBackup(error, WITHOUT_SAFETY_BACKUP);
  });
}

/** What a planned rollback would throw away, before anybody is asked. */
export async function lossOfRollBack(app: App, plan: Plan): Promise<{ loss: Loss; isProduction: boolean }> {
  const { config } = await app.releaseFile();
  const asked = isProduction(config, plan.environment);
  const { data } = plan;
  if (data === undefined || data.way !== 'restore' || data.backup === null) {
    const nothing: Loss = { since: timestamp(app.nowMs()), lines: [], isNothing: true };
    return { loss: data === undefined ? nothing : lossOfWay(data, nothing.since), isProduction: asked };
  }
  const { backups, effect, plan: head } = await openBackups(app, plan.environment);
  const loss = await describeLoss(backups, head, await backups.find(head, data.backup), effect);
  return { loss, isProduction: asked };
}

/** What the data of before a release would throw away, when the release is turned around with it. */
export async function lossOfTurnAround(
  app: App,
  release: { id: string; environment: string },
): Promise<{ loss: Loss; backup: BackupSummary; isProduction: boolean }> {
  const { backups, effect, plan, config } = await openBackups(app, release.environment);
  const taken = (await backups.list(plan)).find((one) => one.release === release.id && one.reason === 'pre-release');
  if (taken === undefined) {
    throw problem('not-found', `there is no backup of before ${release.id}`, { next: 'Go back without --data.' });
  }
  const loss = await describeLoss(backups, plan, taken, effect);
  return { loss, backup: taken, isProduction: isProduction(config, plan.environment) };
}

/** Data of a newer schema is no use to the version that is to run on it. */
async function refuseNewerSchema(app: App, plan: Plan, backup: BackupSummary): Promise<void> {
  const database = await app.existingDatabase();
  const history = await gatherSchema(database, plan, app.nowMs());
  const now = Number.POSITIVE_INFINITY;
  const newer = changesBeyond(history, now, Date.parse(backup.createdAt)).filter((one) => !one.compatible);
  const [first] = newer;
  if (first === undefined) return;
  const has = revisionAt(history, Date.parse(backup.createdAt)) ?? `of ${first.version}`;
  throw problem(
    'refused',
    `the data of the backup has the schema ${has}, and what is there now is at ${revisionAt(history, now) ?? 'an older one'}: ${plan.previous?.version ?? 'the version here'} never ran on it`,
    {
      where: backup.id,
      next: `Write it beside the live data with --into, or release ${first.version} first.`,
    },
  );
}

async function byHand(
  app: App,
  opened: OpenBackups,
  reason: 'manual' | 'daily' | 'pre-restore',
): Promise<BackupRequest> {
  const { plan, adapters, effect, fingerprint } = opened;
  const { migrate } = opened.environment;
  const begunAt = timestamp(app.nowMs());
  const context = await gatherContext({
    adapters,
    plan,
    // Without a version that runs there is none whose migration files could be asked.
    migrate: migrate === null || plan.previous === null ? null : { chosen: migrate, version: plan.previous.version },
    configuration: fingerprint,
    effect,
  });
  return { key: `hand/${randomId()}`, begunAt, reason, release: null, stores: plan.stores, context };
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
