import { problem } from '../release/problem.ts';
import type { MigrationFacts, TableFact } from './migration.ts';

const KEYS = ['tables', 'unused', 'engineVersion', 'lockTimeoutMs'];
const TABLE_KEYS = ['bytes', 'rows', 'columns'];
const EXAMPLE =
  '{"tables": {"orders": {"bytes": 370000000, "columns": {"note": "text"}}}, "unused": ["users.nick"], "engineVersion": 16, "lockTimeoutMs": 200}';

/** What a person or a script knows of the database, from JSON. Strict: a misspelt key would make a rule milder or harder in silence. */
export function readFacts(text: string, where: string): MigrationFacts {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw wrong('it is not JSON', where, error);
  }
  const facts = objectOf(given, KEYS, 'the facts', where);
  const { tables = {}, unused = [], engineVersion = null, lockTimeoutMs = null } = facts;
  if (!Array.isArray(unused) || unused.some((one) => typeof one !== 'string'))
    throw wrong('"unused" is not a list of names', where);
  return {
    tables: Object.fromEntries(
      Object.entries(objectOf(tables, null, '"tables"', where)).map(([name, fact]) => [
        name,
        tableFact(fact, name, where),
      ]),
    ),
    unused: unused as string[],
    engineVersion: numberOf(engineVersion, '"engineVersion"', where),
    lockTimeoutMs: numberOf(lockTimeoutMs, '"lockTimeoutMs"', where),
  };
}

function tableFact(given: unknown, name: string, where: string): TableFact {
  const { bytes = null, rows = null, columns = {} } = objectOf(given, TABLE_KEYS, `the table ${name}`, where);
  const types = objectOf(columns, null, `the columns of ${name}`, where);
  for (const [column, type] of Object.entries(types)) {
    if (typeof type !== 'string') throw wrong(`the type of ${name}.${column} is not a text`, where);
  }
  return {
    bytes: numberOf(bytes, `the bytes of ${name}`, where),
    rows: numberOf(rows, `the rows of ${name}`, where),
    columns: types as Record<string, string>,
  };
}

function objectOf(
  given: unknown,
  keys: readonly string[] | null,
  what: string,
  where: string,
): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong(`${what} is not an object`, where);
  const odd = keys === null ? undefined : Object.keys(given).find((key) => !keys.includes(key));
  if (odd !== undefined)
    throw wrong(`${what} has the unknown key "${odd}"; there are ${(keys ?? []).join(', ')}`, where);
  return given as Record<string, unknown>;
}

function numberOf(given: unknown, what: string, where: string): number | null {
  if (given === null) return null;
  if (typeof given !== 'number' || !Number.isFinite(given) || given < 0) throw wrong(`${what} is not a number`, where);
  return given;
}

function wrong(what: string, where: string, cause?: unknown): Error {
  return problem('usage', `the facts cannot be used: ${what}`, {
    where,
    next: `Write them like this: ${EXAMPLE}`,
    cause,
  });
}
