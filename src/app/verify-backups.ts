import { isBackupOf } from '../core/backup/backup-id.ts';
import {
  faultOf,
  outcomeOf,
  secondsOf,
  type ProofOutcome,
  type ProofRun,
  type StoreProof,
} from '../core/backup/proof-run.ts';
import { RESTORE_LEVEL, START_LEVEL, type VerificationLevel } from '../core/backup/verification-level.ts';
import { problem } from '../core/release/problem.ts';
import { fetchedBackups } from '../state/copy-record.ts';
import type { App } from './app.ts';
import { missingBackups } from './missing-backups.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';
import { proveByStart } from './prove-by-start.ts';

export type { StoreProof };

export interface VerifyWish {
  environment: string | null;
  /** Id, unique beginning of one, or `before:<release>`; null: all of them. */
  reference: string | null;
  level: VerificationLevel;
  /** null: every store of the backup. */
  store: string | null;
}

export interface BackupVerdict {
  id: string;
  level: number;
  outcome: ProofOutcome;
  /** null when it is whole; otherwise the first thing that is wrong, or why nobody could look. */
  fault: string | null;
  seconds: number;
  stores: StoreProof[];
}

export interface VerifiedBackups {
  backups: BackupVerdict[];
  /** Ids whose manifest names a backup before it that is neither here nor pruned: it was taken away or exchanged. */
  broken: string[];
  /** Ids that were sealed here and are neither here nor pruned, by the journal; none when one backup was named. */
  missing: string[];
}

/** Which backups are meant, and looks at none. */
export async function findToVerify(app: App, wish: VerifyWish): Promise<string[]> {
  return idsOf(await openBackups(app, wish.environment), wish.reference);
}

/** Looks at the named backup, or at all of them, as thoroughly as asked; what is found is kept, also when it is bad. */
export async function verifyBackups(app: App, wish: VerifyWish): Promise<VerifiedBackups> {
  const opened = await openBackups(app, wish.environment);
  const backups: BackupVerdict[] = [];
  for (const id of await idsOf(opened, wish.reference)) backups.push(await proveOne(app, opened, id, wish));
  const broken = await brokenHere(app, opened);
  const missing = wish.reference === null ? await missingBackups(app, opened) : [];
  return {
    backups,
    broken: broken.filter((id) => wish.reference === null || backups.some((one) => one.id === id)),
    missing,
  };
}

/** One that was fetched alone has its predecessors elsewhere: nobody took them away from here. */
async function brokenHere(app: App, opened: OpenBackups): Promise<string[]> {
  const broken = await opened.vault(opened.plan).brokenLinks(opened.plan);
  const database = broken.length === 0 ? null : await app.existingDatabase();
  const fetched = database === null ? new Set<string>() : await fetchedBackups(database.db, opened.plan);
  return broken.filter((id) => !fetched.has(id));
}

/** Looks at one backup in the name of the person who acts. A version is started only on what a restore has proven. */
export async function proveOne(
  app: App,
  opened: OpenBackups,
  id: string,
  { level, store }: Pick<VerifyWish, 'level' | 'store'>,
): Promise<BackupVerdict> {
  const { backups, plan, effect, config } = opened;
  const isStart = level === START_LEVEL;
  if (isStart && store !== null) throw oneStore();
  const stores = store === null ? null : [store];
  const request = {
    id,
    level: isStart ? RESTORE_LEVEL : level,
    stores,
    scratch: config.backups.scratch,
    by: app.person,
  };
  const restored = await backups.prove(plan, request, effect);
  if (!isStart || outcomeOf(restored) !== 'pass') return verdictOf(restored);
  const started = verdictOf(await proveByStart(app, opened, id));
  return { ...started, seconds: started.seconds + secondsOf(restored) };
}

function oneStore(): Error {
  return problem('usage', 'a version runs on all stores of a backup, so that level 4 cannot look at one alone', {
    where: '--store',
    next: 'Leave out --store, or look at --level 3.',
  });
}

function verdictOf(run: ProofRun): BackupVerdict {
  const { backup, level, stores } = run;
  return { id: backup, level, outcome: outcomeOf(run), fault: faultOf(run), seconds: secondsOf(run), stores };
}

/** A backup whose manifest is damaged is meant by its whole id alone, and is looked at like any other. */
async function idsOf(opened: OpenBackups, reference: string | null): Promise<string[]> {
  const { backups, plan } = opened;
  const listed = (await opened.vault(plan).list()).map(({ id }) => id);
  const own = listed.filter((id) => isBackupOf(id, plan.service, plan.environment));
  if (reference === null) return own;
  return [own.includes(reference) ? reference : (await backups.find(plan, reference)).id];
}
