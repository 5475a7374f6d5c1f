import type { MigrateConfig } from '../config/service-config.ts';
import type { Finding, Migration } from '../migration/migration.ts';
import { ruleNamed } from '../migration/rule-list.ts';
import type { Deed } from '../migration/statement.ts';

/** What is wrong with when the migration runs, relative to the start of the new version. */
export function migrationOrderWarnings(
  migration: Migration,
  open: readonly Finding[],
  migrate: Pick<MigrateConfig, 'when' | 'compatible'>,
): string[] {
  const breaking = open.filter((one) => one.severity === 'error' && isAboutRunning(one));
  return migrate.when === 'before-deploy'
    ? beforeDeploy(breaking, migrate.compatible)
    : afterDeploy(migration, breaking);
}

function beforeDeploy(breaking: readonly Finding[], isCalledCompatible: boolean): string[] {
  if (breaking.length === 0) return [];
  const what = rulesOf(breaking);
  const order = `migration: it runs before the new version is started, and ${what} takes away what the version before still needs; put that into \`contract\`, or into a later release`;
  const word = `migration: the release file says \`compatible: true\`, and ${what} speaks against it: a rollback would leave the version before on this schema`;
  return isCalledCompatible ? [order, word] : [order];
}

function afterDeploy(migration: Migration, breaking: readonly Finding[]): string[] {
  const added = [...new Set(migration.up.flatMap((statement) => statement.deeds.flatMap(addedBy)))];
  const shown = added.slice(0, 3).join(', ') + (added.length > 3 ? ' and more' : '');
  const late = `migration: it runs after the new version is started, which fails until then where it needs ${shown}; run what adds before-deploy`;
  const back = `migration: it runs while the version before is kept for a rollback, and ${rulesOf(breaking)} takes away what that one needs; put that into \`contract\`, or into a later release`;
  return [...(added.length === 0 ? [] : [late]), ...(breaking.length === 0 ? [] : [back])];
}

/** What a new version may need from its first request on. */
function addedBy(deed: Deed): string[] {
  switch (deed.kind) {
    case 'create-table':
      return [deed.table];
    case 'add-column':
      return [`${deed.table}.${deed.column}`];
    case 'rename-table':
      return [deed.to];
    case 'rename-column':
      return [`${deed.table}.${deed.to}`];
    default:
      return [];
  }
}

function isAboutRunning(finding: Finding): boolean {
  return finding.direction === 'up' && ruleNamed(finding.rule)?.concern === 'the version that runs';
}

function rulesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map((one) => one.rule))].join(', ');
}
