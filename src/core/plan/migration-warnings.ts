import { judgeMigration } from '../migration/judge-migration.ts';
import type { Finding, Migration, MigrationFacts } from '../migration/migration.ts';

const LINES_MAX = 20; // more than a screen is not read; all of them are one command away

/** What is unsafe in the SQL that the migration would run, as warnings of the plan. */
export function migrationWarnings(
  pending: { migration: Migration; facts: MigrationFacts } | null,
  release: { environment: string; version: string },
): string[] {
  if (pending === null) return [];
  const findings = judgeMigration(pending.migration, pending.facts).filter(
    (one) => one.severity !== 'note' && one.allowed === null,
  );
  if (findings.length === 0) return [];
  const shown = findings.slice(0, LINES_MAX).map(warningOf);
  const more = findings.length - shown.length;
  const command = `shipway migrate check --env ${release.environment} --version ${release.version}`;
  return [...shown, `migration: ${more > 0 ? `${more} more; ` : ''}the statements and the safe ways: ${command}`];
}

// Without the statement itself: a plan is kept, and SQL may hold data.
function warningOf({ rule, severity, line, why }: Finding): string {
  return `migration: ${severity} ${rule}, line ${line}: ${why}`;
}
