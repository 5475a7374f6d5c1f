import type { Proof } from '../core/backup/retention.ts';
import { describeDropRule, describeKeepRule } from '../core/backup/retention-rule.ts';
import type { BackupSummary } from '../engine/steps/step-backups.ts';
import type { App } from './app.ts';
import { takeInventory } from './backup-inventory.ts';
import { openBackups } from './open-backups.ts';

export interface ListedBackup extends BackupSummary {
  /** What the newest look at it found, and when; null: nobody could tell. */
  proof: Proof | null;
  pin: { reason: string; by: string; at: string } | null;
  /** Much smaller than the one before it. */
  suspicious: boolean;
  /** Every rule that keeps it, or the one that lets it go at the next prune. */
  rules: string[];
}

/** All backups of one environment, newest first, each with its proof, its pin and the rules that keep it. */
export async function listBackups(app: App, environment: string | null): Promise<ListedBackup[]> {
  const opened = await openBackups(app, environment);
  const { entries, decision } = await takeInventory(app, opened);
  const known = new Map(entries.map((entry) => [entry.known.id, entry]));
  const verdicts = new Map(decision.verdicts.map((verdict) => [verdict.id, verdict]));
  const listed = (await opened.backups.list(opened.plan)).map((backup): ListedBackup => {
    const entry = known.get(backup.id);
    const verdict = verdicts.get(backup.id);
    const pin = entry?.pin ?? null;
    return {
      ...backup,
      proof: entry?.known.proof ?? null,
      pin: pin === null ? null : { reason: pin.reason, by: pin.by, at: pin.at },
      suspicious: entry?.known.suspicious ?? false,
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
