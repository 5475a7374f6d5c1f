import type { BackupFact, Facts, RollbackRequest } from './facts.ts';
import {
  changesBeyond,
  momentOf,
  revisionAt,
  type SchemaChange,
  type SchemaDistance,
  type SchemaHistory,
} from './schema-history.ts';

/** The version that is gone back to, as the record of the schema sees it. */
interface Target {
  history: SchemaHistory;
  /** When it ran well last. */
  moment: number;
}

/**
 * The backup that a rollback restores: the one that a person named, or data that the older version can read and that loses least: from before
 * the first change that is not compatible with it. Where that one is gone or damaged, the newest that fits.
 */
export function backupMeant(
  request: RollbackRequest,
  facts: Facts,
  { distance, ...target }: Target & { distance: SchemaDistance },
): { reference: string; backup: BackupFact | null } {
  if (request.backup !== null) return { reference: request.backup, backup: backupNamed(request.backup, facts) };
  const first = distance.changes.find((one) => !one.compatible) ?? distance.changes[0];
  const reference = `before:${first?.release ?? facts.running?.release ?? ''}`;
  const named = backupNamed(reference, facts);
  const isUsable = named !== null && named.failed !== true && tooNewIn(named, target).length === 0;
  if (first === undefined || isUsable) return { reference, backup: named };
  // Where somebody else moved the schema, the record does not tell what is in a backup.
  const other = distance.standing === 'other' ? undefined : newestFirst(facts).find((one) => fits(one, target));
  return other === undefined ? { reference, backup: named } : { reference: other.id, backup: other };
}

/** What a backup holds that the version never ran on and that is not compatible with it. */
export function tooNewIn(backup: BackupFact, { history, moment }: Target): SchemaChange[] {
  return changesBeyond(history, seenAt(moment), momentOf(backup)).filter((one) => !one.compatible);
}

/** Nothing speaks against it, and its schema is neither too new for the version nor older than the one it ran on. */
function fits(backup: BackupFact, target: Target): boolean {
  if (backup.failed === true || backup.suspicious === true || tooNewIn(backup, target).length > 0) return false;
  const { history, moment } = target;
  const recorded = revisionAt(history, momentOf(backup));
  const found = backup.revision ?? null;
  if (recorded !== null && found !== null && recorded !== found) return false;
  return changesBeyond(history, momentOf(backup), seenAt(moment)).length === 0;
}

function seenAt(atMs: number): { atMs: number; revision: null } {
  return { atMs, revision: null };
}

function newestFirst({ backups }: Facts): BackupFact[] {
  return backups.toSorted((a, b) => Date.parse(b.consistentAt) - Date.parse(a.consistentAt));
}

function backupNamed(reference: string, facts: Facts): BackupFact | null {
  if (reference.startsWith('before:')) {
    const release = reference.slice('before:'.length);
    const taken = newestFirst(facts).filter((one) => one.release === release && one.reason === 'pre-release');
    return taken.find((one) => one.failed !== true) ?? taken[0] ?? null;
  }
  const found = facts.backups.filter((one) => one.id.startsWith(reference));
  return found.find((one) => one.id === reference) ?? (found.length === 1 ? (found[0] ?? null) : null);
}
