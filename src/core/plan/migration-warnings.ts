import type { MigrateConfig } from '../config/service-config.ts';
import type { Finding } from '../migration/migration.ts';
import type { Facts } from './facts.ts';
import { contractOrderWarnings, migrationOrderWarnings } from './migration-order.ts';
import { judgedParts } from './judged-parts.ts';

const LINES_MAX = 20; // more than a screen is not read; all of them are one command away

/** What is unsafe in the SQL that migration and contract would run, and in when they run, as warnings of the plan. */
export function migrationWarnings(
  facts: Pick<Facts, 'pending' | 'contract' | 'running'>,
  migrate: MigrateConfig | null,
  release: { environment: string; version: string },
): string[] {
  if (migrate === null) return [];
  return judgedParts(facts, migrate).flatMap((part) => {
    const findings = part.findings.filter((one) => one.severity !== 'note');
    const open = findings.filter((one) => one.allowed === null);
    const allowed = findings.filter((one) => one.allowed !== null && Object.hasOwn(migrate.allow, one.rule));
    const order =
      part.what === 'contract'
        ? contractOrderWarnings(facts.contract.pending, facts.running)
        : migrationOrderWarnings(part.migration, open, migrate);
    const said = [...allowed.map(allowedWarning), ...findingWarnings(open, release)];
    return [...order, ...said.map((text) => `${part.what}: ${text}`)];
  });
}

function findingWarnings(findings: readonly Finding[], release: { environment: string; version: string }): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, LINES_MAX).map(warningOf);
  const more = findings.length - shown.length;
  const command = `shipway migrate check --env ${release.environment} --version ${release.version}`;
  return [...shown, `${more > 0 ? `${more} more; ` : ''}the statements and the safe ways: ${command}`];
}

// Without the statement itself: a plan is kept, and SQL may hold data.
function warningOf({ rule, severity, line, why }: Finding): string {
  return `${severity} ${rule}, line ${line}: ${why}`;
}

function allowedWarning({ rule, severity, line, allowed }: Finding): string {
  return `${severity} ${rule}, line ${line}, is allowed: ${allowed}`;
}
