import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { dialectKinds } from '../../src/adapters/dialects/index.ts';
import { judgeMigration } from '../../src/core/migration/judge-migration.ts';
import { NOTHING_KNOWN, type Finding, type MigrationFacts } from '../../src/core/migration/migration.ts';
import { migrationOf } from '../../src/core/migration/read-script.ts';
import { RULES } from '../../src/core/migration/rule-list.ts';
import type { DialectName } from '../../src/core/migration/statement.ts';

const FOLDER = 'test/fixtures/migrations';
const dialects = { postgresql: dialectKinds.postgresql.open(), sqlite: dialectKinds.sqlite.open() };

interface Case {
  name: string;
  text: string;
  dialect: DialectName;
  facts: MigrationFacts;
  /** Rules that must be named, sorted; notes are not counted. */
  expected: string[];
}

function casesIn(folder: string): Case[] {
  return readdirSync(join(FOLDER, folder)).map((file) => {
    const text = readFileSync(join(FOLDER, folder, file), 'utf8');
    const said = (key: string): string | undefined => new RegExp(`^-- ${key}: (.+)$`, 'm').exec(text)?.[1];
    const facts = JSON.parse(said('facts') ?? '{}') as Partial<MigrationFacts>;
    const expected = said('expect');
    if (expected === undefined) throw new Error(`${file} does not say what is expected of it`);
    return {
      name: `${folder}/${file}`,
      text,
      dialect: (said('dialect') ?? 'postgresql') as DialectName,
      facts: { ...NOTHING_KNOWN, ...facts, tables: tablesOf(facts) },
      expected: expected === 'nothing' ? [] : expected.split(', ').toSorted(),
    };
  });
}

function tablesOf(facts: Partial<MigrationFacts>): MigrationFacts['tables'] {
  const unknown = { bytes: null, rows: null, columns: {} };
  const given = Object.entries(facts.tables ?? {}) as [string, Partial<typeof unknown>][];
  return Object.fromEntries(given.map(([name, fact]) => [name, { ...unknown, ...fact }]));
}

async function judge(one: Case): Promise<Finding[]> {
  const read = (sql: string) => dialects[one.dialect].read(sql);
  const { name, text, dialect } = one;
  return judgeMigration(await migrationOf({ name, dialect, text, down: null, inTransaction: null, read }), one.facts);
}

function rulesIn(findings: readonly Finding[]): string[] {
  return [...new Set(findings.filter((one) => one.severity !== 'note').map((one) => one.rule))].toSorted();
}

const faulty = casesIn('faulty');
const harmless = casesIn('harmless');

describe('the corpus of migrations', () => {
  const found = new Map<string, string[]>();
  beforeAll(async () => {
    for (const one of [...faulty, ...harmless]) found.set(one.name, rulesIn(await judge(one)));
  });
  const foundIn = (one: Case): string[] => found.get(one.name) ?? [];

  test('has at least 40 faulty migrations and 20 harmless ones that look dangerous, and breaks every rule', () => {
    expect(faulty.length).toBeGreaterThanOrEqual(40);
    expect(harmless.length).toBeGreaterThanOrEqual(20);
    expect(faulty.filter((one) => one.expected.length === 0)).toEqual([]);
    expect(harmless.filter((one) => one.expected.length > 0)).toEqual([]);
    const broken = new Set(faulty.flatMap((one) => one.expected));
    expect(Object.keys(RULES).filter((rule) => !broken.has(rule))).toEqual([]);
  });

  test.each(faulty)('$name breaks exactly the rules it is to break', (one) => {
    expect(foundIn(one)).toEqual(one.expected);
  });

  test.each(harmless)('$name breaks none', (one) => {
    expect(foundIn(one)).toEqual([]);
  });

  test('the figures: every fault that is expected is found, and there is no false alarm', () => {
    const wanted = faulty.flatMap((one) => one.expected.map((rule) => `${one.name} ${rule}`));
    const named = [...faulty, ...harmless].flatMap((one) => foundIn(one).map((rule) => `${one.name} ${rule}`));
    const missed = wanted.filter((one) => !named.includes(one));
    const falseAlarms = named.filter((one) => !wanted.includes(one));
    expect({ wanted: wanted.length, missed, falseAlarms }).toEqual({ wanted: 97, missed: [], falseAlarms: [] });
  });
});

describe('the reference of the rules', () => {
  test.each(Object.entries(RULES))('the example of %s breaks it', async (rule, { example }) => {
    const dialect = rule === 'table-rebuilt' ? 'sqlite' : 'postgresql';
    // How long a lock lasts is known only with a size, and what was before a new default only from the database.
    const users = { 'long-lock': { bytes: 5e9 }, 'default-changed': { defaults: { plan: "'free'" } } }[rule];
    const facts = users === undefined ? {} : { tables: { users } };
    const one = {
      name: rule,
      text: example,
      dialect,
      expected: [],
      facts: { ...NOTHING_KNOWN, tables: tablesOf(facts as never) },
    } as const;
    expect(rulesIn(await judge({ ...one, expected: [] }))).toContain(rule);
  });
});
