import type { Migration, MigrationFacts, Severity, TableFact } from './migration.ts';
import type { Progress } from './progress.ts';
import type { RuleName } from './rule-list.ts';

/** What a rule looks at besides the deed itself. */
export interface Scene {
  migration: Migration;
  facts: MigrationFacts;
  progress: Progress;
}

/** What a rule says about one deed. */
export interface Remark {
  rule: RuleName;
  why: string;
  safeWay: string;
  /** Only where it differs from that of the rule. */
  severity?: Severity;
}

/** Bytes that go through each kind of work in a second, measured on 370 MB with an unloaded disk; production is rarely faster. */
const BYTES_PER_SECOND = {
  rewrite: 50e6, // 5.3 to 8.8 s
  scan: 500e6, // 0.66 s
  index: 400e6, // 0.9 s
  change: 32e6, // 11.4 s
};
export type Labour = keyof typeof BYTES_PER_SECOND;

const SHORT_SECONDS = 0.2; // a stall that a person does not notice and a retry hides
const LONG_SECONDS = 1; // from here on requests queue up faster than they end

export function isSqlite(scene: Scene): boolean {
  return scene.migration.dialect === 'sqlite';
}

/** Whether rows or readers of the table can exist: not when this migration made it. */
export function isOld(scene: Scene, table: string): boolean {
  return !scene.progress.newTables.has(table) && scene.facts.absent?.includes(table) !== true;
}

const ROW_BYTES = 250; // the measured table had 1.5 million rows in 370 MB; for tables of which only the rows were counted

/** How long the work blocks, by the size of the table; null when the size is not known. */
export function blockedSeconds(scene: Scene, table: string, labour: Labour): number | null {
  const bytes = bytesOf(scene, table);
  return bytes === null ? null : bytes / BYTES_PER_SECOND[labour];
}

function bytesOf(scene: Scene, table: string): number | null {
  const { bytes, rows } = factOf(scene, table);
  return bytes ?? (rows === null ? null : rows * ROW_BYTES);
}

export function factOf(scene: Scene, table: string): TableFact {
  const { tables } = scene.facts;
  const found = Object.hasOwn(tables, table) ? tables[table] : tables[`public.${table}`];
  return found ?? { bytes: null, rows: null, columns: {} };
}

/** The remark, milder when the table is known to be so small that nobody notices, and with a second one when it is large. */
export function bySize(scene: Scene, table: string, labour: Labour, remark: Remark): Remark[] {
  const seconds = blockedSeconds(scene, table, labour);
  if (seconds === null) return [{ ...remark, why: `${remark.why}; the size of ${table} is not known` }];
  if (seconds < SHORT_SECONDS) return [{ ...remark, severity: 'note', why: `${remark.why}; ${sizeOf(scene, table)}` }];
  if (seconds < LONG_SECONDS) return [remark];
  return [remark, longLock(scene, table, seconds, remark.safeWay)];
}

function longLock(scene: Scene, table: string, seconds: number, safeWay: string): Remark {
  const why = `${sizeOf(scene, table)}: the lock is held for about ${Math.round(seconds)} s, and everybody who needs the table waits`;
  return { rule: 'long-lock', why, safeWay };
}

/** `orders has 370 MB in about 1500000 rows`. */
function sizeOf(scene: Scene, table: string): string {
  const { bytes, rows } = factOf(scene, table);
  const size = bytes === null ? null : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1e6)} MB`;
  const count = rows === null ? null : `about ${rows} rows`;
  return `${table} has ${[size, count].filter((one) => one !== null).join(' in ')}`;
}

/** Whether the version that runs is known not to use the table or column. */
export function isUnused(scene: Scene, name: string): boolean {
  const { unused } = scene.facts;
  const table = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : null;
  return unused.includes(name) || (table !== null && unused.includes(table));
}

/** The name as it must be written in SQL. */
export function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`))
    .join('.');
}
