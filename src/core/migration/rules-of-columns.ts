import type { AddColumn, Deed } from './statement.ts';
import { columnKey } from './progress.ts';
import { bySize, factOf, isOld, isSqlite, quoted, type Remark, type Scene } from './scene.ts';

/** Rules about columns that come, and about what their values may be. */
export function columnRemarks(deed: Deed, scene: Scene): Remark[] {
  switch (deed.kind) {
    case 'add-column':
      return isOld(scene, deed.table) ? addColumn(deed, scene) : [];
    case 'set-not-null':
      return isOld(scene, deed.table) ? setNotNull(deed, scene) : [];
    case 'drop-default':
      return isOld(scene, deed.table) ? dropDefault(deed, scene) : [];
    case 'set-default':
      return isOld(scene, deed.table) ? setDefault(deed, scene) : [];
    case 'change-type':
      return isOld(scene, deed.table) ? changeType(deed, scene) : [];
    default:
      return [];
  }
}

function addColumn(deed: AddColumn, scene: Scene): Remark[] {
  return [...withoutDefault(deed, scene), ...rewriting(deed, scene), ...besideColumn(deed, scene)];
}

function withoutDefault(deed: AddColumn, scene: Scene): Remark[] {
  if (!deed.notNull || deed.default !== 'none' || deed.rewrites !== null) return [];
  const [table, column] = [quoted(deed.table), quoted(deed.column)];
  const refused = isSqlite(scene)
    ? 'SQLite refuses it whatever the table holds'
    : 'it fails when the table has rows, and the INSERTs of the version that runs fail from then on';
  const later = isSqlite(scene)
    ? `-- or keep it nullable and check it in the program`
    : `-- a later release, once every version fills it: SET NOT NULL by way of a validated CHECK`;
  return [
    {
      rule: 'not-null-without-default',
      why: `${deed.table}.${deed.column} must be filled and has no default: ${refused}`,
      safeWay: `ALTER TABLE ${table} ADD COLUMN ${column} ${deed.type} NOT NULL DEFAULT '…';\n${later}`,
    },
  ];
}

function rewriting(deed: AddColumn, scene: Scene): Remark[] {
  if (isSqlite(scene)) return [];
  const isVolatile = deed.default === 'volatile' || deed.default === 'maybe volatile';
  if (!isVolatile && deed.rewrites === null) return [];
  const [table, column] = [quoted(deed.table), quoted(deed.column)];
  const what = deed.rewrites ?? (deed.default === 'volatile' ? 'a volatile default' : 'a default that may be volatile');
  const remark: Remark = {
    rule: 'volatile-default',
    why: `${what} is computed for every row of ${deed.table}: the table is rewritten under ACCESS EXCLUSIVE, and nobody can read it meanwhile`,
    safeWay: `ALTER TABLE ${table} ADD COLUMN ${column} ${plainType(deed.type)};\nALTER TABLE ${table} ALTER COLUMN ${column} SET DEFAULT …;  -- new rows only\n-- then fill old rows in batches, outside this migration`,
    ...(deed.default === 'maybe volatile' && deed.rewrites === null ? { severity: 'warning' as const } : {}),
  };
  return bySize(scene, deed.table, 'rewrite', remark);
}

function plainType(type: string): string {
  return { serial: 'integer', bigserial: 'bigint', smallserial: 'smallint' }[type] ?? type;
}

/** CHECK and UNIQUE beside a new column look at every row; REFERENCES does only when there is a default. */
function besideColumn(deed: AddColumn, scene: Scene): Remark[] {
  const looks = deed.constraints.filter((one) => one !== 'foreign key' || deed.default !== 'none');
  const first = looks.find((one) => one !== 'not null');
  if (first === undefined) return [];
  const [table, column] = [quoted(deed.table), quoted(deed.column)];
  if (isSqlite(scene)) {
    if (first !== 'unique' && first !== 'primary key') return [];
    const why = `SQLite refuses to add a column with ${first.toUpperCase()}`;
    const safeWay = `ALTER TABLE ${table} ADD COLUMN ${column} ${deed.type};\nCREATE UNIQUE INDEX … ON ${table} (${column});`;
    return [{ rule: 'constraint-validates-at-once', why, safeWay }];
  }
  const isUnique = first === 'unique' || first === 'primary key';
  const after = isUnique
    ? `CREATE UNIQUE INDEX CONCURRENTLY name ON ${table} (${column});\nALTER TABLE ${table} ADD CONSTRAINT name UNIQUE USING INDEX name;`
    : `ALTER TABLE ${table} ADD CONSTRAINT name … NOT VALID;\nALTER TABLE ${table} VALIDATE CONSTRAINT name;  -- in a transaction of its own`;
  return bySize(scene, deed.table, isUnique ? 'index' : 'scan', {
    rule: 'constraint-validates-at-once',
    why: `the ${first} beside ${deed.table}.${deed.column} looks at every row while the table is locked`,
    safeWay: `ALTER TABLE ${table} ADD COLUMN ${column} ${deed.type};\n${after}`,
  });
}

function setNotNull(deed: { table: string; column: string }, scene: Scene): Remark[] {
  const [table, column] = [quoted(deed.table), quoted(deed.column)];
  const added = scene.progress.newColumns.get(columnKey(deed.table, deed.column));
  const remarks: Remark[] = [];
  if (added?.default === 'none') {
    remarks.push({
      rule: 'not-null-without-default',
      why: `${deed.table}.${deed.column} is new, must be filled and has no default: the INSERTs of the version that runs fail from here on`,
      safeWay: `ALTER TABLE ${table} ALTER COLUMN ${column} SET DEFAULT '…';\n-- SET NOT NULL in a later release, once every version fills it`,
    });
  }
  const isProven =
    factOf(scene, deed.table).proven?.includes(deed.column) === true ||
    scene.progress.validated.some(
      (one) => one.table === deed.table && (one.column === null || one.column === deed.column),
    );
  if (isProven || isSqlite(scene)) return remarks;
  const name = `${deed.table.replaceAll('.', '_')}_${deed.column}_not_null`;
  const remark: Remark = {
    rule: 'set-not-null-scans',
    why: `every row of ${deed.table} is looked at under ACCESS EXCLUSIVE; one NULL and it fails`,
    safeWay: `ALTER TABLE ${table} ADD CONSTRAINT ${quoted(name)} CHECK (${column} IS NOT NULL) NOT VALID;\n-- in a transaction of its own:\nALTER TABLE ${table} VALIDATE CONSTRAINT ${quoted(name)};\nALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL;\nALTER TABLE ${table} DROP CONSTRAINT ${quoted(name)};`,
  };
  return [...remarks, ...bySize(scene, deed.table, 'scan', remark)];
}

function dropDefault(deed: { table: string; column: string }, scene: Scene): Remark[] {
  const added = scene.progress.newColumns.get(columnKey(deed.table, deed.column));
  const safeWay = `-- in a later release, when no version relies on it any more:\nALTER TABLE ${quoted(deed.table)} ALTER COLUMN ${quoted(deed.column)} DROP DEFAULT;`;
  if (added === undefined) {
    const why = `INSERTs of the version that runs that leave out ${deed.table}.${deed.column} write NULL from here on, or fail`;
    return [{ rule: 'drop-default', why, safeWay }];
  }
  if (!added.notNull) return [];
  const why = `${deed.table}.${deed.column} is new, must be filled and loses its default again: the INSERTs of the version that runs fail from here on`;
  return [{ rule: 'default-dropped-again', why, safeWay }];
}

/** Where nobody knows a default from before there is none to be relied on. */
function setDefault({ table, column }: { table: string; column: string }, scene: Scene): Remark[] {
  const before = factOf(scene, table).defaults?.[column];
  if (before === undefined || scene.progress.newColumns.has(columnKey(table, column))) return [];
  const why = `INSERTs of the version that runs that leave out ${table}.${column} got ${before}, and get another value from here on`;
  const safeWay = `-- let the new version write the value itself; change the default in a later release`;
  return [{ rule: 'default-changed', why, safeWay }];
}

function changeType(deed: Extract<Deed, { kind: 'change-type' }>, scene: Scene): Remark[] {
  if (scene.progress.newColumns.has(columnKey(deed.table, deed.column))) return [];
  const before = factOf(scene, deed.table).columns[deed.column] ?? null;
  if (before !== null && !deed.converts && keepsBytes(before, deed.type)) return [];
  const isWider = before !== null && !deed.converts && holdsAll(before, deed.type);
  const [table, column] = [quoted(deed.table), quoted(deed.column)];
  const beside = quoted(`${deed.column}_new`);
  const from = before === null ? '' : ` from ${before}`;
  const remark: Remark = {
    rule: 'type-change',
    why: `${deed.table}.${deed.column} changes${from} to ${deed.type}: the table and its indexes are rewritten under ACCESS EXCLUSIVE unless the bytes stay the same, and the version that runs goes on writing the old type`,
    safeWay: `ALTER TABLE ${table} ADD COLUMN ${beside} ${deed.type};\n-- write both columns, fill ${beside} in batches, read it, then drop ${column} in a later release`,
  };
  if (before === null && !deed.converts && isOpenText(deed.type)) {
    // Free when it was a varchar, a rewrite when it was a number: only the database knows.
    return bySize(scene, deed.table, 'rewrite', { ...remark, severity: 'warning' });
  }
  const [first, ...more] = bySize(scene, deed.table, 'rewrite', remark);
  if (isWider && first !== undefined) return [first, ...more];
  // However small the table: the version that runs still writes the old type.
  return first === undefined ? [] : [{ ...first, severity: 'error' }, ...more];
}

function isOpenText(type: string): boolean {
  return type === 'text' || type === 'varchar' || type === 'character varying';
}

/** Whether PostgreSQL only changes its catalog: the same bytes mean the same under both types. */
export function keepsBytes(before: string, after: string): boolean {
  const [from, to] = [readType(before), readType(after)];
  if (from.name === to.name && from.limits.join() === to.limits.join()) return true;
  const isText = (name: string): boolean => name === 'text' || name === 'varchar';
  if (isText(from.name) && isText(to.name)) {
    const limit = to.limits[0];
    return limit === undefined || (from.limits[0] !== undefined && from.limits[0] <= limit);
  }
  if (from.name !== to.name) return false;
  const [wide, scale] = to.limits;
  if (from.name === 'numeric') {
    return wide === undefined || (from.limits[0] !== undefined && from.limits[0] <= wide && from.limits[1] === scale);
  }
  return from.name === 'varbit' && (wide === undefined || (from.limits[0] ?? Infinity) <= wide);
}

const WIDER: Record<string, string[]> = {
  smallint: ['integer', 'bigint', 'numeric'],
  integer: ['bigint', 'numeric'],
  bigint: ['numeric'],
  real: ['double precision'],
};

/** Whether every value of the one type is the same value of the other, so that nothing is lost and old writes still fit. */
export function holdsAll(before: string, after: string): boolean {
  const [from, to] = [readType(before), readType(after)];
  return keepsBytes(before, after) || (to.limits.length === 0 && (WIDER[from.name] ?? []).includes(to.name));
}

const SHORT_NAMES: Record<string, string> = {
  'character varying': 'varchar',
  decimal: 'numeric',
  'bit varying': 'varbit',
  int4: 'integer',
  int: 'integer',
  int8: 'bigint',
  int2: 'smallint',
  bool: 'boolean',
};

function readType(type: string): { name: string; limits: number[] } {
  const [, name = '', limits = ''] = /^([^(]+?)\s*(?:\(([\d\s,]*)\))?\s*$/.exec(type.trim().toLowerCase()) ?? [];
  return {
    name: SHORT_NAMES[name] ?? name,
    limits: limits === '' ? [] : limits.split(',').map(Number),
  };
}
