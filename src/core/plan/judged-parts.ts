import type { MigrateConfig } from '../config/service-config.ts';
import type { Finding, Migration } from '../migration/migration.ts';
import { ruleNamed } from '../migration/rule-list.ts';
import type { Facts } from './facts.ts';
import { judgePending, type PendingMigration } from './pending-migration.ts';

/** One of the two migrations that a release may run, with every finding. */
export interface JudgedPart {
  what: 'migration' | 'contract';
  migration: Migration;
  findings: Finding[];
}

/** What is seen of both. The contract runs when the version before is stopped, so what only that one would miss is no fault of it. */
export function judgedParts(facts: Pick<Facts, 'pending' | 'contract'>, migrate: MigrateConfig): JudgedPart[] {
  const parts: JudgedPart[] = [];
  if (facts.pending !== null) parts.push(partOf('migration', facts.pending, migrate));
  if (facts.contract.pending !== null) {
    const part = partOf('contract', facts.contract.pending, migrate);
    parts.push({ ...part, findings: part.findings.filter((one) => !isAboutRunning(one)) });
  }
  return parts;
}

function partOf(what: JudgedPart['what'], pending: PendingMigration, migrate: MigrateConfig): JudgedPart {
  return { what, migration: pending.migration, findings: judgePending(pending, migrate.allow) };
}

/** Whether a finding says what the version that runs would miss. */
export function isAboutRunning(finding: Finding): boolean {
  return finding.direction === 'up' && ruleNamed(finding.rule)?.concern === 'the version that runs';
}
