import { isSamePart, type DataPart, type DataShape, type PartCount } from '../../../core/rehearsal/data-shape.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Counting } from '../store.ts';
import { sqliteProblem, withLiveDatabase, type Connection } from './connection.ts';
import { literal, nameFrom, tablesOf } from './fingerprint.ts';

/** Counts in the live database while others use it. */
export function countingOf(locate: (effect: Effect) => Promise<string>): Counting {
  const reading = async <Result>(
    effect: Effect,
    none: Result,
    use: (database: Connection) => Promise<Result>,
  ): Promise<Result> => {
    const live = await locate(effect);
    if ((await factsOf(live)) === null) return none; // before the first release
    try {
      return await withLiveDatabase(live, effect, use);
    } catch (error) {
      throw sqliteProblem('unreachable', 'what is in its tables cannot be counted', live, error);
    }
  };
  return {
    shape: (effect) => reading<DataShape>(effect, {}, readShape),
    count: (parts, effect) => reading<PartCount[]>(effect, [], (database) => countParts(database, parts)),
  };
}

async function readShape(database: Connection): Promise<DataShape> {
  const shape: DataShape = {};
  for (const table of await tablesOf(database)) {
    if (!table.startsWith('sqlite_')) shape[table] = await columnsOf(database, table);
  }
  return shape;
}

/** Those that hold values of their own: neither computed nor hidden ones of a virtual table. */
async function columnsOf(database: Connection, table: string): Promise<string[]> {
  const rows = await database.all(
    `SELECT CAST(name AS BLOB) FROM pragma_table_xinfo(${literal(table)}) WHERE hidden = 0 ORDER BY cid`,
  );
  return rows.map(([name]) => nameFrom(name));
}

async function countParts(database: Connection, wanted: readonly DataPart[]): Promise<PartCount[]> {
  const counts: PartCount[] = [];
  for (const [table, columns] of Object.entries(await readShape(database))) {
    const parts: DataPart[] = [null, ...columns].map((column) => ({ table, column }));
    const asked = parts.filter((part) => wanted.some((one) => isSamePart(one, part)));
    if (asked.length === 0) continue;
    const results = asked.map(({ column }) => `count(${column === null ? '*' : quote(column)})`);
    const [row] = await database.all(`SELECT ${results.join(', ')} FROM ${quote(table)}`);
    counts.push(...asked.map((part, at) => ({ ...part, count: Number(row?.[at]) })));
  }
  return counts;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
