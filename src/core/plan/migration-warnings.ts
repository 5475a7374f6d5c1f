import type { MigrateConfig } from '../config/service-config.ts';
import type { Finding } from '../migration/migration.ts';
import { migrationOrderWarnings } from './migration-order.ts';
import { judgePending, type PendingMigration } from './pending-migration.ts';

const LINES_MAX = 20; // more than a screen is not read; all of them are one command away

/** What is unsafe in the SQL that the migration would run, and in when it runs, as warnings of the plan. */
export function migrationWarnings(
  pending: PendingMigration | null,
  migrate: MigrateConfig | null,
  release: { environment: string; version: string },
): string[] {
  if (pending === null || migrate === null) return [];
  const findings = judgePending(pending, migrate.allow).filter((one) => one.severity !== 'note');
  const open = findings.filter((one) => one.allowed === null);
  const allowed = findings.filter((one) => one.allowed !== null && Object.hasOwn(migrate.allow, one.rule));
  const order = migrationOrderWarnings(pending.migration, open, migrate);
  return [...order, ...allowed.map(allowedWarning), ...findingWarnings(open, release)];
}

function findingWarnings(findings: readonly Finding[], release: { environment: string; version: string }): string[] {
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

function allowedWarning({ rule, severity, line, allowed }: Finding): string {
  return `migration: ${severity} ${rule}, line ${line}, is allowed: ${allowed}`;
}
