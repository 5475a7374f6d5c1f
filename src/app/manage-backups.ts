import { holdsSchema } from '../core/backup/holds-schema.ts';
import { orWithoutSafetyBackup, WITHOUT_SAFETY_BACKUP } from '../core/backup/no-safety-backup.ts';
import type { EnvironmentConfig, ServiceConfig } from '../core/config/service-config.ts';
import { isProduction } from '../core/plan/is-production.ts';
import { lockedBy } from '../core/plan/may-proceed.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import { changesBeyond, momentOf, revisionAt } from '../core/plan/schema-history.ts';
import type { JsonObject } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import { gatherSchema } from '../engine/gather-schema.ts';
import { gatherContext } from '../engine/steps/step-backup-context.ts';
import type { BackupRequest, BackupSummary, TakenBackup } from '../engine/steps/step-backups.ts';
import { timestamp } from '../platform/clock.ts';
import { effectUntil } from '../platform/effect.ts';
import { randomId } from '../platform/ids.ts';
import { withBackupLock } from '../state/backup-record.ts';
import { holderOf, withServiceLock } from '../state/service-lock.ts';
import { stepRuns } from '../state/step-runs.ts';
import type { App } from './app.ts';
import { describeLoss, downLossLines, lossOfWay, type Loss } from './describe-loss.ts';
import { ownHalfRestores, stagedToFinish, type HalfRestore } from './half-restores.ts';
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
  await refuseLocked(app, plan);
  await refuseUnfit(app, opened, { backup, stores });
  const finishes = await halfOfAll(opened, backup, stores);
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

/** All of the backup, or the named ones. Throws `refused` where the release file has not all any more, and nobody named those that it has. */
export function storesMeant(plan: Plan, backup: BackupSummary, named: readonly string[]): string[] {
  const there = plan.stores.map((store) => store.name).filter((name) => backup.stores.includes(name));
  const strange = named.find((name) => !there.includes(name));
  if (strange !== undefined) {
    throw problem('not-found', `the backup has no store "${strange}" that the release file knows`, {
      where: backup.id,
      next: `It holds: ${there.join(', ')}`,
    });
  }
  if (named.length > 0) return there.filter((name) => named.includes(name));
  const missing = backup.stores.filter((name) => !there.includes(name));
  if (missing.length === 0) return there;
  const others = there.map((name) => `--store ${name}`).join(' ');
  throw problem('refused', `the release file has no store ${missing.join(', ')} any more, which the backup holds`, {
    where: backup.id,
    next:
      others === ''
        ? 'Give them their names of then in the release file.'
        : `Restore the others alone: ${others}. Or give what is missing its name of then in the release file.`,
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
  const { plan } = opened;
  const database = await app.database();
  const by = { person: app.person, why: `restore of ${wanted.backup.id}` };
  // Whoever was asked may have thought about it for an hour: from here on no release begins, and what it was refused for is looked at again.
  return withServiceLock(database, plan, by, (lost) =>
    // Nobody prunes what is being read.
    withBackupLock(database, plan, async (alsoLost) => {
      const effect = effectUntil(opened.effect, AbortSignal.any([lost, alsoLost]));
      const within = { ...opened, effect };
      await refuseUnfit(app, within, wanted);
      const half = await requireSameHalf(within, wanted);
      if (half.length > 0) {
        // What is half swapped is no state to go back to, and often no server runs that could be asked for it.
        await within.backups.swap(plan, stagedToFinish(half, wanted.backup.id), effect);
        return { before: null, restored: wanted.backup };
      }
      const before = safetyBackup ? await backUpFirst(app, within) : null;
      await stageAndSwap(within, wanted);
      return { before, restored: wanted.backup };
    }),
  );
}

async function stageAndSwap(opened: OpenBackups, wanted: RestorePlan): Promise<void> {
  const { backups, plan, effect } = opened;
  const stores = plan.stores.filter(({ name }) => wanted.stores.includes(name));
  const staged = await backups.stage(plan, { id: wanted.backup.id, stores }, effect);
  try {
    // The copies may have taken an hour, and no lock keeps anybody from starting a version without us.
    await refuseRunning(opened, wanted.backup);
  } catch (error) {
    // Without the lock they may be another restore's by now.
    if (!effect.signal.aborted) await backups.unstage(plan, staged, effect);
    throw error;
  }
  await backups.swap(plan, staged, effect);
}

/**
 * The stores into which this backup was half swapped: all that are wanted, or none. Throws `refused` for some of them: finishing takes no
 * backup and counts no loss, and the others need both.
 */
async function halfOfAll(opened: OpenBackups, backup: BackupSummary, stores: readonly string[]): Promise<string[]> {
  const half = storesOf(await ownHalfRestores(opened, { backup, stores }));
  if (half.length === 0 || half.length === stores.length) return half;
  const named = half.map((name) => `--store ${name}`).join(' ');
  throw problem(
    'refused',
    `a restore of ${half.join(', ')} from this backup is half done, and not of all that is wanted now`,
    {
      where: backup.id,
      next: `Finish it first: shipway backup restore ${backup.id} ${named} --env ${opened.environment.name}. Then this command again.`,
    },
  );
}

/** A store that was restored twice from one backup may have two. */
function storesOf(half: readonly HalfRestore[]): string[] {
  return [...new Set(half.map(({ store }) => store))];
}

/** What the person was told is what is done. */
async function requireSameHalf(opened: OpenBackups, wanted: RestorePlan): Promise<HalfRestore[]> {
  const half = await ownHalfRestores(opened, wanted);
  if (storesOf(half).join() === wanted.finishes.join()) return half;
  throw problem('refused', 'what an earlier restore has left changed while you were asked', {
    where: wanted.backup.id,
    next: 'Look again: shipway status, then this command once more.',
  });
}

/** What was in use between then and now goes, too, but it is kept aside. */
function lossOfFinishing(backup: BackupSummary, stores: readonly string[]): Loss {
  const line = `a restore of this backup was killed half way; it is finished (${stores.join(', ')}), and not begun anew`;
  return { since: backup.consistentAt, lines: [line], isNothing: false };
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
    if (data === undefined) return { loss: nothing, isProduction: asked };
    return { loss: lossOfWay(data, nothing.since, await countedDown(app, plan)), isProduction: asked };
  }
  const { backups, effect, plan: head } = await openBackups(app, plan.environment);
  const loss = await describeLoss(backups, head, await backups.find(head, data.backup), effect);
  return { loss, isProduction: asked };
}

async function countedDown(app: App, plan: Plan): Promise<string[]> {
  const down = stepsOf(plan).find(({ step }) => step.kind === 'migrate-down')?.step;
  return down === undefined ? [] : downLossLines(app, plan, down.input['added']);
}

/** What the way back out of a release that is not over would throw away by its way down; none where its plan has no such. */
export async function lossOfWayBack(app: App, release: { id: string }, back: Plan | null): Promise<string[]> {
  const down = back === null ? undefined : stepsOf(back).find(({ step }) => step.kind === 'migrate-down')?.step;
  const undoes = down?.input['undoes'];
  if (back === null || typeof undoes !== 'string') return [];
  const { db } = await app.database();
  const run = (await stepRuns(db, release.id)).find((one) => one.step_id === undoes);
  // It failed or was cut short, so that the newer version has written nothing on its schema.
  if (run?.state !== 'finished' || run.result === null) return [];
  const { added } = JSON.parse(run.result) as JsonObject;
  return downLossLines(app, back, added);
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

/** What stands against it: data of a newer schema, or a version that runs. */
async function refuseUnfit(
  app: App,
  opened: OpenBackups,
  { backup, stores }: Pick<RestorePlan, 'backup' | 'stores'>,
): Promise<void> {
  const { plan } = opened;
  if (plan.stores.some(({ name, kind }) => stores.includes(name) && holdsSchema(kind)))
    await refuseNewerSchema(app, plan, backup);
  await refuseRunning(opened, backup);
}

async function refuseRunning({ adapters, plan, effect }: OpenBackups, backup: BackupSummary): Promise<void> {
  const running = (await adapters.target(plan).observe(effect)).filter((instance) => instance.state !== 'exited');
  if (running.length === 0) return;
  const versions = [...new Set(running.map((instance) => instance.version))].join(', ');
  throw problem(
    'refused',
    `${versions} of ${plan.service} runs in ${plan.environment} on the data that would be replaced`,
    {
      next: `Go back to the older version with its data: shipway rollback --backup ${backup.id} --env ${plan.environment} --reason "..."; or stop it first.`,
    },
  );
}

/** Data of a newer schema is no use to the version that is to run on it. */
async function refuseNewerSchema(app: App, plan: Plan, backup: BackupSummary): Promise<void> {
  const database = await app.existingDatabase();
  const history = await gatherSchema(database, plan, app.nowMs());
  const now = { atMs: Number.POSITIVE_INFINITY, revision: null };
  const { consistentAt, context } = backup;
  const then = momentOf({ consistentAt, revision: context?.migration?.revision });
  const newer = changesBeyond(history, now, then).filter((one) => !one.compatible);
  const [first] = newer;
  if (first === undefined) return;
  const has = revisionAt(history, then) ?? `of ${first.version}`;
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

async function refuseLocked(app: App, plan: Plan): Promise<void> {
  const database = await app.existingDatabase();
  const holder = database === null ? null : await holderOf(database.db, plan);
  if (holder !== null) throw lockedBy(plan, holder);
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
