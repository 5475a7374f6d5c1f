import { problem } from '../release/problem.ts';
import type { MigrationFacts, TableFact } from './migration.ts';

const KEYS = ['tables', 'absent', 'unused', 'engineVersion', 'lockTimeoutMs'];
const TABLE_KEYS = ['bytes', 'rows', 'columns', 'proven', 'defaults'];
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
  const { tables = {}, absent, unused = [], engineVersion = null, lockTimeoutMs = null } = facts;
  return {
    ...(absent === undefined ? {} : { absent: namesOf(absent, '"absent"', where) }),
    tables: Object.fromEntries(
      Object.entries(objectOf(tables, null, '"tables"', where)).map(([name, fact]) => [
        name,
        tableFact(fact, name, where),
      ]),
    ),
    unused: namesOf(unused, '"unused"', where),
    engineVersion: numberOf(engineVersion, '"engineVersion"', where),
    lockTimeoutMs: numberOf(lockTimeoutMs, '"lockTimeoutMs"', where),
  };
}

function tableFact(given: unknown, name: string, where: string): TableFact {
  const fact = objectOf(given, TABLE_KEYS, `the table ${name}`, where);
  const { bytes = null, rows = null, columns = {}, proven, defaults } = fact;
  return {
    bytes: numberOf(bytes, `the bytes of ${name}`, where),
    rows: numberOf(rows, `the rows of ${name}`, where),
    columns: textsOf(columns, { name, of: 'type', all: 'columns', where }),
    ...(proven === undefined ? {} : { proven: namesOf(proven, `"proven" of ${name}`, where) }),
    ...(defaults === undefined ? {} : { defaults: textsOf(defaults, { name, of: 'default', all: 'defaults', where }) }),
  };
}

function textsOf(
  given: unknown,
  { name, of, all, where }: { name: string; of: string; all: string; where: string },
): Record<string, string> {
  const texts = objectOf(given, null, `the ${all} of ${name}`, where);
  for (const [column, text] of Object.entries(texts)) {
    if (typeof text !== 'string') throw wrong(`the ${of} of ${name}.${column} is not a text`, where);
  }
  return texts as Record<string, string>;
}

function namesOf(given: unknown, what: string, where: string): string[] {
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw wrong(`${what} is not a list of names`, where);
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
