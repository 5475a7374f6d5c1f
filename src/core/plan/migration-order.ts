import type { MigrateConfig } from '../config/service-config.ts';
import type { Finding, Migration } from '../migration/migration.ts';
import { NOTHING_KNOWN } from '../migration/migration.ts';
import type { Deed } from '../migration/statement.ts';
import type { Facts } from './facts.ts';
import { isAboutRunning } from './judged-parts.ts';
import { judgePending, type PendingMigration } from './pending-migration.ts';

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

/** What is wrong with running it at the very end: what it adds comes too late, and what it takes away ends the way back. */
export function contractOrderWarnings(contract: PendingMigration | null, running: Facts['running']): string[] {
  if (contract === null) return [];
  const added = namesAdded(contract.migration);
  const late = `contract: it runs last, and the new version fails until then where it needs ${added}; run what adds before-deploy`;
  const gone = judgePending({ migration: contract.migration, facts: NOTHING_KNOWN }, {}).filter(
    (one) => one.severity === 'error' && isAboutRunning(one),
  );
  const end = `contract: with ${rulesOf(gone)} at the end of this release the code of ${running?.version ?? 'an older version'} fails on the schema; from then on only a rollback with the data goes back`;
  return [...(added === '' ? [] : [late]), ...(gone.length === 0 || running === null ? [] : [end])];
}

function beforeDeploy(breaking: readonly Finding[], isCalledCompatible: boolean): string[] {
  if (breaking.length === 0) return [];
  const what = rulesOf(breaking);
  const order = `migration: it runs before the new version is started, and ${what} takes away what the version before still needs; put that into \`contract\`, or into a later release`;
  const word = `migration: the release file says \`compatible: true\`, and ${what} speaks against it: a rollback would leave the version before on this schema`;
  return isCalledCompatible ? [order, word] : [order];
}

function afterDeploy(migration: Migration, breaking: readonly Finding[]): string[] {
  const shown = namesAdded(migration);
  const late = `migration: it runs after the new version is started, which fails until then where it needs ${shown}; run what adds before-deploy`;
  const back = `migration: it runs while the version before is kept for a rollback, and ${rulesOf(breaking)} takes away what that one needs; put that into \`contract\`, or into a later release`;
  return [...(shown === '' ? [] : [late]), ...(breaking.length === 0 ? [] : [back])];
}

/** The first of what it adds; empty when it adds nothing. */
function namesAdded(migration: Migration): string {
  const added = [...new Set(migration.up.flatMap((statement) => statement.deeds.flatMap(addedBy)))];
  return added.slice(0, 3).join(', ') + (added.length > 3 ? ' and more' : '');
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

function rulesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map((one) => one.rule))].join(', ');
}
