import { columnKey } from './progress.ts';
import type { Deed, Literal, Statement, Write } from './statement.ts';
import type { Migration, MigrationFacts } from './migration.ts';
import { keepsBytes } from './rules-of-columns.ts';
import type { Remark } from './scene.ts';

/** A remark on a statement of one of the two directions; on the migration as a whole when the statement is null. */
export interface DownRemark {
  direction: 'up' | 'down';
  statement: Statement | null;
  remark: Remark;
}

const IRREVERSIBLE = '-- shipway: irreversible WHY';

/** Whether the way down undoes the way up, and leaves alone what was there before. */
export function downRemarks(migration: Migration, facts: MigrationFacts): DownRemark[] {
  const { down, irreversible } = migration;
  if (down === 'unseen' || irreversible !== null) return [];
  if (down === null) {
    if (!migration.up.some((statement) => statement.deeds.some((deed) => isMissed(deed, migration.up, facts))))
      return [];
    const why = 'when the release fails, nothing but a restore of the backup takes the schema back';
    const remark: Remark = {
      rule: 'no-down',
      why,
      safeWay: `-- migrate:down\n…\n-- or, if there is none: ${IRREVERSIBLE}`,
    };
    return [{ direction: 'up', statement: null, remark }];
  }
  return [...whatStays(migration, down, facts), ...whatIsDestroyed(migration, down)];
}

/** Whether the version before meets what the deed leaves: not what is new and stands by itself, nor a type that holds all the one before did. */
function isMissed(deed: Deed, up: Statement[], facts: MigrationFacts): boolean {
  if (Object.keys(undoNeeds(deed)).length === 0 || leavesNothing(deed, facts)) return false;
  if (deed.kind === 'create-table') return false;
  if (deed.kind === 'create-object' && deed.what !== 'trigger') return false;
  const isNew = 'table' in deed && deed.table !== null && [...whatUpMakes(up).made.values()].includes(deed.table);
  return !isNew || deed.kind === 'drop-table';
}

/** The table was not there, or the type holds all that the one before did: nothing is different for the version before. */
function leavesNothing(deed: Deed, { tables, absent }: MigrationFacts): boolean {
  if (deed.kind === 'drop-table') return absent?.includes(deed.table) === true;
  if (deed.kind !== 'change-type' || deed.converts) return false;
  const before = (tables[deed.table] ?? tables[`public.${deed.table}`])?.columns[deed.column];
  return before !== undefined && keepsBytes(before, deed.type);
}

/** What has to stand in the way down for a deed, by a key; any of the texts will do. */
function undoNeeds(deed: Deed): Record<string, string[]> {
  switch (deed.kind) {
    case 'create-table':
      return { [`table ${deed.table} stays`]: [`-table ${deed.table}`] };
    case 'drop-table':
      return { [`table ${deed.table} does not come back`]: [`+table ${deed.table}`] };
    case 'rename-table':
      return { [`table ${deed.to} keeps its new name`]: [`table ${deed.to}>${deed.table}`] };
    case 'create-index':
      return deed.name === null
        ? {}
        : {
            [`index ${deed.name} stays`]: [
              `-index ${deed.name}`,
              `-table ${deed.table}`,
              ...deed.columns.map((column) => `-column ${columnKey(deed.table, column)}`),
            ],
          };
    case 'create-object':
      // What replaces an older one has no name to drop: only the older text brings it back.
      return deed.repeatable || deed.what === 'other'
        ? {}
        : { [`${deed.what} ${deed.name} stays`]: [`-${deed.what} ${deed.name}`] };
    case 'drop-object':
      return deed.what === 'database' || deed.what === 'other'
        ? {}
        : { [`${deed.what} ${deed.name} does not come back`]: [`+${deed.what} ${deed.name}`] };
    case 'rename-object':
      return { [`${deed.what} ${deed.to} keeps its new name`]: [`${deed.what} ${deed.to}>${deed.name}`] };
    case 'detach-partition':
      return { [`partition ${deed.partition} does not come back`]: [`+partition ${deed.partition}`] };
    default:
      return columnNeeds(deed);
  }
}

function columnNeeds(deed: Deed): Record<string, string[]> {
  if (!('column' in deed)) return constraintNeeds(deed);
  const key = columnKey(deed.table, deed.column);
  const gone = [`-column ${key}`, `-table ${deed.table}`];
  switch (deed.kind) {
    case 'add-column':
      return { [`column ${key} stays`]: gone };
    case 'drop-column':
      return { [`column ${key} does not come back`]: [`+column ${key}`] };
    case 'rename-column': {
      const renamed = columnKey(deed.table, deed.to);
      return { [`column ${renamed} keeps its new name`]: [`column ${renamed}>${key}`] };
    }
    case 'change-type':
      return { [`column ${key} keeps its new type`]: [`type ${key}`, ...gone] };
    case 'set-not-null':
      return { [`column ${key} stays NOT NULL`]: [`-not null ${key}`, ...gone] };
    case 'drop-not-null':
      return { [`column ${key} stays without NOT NULL`]: [`+not null ${key}`, ...gone] };
    case 'set-default':
    case 'drop-default':
      return { [`the default of ${key} stays changed`]: [`default ${key}`, ...gone] };
    default:
      return {};
  }
}

function constraintNeeds(deed: Deed): Record<string, string[]> {
  switch (deed.kind) {
    case 'add-constraint': {
      if (deed.name === null) return {};
      const gone = deed.columns.map((column) => `-column ${columnKey(deed.table, column)}`);
      return {
        [`constraint ${deed.name} stays`]: [`-constraint ${deed.table} ${deed.name}`, `-table ${deed.table}`, ...gone],
      };
    }
    case 'drop-constraint':
      return {
        [`constraint ${deed.name} does not come back`]: [
          `+constraint ${deed.table} ${deed.name}`,
          `-table ${deed.table}`,
        ],
      };
    case 'work':
      return deed.how === 'scan partition'
        ? { [`partition ${deed.table} stays`]: [`-partition ${deed.table}`, `-table ${deed.table}`] }
        : {};
    default:
      return {};
  }
}

/** What a deed of the way down does, in the words of `undoNeeds`. */
function undoes(deed: Deed): string[] {
  switch (deed.kind) {
    case 'create-table':
      return [`+table ${deed.table}`];
    case 'drop-table':
      return [`-table ${deed.table}`];
    case 'rename-table':
      return [`table ${deed.table}>${deed.to}`];
    case 'create-index':
      return deed.name === null ? [] : [`+index ${deed.name}`];
    case 'create-object':
      return [`+${deed.what} ${deed.name}`];
    case 'drop-object':
      return deed.what === 'materialized view'
        ? [`-${deed.what} ${deed.name}`, `-table ${deed.name}`] // its indexes go with it
        : [`-${deed.what} ${deed.name}`];
    case 'detach-partition':
      return [`-partition ${deed.partition}`];
    case 'work':
      return deed.how === 'scan partition' ? [`+partition ${deed.table}`] : [];
    case 'rename-object':
      return [`${deed.what} ${deed.name}>${deed.to}`];
    case 'add-constraint':
      return deed.name === null ? [] : [`+constraint ${deed.table} ${deed.name}`];
    case 'drop-constraint':
      return [`-constraint ${deed.table} ${deed.name}`];
    default:
      return undoesColumn(deed);
  }
}

function undoesColumn(deed: Deed): string[] {
  if (!('column' in deed)) return [];
  const key = columnKey(deed.table, deed.column);
  switch (deed.kind) {
    case 'add-column':
      return [`+column ${key}`];
    case 'drop-column':
      return [`-column ${key}`];
    case 'rename-column':
      return [`column ${key}>${columnKey(deed.table, deed.to)}`];
    case 'change-type':
      return [`type ${key}`];
    case 'set-not-null':
      return [`+not null ${key}`];
    case 'drop-not-null':
      return [`-not null ${key}`];
    case 'set-default':
    case 'drop-default':
      return [`default ${key}`];
    default:
      return [];
  }
}

function whatStays(migration: Migration, down: Statement[], facts: MigrationFacts): DownRemark[] {
  if (down.some((statement) => statement.deeds.some((one) => one.kind === 'opaque'))) return []; // said as not-judged
  const done = new Set(down.flatMap((statement) => statement.deeds.flatMap(undoes)));
  const up = whatUpMakes(migration.up);
  const remarks: DownRemark[] = [];
  for (const statement of migration.up) {
    for (const deed of statement.deeds) {
      if (isOverInside(deed, up) || leavesNothing(deed, facts)) continue;
      for (const [what, ways] of Object.entries(undoNeeds(deed))) {
        if (ways.some((way) => done.has(way)) || isCovered(deed, done, up)) continue;
        const why = `after the way down, ${what}: the way up fails when it is tried again, or the version before meets a schema it does not know`;
        const safeWay = `-- in the way down, the opposite of:\n${statement.text}`;
        remarks.push({ direction: 'up', statement, remark: { rule: 'down-does-not-undo', why, safeWay } });
      }
    }
  }
  return remarks;
}

/** What the way up leaves behind. */
interface UpEffects {
  /** Everything it does, in the words of `undoNeeds`. */
  within: Set<string>;
  /** Tables it makes and keeps, each with the name it has in the end. */
  made: Map<string, string>;
  /** Deeds on tables that leave nothing to undo, because another deed of the way up ends them. */
  over: Set<Deed>;
}

function whatUpMakes(up: Statement[]): UpEffects {
  const deeds = up.flatMap((statement) => statement.deeds);
  const made = new Map<string, string>();
  const over = new Set<Deed>();
  const nameNow = (table: string): string | undefined => [...made].find(([, now]) => now === table)?.[0];
  for (const deed of deeds) {
    if (deed.kind === 'create-table') made.set(deed.table, deed.table);
    if (deed.kind !== 'rename-table' && deed.kind !== 'drop-table') continue;
    const first = nameNow(deed.table);
    if (first === undefined) continue;
    over.add(deed);
    if (deed.kind === 'rename-table') made.set(first, deed.to);
    else made.delete(first);
  }
  for (const deed of deeds) {
    if (deed.kind === 'create-table' && made.get(deed.table) === undefined) over.add(deed);
    // A copy that took its name stands in its place.
    if (deed.kind === 'drop-table' || deed.kind === 'rename-table') {
      if ([...made].some(([first, now]) => now === deed.table && first !== now)) over.add(deed);
    }
    if (deed.kind === 'create-table' && over.size > 0 && isReplacement(deed.table, made, deeds)) over.add(deed);
  }
  return { within: new Set(deeds.flatMap(undoes)), made, over };
}

/** Whether the made table took the name of one that was there before. */
function isReplacement(table: string, made: Map<string, string>, deeds: readonly Deed[]): boolean {
  const last = made.get(table);
  return last !== undefined && last !== table && deeds.some((one) => one.kind === 'drop-table' && one.table === last);
}

/** What the way up makes and takes away again, or replaces by something of the same name, leaves nothing to undo. */
function isOverInside(deed: Deed, { within, over }: UpEffects): boolean {
  switch (deed.kind) {
    case 'create-table':
    case 'drop-table':
    case 'rename-table':
      return over.has(deed);
    case 'create-object':
      return within.has(`-${deed.what} ${deed.name}`);
    case 'drop-object':
      return within.has(`+${deed.what} ${deed.name}`);
    case 'create-index':
      return deed.name !== null && within.has(`-index ${deed.name}`);
    case 'add-constraint':
      return deed.name !== null && within.has(`-constraint ${deed.table} ${deed.name}`);
    case 'drop-constraint':
      return within.has(`+constraint ${deed.table} ${deed.name}`);
    case 'drop-default':
      return within.has(`+column ${columnKey(deed.table, deed.column)}`);
    default:
      return false;
  }
}

/** What belongs to a table of this migration goes with it. */
function isCovered(deed: Deed, done: Set<string>, { made }: UpEffects): boolean {
  if (!('table' in deed) || deed.table === null || deed.kind === 'drop-table') return false;
  const last = made.get(deed.table) ?? ([...made.values()].includes(deed.table) ? deed.table : null);
  return last !== null && done.has(`-table ${last}`);
}

function whatIsDestroyed(migration: Migration, down: Statement[]): DownRemark[] {
  const { within, made: kept } = whatUpMakes(migration.up);
  const made = new Set([...within, ...[...kept.values()].map((table) => `+table ${table}`)]);
  const own = { made, newValue: newValuesOf(migration.up, down) };
  return down.flatMap((statement) =>
    statement.deeds.flatMap((deed): DownRemark[] => {
      const what = destroys(deed, own);
      if (what === null) return [];
      const why = `the way down changes ${what}, which was there before the way up and may have been written since`;
      const safeWay =
        '-- the way down changes only what the way up made, or writes back what the way up kept in a table of its own';
      return [{ direction: 'down', statement, remark: { rule: 'down-destroys-data', why, safeWay } }];
    }),
  );
}

/** What belongs to the way up, so that the way down may take it. */
interface Own {
  made: Set<string>;
  /** Whether a value of a column can only be there since the way up. */
  newValue: (table: string, column: string, value: Literal) => boolean;
}

/** A value that the way up wrote, or that a constraint refused which it took away and the way down brings back. */
function newValuesOf(up: Statement[], down: Statement[]): Own['newValue'] {
  const deeds = up.flatMap((statement) => statement.deeds);
  const after = down.flatMap((statement) => statement.deeds);
  return (table, column, value) =>
    deeds.some((one) => {
      if (one.kind === 'write' && one.table === table) return one.puts[column]?.includes(value) === true;
      if (one.kind !== 'drop-constraint' || one.table !== table || value === null) return false;
      return after.some((two) => two.kind === 'add-constraint' && two.table === table && two.name === one.name);
    });
}

/** Whether every row that is touched holds, in a column that counts, a value of the way up, or NULL, of which nothing is lost. */
function touchesOwnOnly(deed: Write, column: string, { newValue }: Own): boolean {
  const values = deed.pins[column] ?? [];
  return values.length > 0 && values.every((one) => one === null || newValue(deed.table, column, one));
}

function destroys(deed: Deed, own: Own): string | null {
  const { made } = own;
  if (deed.kind === 'detach-partition')
    return made.has(`+partition ${deed.partition}`) || made.has(`+table ${deed.partition}`)
      ? null
      : `the rows of ${deed.table}`;
  if (deed.kind === 'truncate') return made.has(`+table ${deed.table}`) ? null : `all rows of ${deed.table}`;
  if (deed.kind === 'drop-table' && !made.has(`+table ${deed.table}`)) {
    return [...made].some((one) => one.endsWith(`>${deed.table}`)) ? null : `the table ${deed.table}`;
  }
  if (deed.kind === 'drop-column' && !isMade(deed.table, deed.column, made))
    return `the column ${columnKey(deed.table, deed.column)}`;
  if (deed.kind !== 'write' || deed.how === 'insert' || made.has(`+table ${deed.table}`)) return null;
  // Written back from a table of its own, or only what the way up inserted by key.
  if (deed.reads.some((table) => made.has(`+table ${table}`))) return null;
  if (deed.how === 'delete') {
    const isOwn = Object.entries(deed.pins).some(
      ([column, values]) => !values.includes(null) && touchesOwnOnly(deed, column, own),
    );
    return deed.bounded || isOwn ? null : `rows of ${deed.table}`;
  }
  const old = deed.columns.filter((column) => !isMade(deed.table, column, made) && !touchesOwnOnly(deed, column, own));
  return old.length === 0 ? null : `values of ${old.map((column) => columnKey(deed.table, column)).join(', ')}`;
}

function isMade(table: string, column: string, made: Set<string>): boolean {
  const key = columnKey(table, column);
  // The way down fills a column that the way up dropped and it has just brought back.
  return (
    made.has(`+column ${key}`) ||
    made.has(`-column ${key}`) ||
    made.has(`+table ${table}`) ||
    [...made].some((one) => one.endsWith(`>${key}`))
  );
}
