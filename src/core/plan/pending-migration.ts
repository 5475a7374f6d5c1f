import { createHash } from 'node:crypto';
import { judgeMigration } from '../migration/judge-migration.ts';
import type { Finding, Migration, MigrationFacts } from '../migration/migration.ts';

/** What a migration would run, read before it runs. */
export interface PendingMigration {
  migration: Migration;
  facts: MigrationFacts;
  /** Of the SQL text, as the tool printed it. */
  sqlDigest: string;
}

/** SHA-256 of the SQL as the tool prints it, as `sha256:<hex>`. The plan holds it, so that what was judged is what runs. */
export function sqlDigest(sql: string): string {
  return `sha256:${createHash('sha256').update(sql, 'utf8').digest('hex')}`;
}

/** Every finding, those that the release file allows with its reason. */
export function judgePending(
  pending: Pick<PendingMigration, 'migration' | 'facts'>,
  allow: Readonly<Record<string, string>>,
): Finding[] {
  return judgeMigration(pending.migration, pending.facts).map((finding) =>
    finding.allowed === null && Object.hasOwn(allow, finding.rule)
      ? { ...finding, allowed: `${allow[finding.rule]} (release file)` }
      : finding,
  );
}
