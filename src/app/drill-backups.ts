import { chooseDrill, type DrillChoice } from '../core/backup/drill.ts';
import { isRestoreTry, type ProofRun } from '../core/backup/proof-run.ts';
import { RESTORE_LEVEL, type VerificationLevel } from '../core/backup/verification-level.ts';
import { problem } from '../core/release/problem.ts';
import { proofRuns } from '../state/backup-proofs.ts';
import type { App } from './app.ts';
import { takeInventory } from './backup-inventory.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';
import { proveOne, type BackupVerdict } from './verify-backups.ts';

export interface DrillWish {
  environment: string | null;
  /** null: as the release file says (backups.drill), else restored and compared. */
  level: VerificationLevel | null;
}

export interface DrillPlan {
  service: string;
  environment: string;
  level: VerificationLevel;
  backups: DrillChoice[];
}

export interface DrilledBackup extends BackupVerdict {
  why: DrillChoice['why'];
}

export interface DrillReport {
  service: string;
  environment: string;
  level: VerificationLevel;
  backups: DrilledBackup[];
}

/** Which backups a drill would restore now. */
export async function planDrill(app: App, { environment, level }: DrillWish): Promise<DrillPlan> {
  return choose(app, await openBackups(app, environment), level);
}

/** Restores the newest backup, and the one untried for the longest time, to scratch places, and keeps what came of it. */
export async function drillBackups(app: App, { environment, level: wanted }: DrillWish): Promise<DrillReport> {
  const opened = await openBackups(app, environment);
  const { level, service, environment: name, backups: chosen } = await choose(app, opened, wanted);
  const backups: DrilledBackup[] = [];
  for (const { id, why } of chosen) {
    backups.push({ ...(await proveOne(app, opened, id, { level, store: null })), why });
  }
  return { service, environment: name, level, backups };
}

/** One whose manifest is damaged is a candidate too: it would be needed like any other. */
async function choose(app: App, opened: OpenBackups, wanted: VerificationLevel | null): Promise<DrillPlan> {
  const { service, environment } = opened.plan;
  const level = wanted ?? opened.config.backups.drillLevel ?? RESTORE_LEVEL;
  const database = await app.existingDatabase();
  const runs = database === null ? [] : await proofRuns(database.db, { service, environment });
  const { entries } = await takeInventory(app, opened);
  const listed = entries.filter((entry) => entry.prunedAt === null && !entry.isGoing);
  const candidates = listed.map(({ known: { id, createdAt } }) => ({ id, createdAt, lastTriedAt: lastTry(runs, id) }));
  const backups = chooseDrill(candidates);
  if (backups.length > 0) return { service, environment, level, backups };
  throw problem('not-found', `there is no backup of ${service} in ${environment} to restore`, {
    next: `Take one: shipway backup create --env ${environment}`,
  });
}

function lastTry(runs: readonly ProofRun[], id: string): string | null {
  return runs.findLast((run) => run.backup === id && isRestoreTry(run))?.at ?? null;
}
