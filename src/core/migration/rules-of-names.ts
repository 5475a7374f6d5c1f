import { columnKey } from './progress.ts';
import type { Deed, DropObject } from './statement.ts';
import { isOld, isSqlite, isUnused, quoted, type Remark, type Scene } from './scene.ts';

const LATER = 'in a later release, when the version that runs does not use it any more';

/** Rules about what goes away or has another name, while a version that knows it runs. */
export function nameRemarks(deed: Deed, scene: Scene): Remark[] {
  switch (deed.kind) {
    case 'drop-table':
      return dropTable(deed, scene);
    case 'drop-column':
      return dropColumn(deed, scene);
    case 'rename-table':
      return renameTable(deed, scene);
    case 'rename-column':
      return renameColumn(deed, scene);
    case 'drop-object':
      return dropObject(deed, scene);
    case 'detach-partition':
      return isOld(scene, deed.partition) ? detached(deed) : [];
    case 'rename-object': {
      if (deed.what === 'index' || deed.what === 'trigger' || deed.what === 'other') return [];
      if (scene.progress.newObjects.has(`${deed.what} ${deed.name}`)) return [];
      const why = `the version that runs knows the ${deed.what} only as ${deed.name}`;
      const safeWay = `-- create ${quoted(deed.to)} beside it; drop ${quoted(deed.name)} ${LATER}`;
      return [{ rule: 'rename-object', why, safeWay }];
    }
    case 'take-rights': {
      const why = `what ${deed.from} was allowed, the version that runs may need`;
      return [{ rule: 'rights-taken', why, safeWay: `-- ${LATER}` }];
    }
    default:
      return [];
  }
}

function detached({ table, partition }: { table: string; partition: string }): Remark[] {
  const why = `queries of ${table} no longer see the rows of ${partition}`;
  return [{ rule: 'partition-detached', why, safeWay: `-- ${LATER}` }];
}

function dropTable(deed: { table: string; cascades: boolean }, scene: Scene): Remark[] {
  if (!isOld(scene, deed.table)) return [];
  if (isRebuilt(scene, deed.table)) return [rebuilt(scene, deed.table)];
  const beside = deed.cascades ? ', and CASCADE takes what depends on it along without naming it' : '';
  return [
    {
      rule: 'drop-table',
      ...gone(scene, deed.table, beside),
      safeWay: `-- ${LATER}, after a backup that was restored once:\nDROP TABLE ${quoted(deed.table)};`,
    },
  ];
}

function dropColumn(deed: { table: string; column: string }, scene: Scene): Remark[] {
  const key = columnKey(deed.table, deed.column);
  if (!isOld(scene, deed.table) || scene.progress.newColumns.has(key)) return [];
  const table = quoted(deed.table);
  return [
    {
      rule: 'drop-column',
      ...gone(scene, key, ''),
      safeWay: `-- now: let the new version neither read nor write it${isSqlite(scene) ? '' : `; if it is NOT NULL:\nALTER TABLE ${table} ALTER COLUMN ${quoted(deed.column)} DROP NOT NULL;`}\n-- ${LATER}:\nALTER TABLE ${table} DROP COLUMN ${quoted(deed.column)};`,
    },
  ];
}

/** What is known to be unused only loses its data; that is worth a word, not a stop. */
function gone(scene: Scene, name: string, beside: string): Pick<Remark, 'why'> & Partial<Remark> {
  if (isUnused(scene, name)) {
    return {
      severity: 'note',
      why: `the version that runs does not use ${name}, but its data is gone for good${beside}`,
    };
  }
  return { why: `queries of the version that runs fail when ${name} is gone, and its data is gone for good${beside}` };
}

function renameTable(deed: { table: string; to: string }, scene: Scene): Remark[] {
  // A new table that takes the place of the old one was spoken of where the old one went.
  if (!isOld(scene, deed.table)) return [];
  const [old, to] = [quoted(deed.table), quoted(deed.to)];
  if (isReplaced(scene, deed.table)) return [rebuilt(scene, deed.table)];
  if (isBridged(scene, deed.table)) return [];
  return [
    {
      rule: 'rename-table',
      why: `the version that runs knows the table only as ${deed.table}`,
      safeWay: `-- in one transaction, so that both names work:\nALTER TABLE ${old} RENAME TO ${to};\nCREATE VIEW ${old} AS SELECT * FROM ${to};\n-- drop the view ${LATER}`,
    },
  ];
}

function renameColumn(deed: { table: string; column: string; to: string }, scene: Scene): Remark[] {
  if (!isOld(scene, deed.table) || scene.progress.newColumns.has(columnKey(deed.table, deed.column))) return [];
  if (isUnused(scene, columnKey(deed.table, deed.column))) return [];
  const table = quoted(deed.table);
  return [
    {
      rule: 'rename-column',
      why: `the version that runs knows the column only as ${deed.table}.${deed.column}`,
      safeWay: `ALTER TABLE ${table} ADD COLUMN ${quoted(deed.to)} …;\n-- write both, fill the new one in batches, read it; drop ${quoted(deed.column)} ${LATER}`,
    },
  ];
}

function dropObject(deed: DropObject, scene: Scene): Remark[] {
  const { what, name } = deed;
  if (what === 'database') {
    return [
      {
        rule: 'drop-database',
        why: `the database ${name} and all its data are gone`,
        safeWay: '-- by hand, never in a migration',
      },
    ];
  }
  if (scene.progress.newObjects.has(`${what} ${name}`)) return [];
  if (what === 'schema') {
    const why = `queries of the version that runs fail when the schema ${name} is gone, and all its tables are gone for good`;
    return [{ rule: 'drop-table', why, safeWay: `-- ${LATER}, table by table` }];
  }
  if (what === 'index' || what === 'trigger' || what === 'other') return [];
  // Dropped and made anew: the name goes on to work.
  if (isMadeAnew(scene, deed)) return [];
  const why = `what the version that runs asks of the ${what} ${name} fails when it is gone`;
  return [{ rule: 'drop-object', why, safeWay: `-- ${LATER}` }];
}

function isMadeAnew(scene: Scene, deed: DropObject): boolean {
  return deedsOf(scene).some((one) => one.kind === 'create-object' && one.what === deed.what && one.name === deed.name);
}

/** Whether a table made in this migration takes the name of the one that goes. */
function isRebuilt(scene: Scene, table: string): boolean {
  return deedsOf(scene).some(
    (one) => one.kind === 'rename-table' && one.to === table && scene.progress.newTables.has(one.table),
  );
}

function isReplaced(scene: Scene, table: string): boolean {
  return deedsOf(scene).some((one) => one.kind === 'rename-table' && one.to === table && one.table !== table);
}

/** Whether a view of the old name is left in the place of the table. */
function isBridged(scene: Scene, table: string): boolean {
  return deedsOf(scene).some((one) => one.kind === 'create-object' && one.what === 'view' && one.name === table);
}

function rebuilt(scene: Scene, table: string): Remark {
  const lost = isSqlite(scene)
    ? 'indexes and triggers of the old one go, and with foreign_keys on, DROP TABLE deletes the rows that refer to it'
    : 'its indexes, constraints, rights and the rows written meanwhile are not in the copy';
  return {
    rule: 'table-rebuilt',
    why: `${table} is replaced by a copy: nobody can write it meanwhile, and ${lost}`,
    safeWay: isSqlite(scene)
      ? 'PRAGMA foreign_keys = OFF;  -- before BEGIN\n-- copy, drop, rename, make indexes and triggers again\nPRAGMA foreign_key_check;\n-- COMMIT, then PRAGMA foreign_keys = ON'
      : `-- change ${quoted(table)} in place, column by column, each old one dropped in a later release`,
  };
}

function deedsOf(scene: Scene): Deed[] {
  return scene.migration.up.flatMap((statement) => statement.deeds);
}
