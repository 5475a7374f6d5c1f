import { isSamePart, type DataPart, type DataShape, type PartCount } from '../../../core/rehearsal/data-shape.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Counting } from '../store.ts';
import type { Address } from './address.ts';
import { TABLES } from './content.ts';
import { quoteName, withSession, type Session } from './session.ts';

const LIMIT_MS = 60_000; // somebody waits for the answer, or the service refuses work meanwhile
const FAILURE = { kind: 'unreachable', what: 'what is in its tables cannot be counted' } as const;

const SHAPE = `
  SELECT t.name, coalesce(json_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL), '[]') AS columns
  FROM (${TABLES.replace(' AS name', ' AS name, c.oid AS id')}) AS t
  LEFT JOIN pg_attribute a ON a.attrelid = t.id AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  GROUP BY t.name ORDER BY t.name COLLATE "C"`;

/** Counts in the live database, without a lock that anybody waits for. */
export function countingOf(addressOf: (effect: Effect) => Address): Counting {
  const reading = <Result>(effect: Effect, use: (session: Session) => Promise<Result>): Promise<Result> =>
    withSession({ address: addressOf(effect), effect, failure: FAILURE }, async (session) => {
      await session.query(`SET default_transaction_read_only = on; SET statement_timeout = ${LIMIT_MS}`);
      return use(session);
    });
  return {
    shape: (effect) => reading(effect, readShape),
    count: (parts, effect) => reading(effect, (session) => countParts(session, parts)),
  };
}

async function readShape(session: Session): Promise<DataShape> {
  const rows = await session.query<{ name: string; columns: string[] }>(SHAPE);
  return Object.fromEntries(rows.map(({ name, columns }) => [name, columns]));
}

async function countParts(session: Session, wanted: readonly DataPart[]): Promise<PartCount[]> {
  const counts: PartCount[] = [];
  for (const [table, columns] of Object.entries(await readShape(session))) {
    // Only names that the server itself has just told go into a query.
    const parts: DataPart[] = [null, ...columns].map((column) => ({ table, column }));
    const asked = parts.filter((part) => wanted.some((one) => isSamePart(one, part)));
    if (asked.length === 0) continue;
    const results = asked.map(({ column }, at) => `count(${column === null ? '*' : quoteName(column)}) AS n${at}`);
    const [row] = await session.query<Record<string, string>>(`SELECT ${results.join(', ')} FROM ONLY ${table}`);
    counts.push(...asked.map((part, at) => ({ ...part, count: Number(row?.[`n${at}`]) })));
  }
  return counts;
}
