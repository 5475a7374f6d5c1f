import type { Deed } from './statement.ts';
import { isSqlite, quoted, type Remark, type Scene } from './scene.ts';

/** Rules about enum values, whose transaction matters. */
export function enumRemarks(deed: Deed, scene: Scene): Remark[] {
  if (deed.kind !== 'add-enum-value' || scene.progress.newObjects.has(`type ${deed.type}`)) return [];
  const { engineVersion } = scene.facts;
  const remarks: Remark[] = [];
  if (scene.migration.irreversible === null) {
    const why = `nothing removes ${deed.value} from ${deed.type} again: the way down cannot undo it`;
    const safeWay = `-- shipway: irreversible a value of an enum stays, and the version before ignores it`;
    remarks.push({ rule: 'enum-value-stays', why, safeWay });
  }
  const isRefused = engineVersion !== null && engineVersion < 12;
  const isUsed = usesLater(deed, scene);
  if (scene.progress.inTransaction && (engineVersion === null || isRefused || isUsed)) {
    const why = isRefused
      ? `PostgreSQL ${engineVersion} refuses ADD VALUE inside a transaction`
      : isUsed
        ? `${deed.value} is used in the transaction that adds it, which PostgreSQL refuses`
        : `before PostgreSQL 12 it is refused inside a transaction; since then ${deed.value} cannot be used until the transaction is over`;
    const safeWay = `-- a migration of its own that the tool runs without a transaction:\nALTER TYPE ${quoted(deed.type)} ADD VALUE IF NOT EXISTS '…';`;
    remarks.push({
      rule: 'enum-value-in-transaction',
      why,
      safeWay,
      ...(isRefused || isUsed ? { severity: 'error' } : {}),
    });
  }
  return remarks;
}

/** Whether the value stands in a statement after it. */
function usesLater(deed: Deed & { kind: 'add-enum-value' }, { migration: { up } }: Scene): boolean {
  const at = up.findIndex((statement) => statement.deeds.includes(deed));
  return up.slice(at + 1).some((statement) => statement.text.includes(`'${deed.value}'`));
}

/** Whether the migration surely does not run as one transaction, so that a failure leaves half of it. */
export function canStopHalfWay(scene: Scene): boolean {
  const { inTransaction, up } = scene.migration;
  const deeds = up.flatMap((statement) => statement.deeds);
  if (up.filter((statement) => statement.deeds.some((one) => changesSomething(one))).length < 2) return false;
  if (inTransaction !== null) return !inTransaction;
  return deeds.some((one) => (one.kind === 'create-index' || one.kind === 'drop-object') && one.concurrently);
}

function changesSomething(deed: Deed): boolean {
  return !['begin', 'commit', 'set-lock-timeout', 'harmless'].includes(deed.kind);
}

/** Why the deed fails, or does harm, when it is run a second time; null when it may be. */
export function repeatRemark(deed: Deed, scene: Scene): Remark | null {
  if (scene.progress.inTransaction || isCleared(deed, scene)) return null;
  const words = repeatWords(deed);
  if (words === null) return null;
  const why = `the migration can stop half way, and then a second run ${words.why}`;
  const safeWay = isSqlite(scene) ? 'BEGIN;\n…\nCOMMIT;' : `${words.safe}\n-- or put it into BEGIN; … COMMIT;`;
  return { rule: 'not-idempotent', why, safeWay };
}

/** DROP … IF EXISTS of the same name stands before it. */
function isCleared(deed: Deed, { progress: { cleared } }: Scene): boolean {
  switch (deed.kind) {
    case 'create-table':
      return cleared.has(`table ${deed.table}`);
    case 'create-index':
      return deed.name !== null && cleared.has(`index ${deed.name}`);
    case 'create-object':
      return cleared.has(`${deed.what} ${deed.name}`);
    case 'add-constraint':
      return deed.name !== null && cleared.has(`constraint ${deed.table} ${deed.name}`);
    default:
      return false;
  }
}

/** A COMMIT in the middle of what the tool runs as one. */
export function transactionRemarks(deed: Deed, scene: Scene): Remark[] {
  const { inTransaction, up } = scene.migration;
  if (deed.kind !== 'commit' || inTransaction !== true || !scene.progress.inTransaction) return [];
  const deeds = up.flatMap((statement) => statement.deeds);
  if (!deeds.slice(deeds.indexOf(deed) + 1).some(changesSomething)) return [];
  const why =
    'it ends the transaction that the tool runs the migration in: when something fails afterwards, what stands before it stays, and the tool takes all of it for not done';
  const safeWay = '-- two migrations; or one that the tool runs without a transaction, which can be run twice';
  return [{ rule: 'transaction-cut', why, safeWay }];
}

function repeatWords(deed: Deed): { why: string; safe: string } | null {
  if ('repeatable' in deed && deed.repeatable) return null;
  switch (deed.kind) {
    case 'create-table':
      return { why: `fails because ${deed.table} exists`, safe: `CREATE TABLE IF NOT EXISTS ${quoted(deed.table)} …;` };
    case 'create-index':
      return { why: 'fails because the index exists', safe: `DROP INDEX CONCURRENTLY IF EXISTS …;  -- before it` };
    case 'add-column':
      return { why: `fails because ${deed.table}.${deed.column} exists`, safe: 'ADD COLUMN IF NOT EXISTS' };
    case 'drop-column':
    case 'drop-table':
    case 'drop-object':
    case 'drop-constraint':
      return { why: 'fails because it is gone', safe: 'DROP … IF EXISTS' };
    case 'rename-table':
    case 'rename-column':
    case 'rename-object':
      return { why: 'fails because the old name is gone', safe: '-- a migration of its own' };
    case 'add-constraint':
      return {
        why: 'fails because the constraint exists',
        safe: 'ALTER TABLE … DROP CONSTRAINT IF EXISTS …;  -- before it',
      };
    case 'create-object':
      return { why: `fails because ${deed.name} exists`, safe: 'CREATE OR REPLACE, or DROP … IF EXISTS before it' };
    case 'write':
      return deed.how === 'insert'
        ? { why: 'inserts the same rows again', safe: 'INSERT … ON CONFLICT DO NOTHING' }
        : null;
    default:
      return null;
  }
}
