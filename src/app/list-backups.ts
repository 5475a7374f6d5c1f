import { lastRestoreProof, secondsOf, type ProofRun } from '../core/backup/proof-run.ts';
import { isBackupOf } from '../core/backup/backup-id.ts';
import { copyStandings, type CopyRecords, type CopyStanding } from '../core/backup/copy-standing.ts';
import type { Proof } from '../core/backup/retention.ts';
import { describeDropRule, describeKeepRule } from '../core/backup/retention-rule.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import { proofRuns } from '../state/backup-proofs.ts';
import { copyHistory } from '../state/copy-record.ts';
import type { App } from './app.ts';
import { takeInventory } from './backup-inventory.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

export interface ListedBackup extends BackupSummary {
  /** What the newest look at it found, and when; null: nobody could tell. */
  proof: Proof | null;
  /** The newest restore of all of it to a scratch place that showed what was captured; null: never. */
  restored: { level: number; at: string; seconds: number } | null;
  pin: { reason: string; by: string; at: string } | null;
  /** Much smaller than the one before it. */
  suspicious: boolean;
  /** By the record, for each second place of the release file. */
  copies: CopyStanding[];
  /** Every rule that keeps it, or the one that lets it go at the next prune. */
  rules: string[];
}

/** A backup whose manifest or signature cannot be trusted, with the reason. */
export interface Untrusted {
  id: string;
  reason: string;
}

/** Those of one environment that are there and cannot be trusted: a list without them would hide what a person has to look at. */
export async function listUntrusted(app: App, environment: string | null): Promise<Untrusted[]> {
  const opened = await openBackups(app, environment);
  const { plan } = opened;
  const all = await opened.vault(plan).list();
  return all.flatMap(({ id, sealed, reason }) =>
    sealed === null && isBackupOf(id, plan.service, plan.environment)
      ? [{ id, reason: reason ?? 'it cannot be read' }]
      : [],
  );
}

/** All backups of one environment, newest first, each with its proof, its pin and the rules that keep it. */
export async function listBackups(app: App, environment: string | null): Promise<ListedBackup[]> {
  const opened = await openBackups(app, environment);
  const { entries, decision } = await takeInventory(app, opened);
  const runs = await runsByBackup(app, opened);
  const copied = await copiesOf(app, opened);
  const places = (opened.plan.backupCopies ?? []).map(({ name }) => name);
  const known = new Map(entries.map((entry) => [entry.known.id, entry]));
  const verdicts = new Map(decision.verdicts.map((verdict) => [verdict.id, verdict]));
  const listed = (await opened.backups.list(opened.plan)).map((backup): ListedBackup => {
    const entry = known.get(backup.id);
    const verdict = verdicts.get(backup.id);
    const pin = entry?.pin ?? null;
    return {
      ...backup,
      proof: entry?.known.proof ?? null,
      restored: restoredOf(runs.get(backup.id) ?? []),
      pin: pin === null ? null : { reason: pin.reason, by: pin.by, at: pin.at },
      suspicious: entry?.known.suspicious ?? false,
      copies: copyStandings(backup.id, places, copied),
      rules:
        verdict === undefined
          ? []
          : verdict.keep
            ? verdict.rules.map(describeKeepRule)
            : [describeDropRule(verdict.rule)],
    };
  });
  return listed.toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

/** One backup with every look at it, oldest first. */
export interface ShownBackup extends ListedBackup {
  looks: ProofRun[];
}

/** The backup meant by an id, a unique prefix of one, or `before:<release>`, with all that is known of it. */
export async function showBackup(app: App, environment: string | null, reference: string): Promise<ShownBackup> {
  const opened = await openBackups(app, environment);
  const { id } = await opened.backups.find(opened.plan, reference);
  const shown = (await listBackups(app, environment)).find((backup) => backup.id === id);
  if (shown === undefined) throw new Error(`${id} was found and is not listed`);
  return { ...shown, looks: (await runsByBackup(app, opened)).get(id) ?? [] };
}

async function copiesOf(app: App, { plan }: OpenBackups): Promise<CopyRecords> {
  const database = await app.existingDatabase();
  return database === null ? new Map() : (await copyHistory(database.db, plan)).records;
}

async function runsByBackup(app: App, { plan }: OpenBackups): Promise<Map<string, ProofRun[]>> {
  const database = await app.existingDatabase();
  const runs = database === null ? [] : await proofRuns(database.db, plan);
  const byBackup = new Map<string, ProofRun[]>();
  for (const run of runs) byBackup.set(run.backup, [...(byBackup.get(run.backup) ?? []), run]);
  return byBackup;
}

function restoredOf(runs: readonly ProofRun[]): ListedBackup['restored'] {
  const run = lastRestoreProof(runs);
  return run === null ? null : { level: run.level, at: run.at, seconds: secondsOf(run) };
}
