import { columnKey } from './progress.ts';
import type { Deed, Write } from './statement.ts';
import { bySize, factOf, isOld, isSqlite, quoted, type Remark, type Scene } from './scene.ts';

/** Rules about rows. */
export function dataRemarks(deed: Deed, scene: Scene): Remark[] {
  switch (deed.kind) {
    case 'truncate': {
      if (!isOld(scene, deed.table)) return [];
      const why = `all rows of ${deed.table} are gone, and nobody can read it until the end of the transaction`;
      const safeWay = `-- not in a migration; by hand, after a backup that was restored once`;
      return [{ rule: 'truncate', why, safeWay }];
    }
    case 'write':
      return isOld(scene, deed.table) ? write(deed, scene) : [];
    case 'move-sequence':
      return restarted(deed, scene);
    default:
      return [];
  }
}

function write(deed: Write, scene: Scene): Remark[] {
  return [...backfill(deed, scene), ...mixed(deed, scene), ...lost(deed, scene), ...takenKeys(deed, scene)];
}

function backfill(deed: Write, scene: Scene): Remark[] {
  if (deed.bounded) return [];
  // Only new rows: nobody waits for them.
  if (deed.how === 'insert' && !isSqlite(scene)) return [];
  const table = quoted(deed.table);
  const verb = {
    insert: `INSERT INTO ${table} SELECT …`,
    update: `UPDATE ${table} SET …`,
    delete: `DELETE FROM ${table}`,
  };
  const who = isSqlite(scene) ? 'nobody can write the database' : `whoever writes the same rows of ${deed.table} waits`;
  return bySize(scene, deed.table, 'change', {
    rule: 'one-statement-backfill',
    why: `one statement changes an unknown number of rows: ${who} until it ends, and it begins again when it is killed`,
    safeWay: `-- outside the migration, again and again until no row is changed:\n${verb[deed.how]} WHERE id IN (SELECT id FROM ${table} WHERE … ORDER BY id LIMIT 1000);`,
  });
}

/** Schema changes of existing tables beside the data change: one keeps the locks of the other. */
function mixed(deed: Write, scene: Scene): Remark[] {
  if (deed.how === 'insert' && deed.bounded) return [];
  const schema = scene.migration.up
    .flatMap((statement) => statement.deeds)
    .find((one) => isSchemaChange(one) && 'table' in one && one.table !== null && isOld(scene, one.table));
  if (schema === undefined) return [];
  const why = `the migration also changes the schema: run together, the locks on both last until the last row is changed`;
  return bySize(scene, deed.table, 'change', {
    rule: 'schema-and-data-mixed',
    why,
    safeWay: '-- two migrations: first the schema, then, without a lock on it, the data',
  });
}

const SCHEMA_CHANGES = new Set<Deed['kind']>([
  'add-column',
  'drop-column',
  'rename-column',
  'rename-table',
  'change-type',
  'set-not-null',
  'add-constraint',
  'set-default',
]);

function isSchemaChange(deed: Deed): boolean {
  return SCHEMA_CHANGES.has(deed.kind);
}

/** Old values that are overwritten or deleted and copied nowhere first. */
function lost(deed: Write, scene: Scene): Remark[] {
  if (deed.how === 'insert' || scene.migration.irreversible !== null) return [];
  // NULL, or the one value that stands in the text: the way down can write it back. One that nobody sees may as well write over all of them.
  const isKnown = (column: string): boolean => scene.migration.down !== 'unseen' && deed.pins[column]?.length === 1;
  const old = deed.columns.filter(
    (column) => !scene.progress.newColumns.has(columnKey(deed.table, column)) && !isKnown(column),
  );
  if (deed.how === 'update' && old.length === 0) return [];
  if (isSaved(scene, deed.table)) return [];
  const what =
    deed.how === 'delete'
      ? `rows of ${deed.table}`
      : `values of ${old.map((one) => `${deed.table}.${one}`).join(', ')}`;
  const keep = quoted(`${deed.table}_before`);
  return [
    {
      rule: 'values-not-kept',
      why: `${what} that existed before are kept nowhere: no way down brings them back`,
      safeWay: `CREATE TABLE ${keep} AS SELECT * FROM ${quoted(deed.table)} WHERE …;  -- first; drop it in a later release\n-- the way down writes them back from there`,
    },
  ];
}

const MOVE = `SELECT setval('…', (SELECT max(…) FROM …));`;

/** Keys written by hand into a column that a sequence fills: the sequence does not know them. */
function takenKeys(deed: Write, scene: Scene): Remark[] {
  if (deed.how !== 'insert') return [];
  const defaults = factOf(scene, deed.table).defaults ?? {};
  const column = Object.keys(deed.puts).find((name) => /^(?:nextval\(|identity$)/.test(defaults[name] ?? ''));
  const deeds = scene.migration.up.flatMap((statement) => statement.deeds);
  const isMoved = deeds.slice(deeds.indexOf(deed) + 1).some((one) => one.kind === 'move-sequence');
  if (column === undefined || isMoved) return [];
  const why = `${deed.table}.${column} gets keys that its sequence has not given out yet: the next INSERT that leaves it out may be given the same and fail`;
  return [{ rule: 'sequence-behind', why, safeWay: `-- leave out ${quoted(column)}, or after it:\n${MOVE}` }];
}

function restarted(deed: Extract<Deed, { kind: 'move-sequence' }>, scene: Scene): Remark[] {
  if (!deed.restarts || scene.progress.newObjects.has(`sequence ${deed.sequence}`)) return [];
  const why = `${deed.sequence} begins again, whatever keys are taken: INSERTs that are given one of them fail`;
  return [{ rule: 'sequence-behind', why, safeWay: MOVE }];
}

/** Whether this migration copies from the table into one of its own. */
function isSaved(scene: Scene, table: string): boolean {
  return scene.migration.up.some((statement) =>
    statement.deeds.some(
      (one) =>
        (one.kind === 'create-table' && one.reads.includes(table)) ||
        (one.kind === 'write' && one.how === 'insert' && one.table !== table && one.reads.includes(table)),
    ),
  );
}
