import pg from 'pg';
import { makePasses, nothingFound } from '../../src/app/rehearsal-passes.ts';
import { parseAddress } from '../../src/adapters/stores/postgres/address.ts';
import { describeTables } from '../../src/adapters/stores/postgres/describe-tables.ts';
import { readState } from '../../src/adapters/stores/postgres/read-state.ts';
import { withSession } from '../../src/adapters/stores/postgres/session.ts';
import { statementsOn } from '../../src/adapters/stores/postgres/try-statements.ts';
import { tableIdsOf, watchLocks } from '../../src/adapters/stores/postgres/watch-locks.ts';
import type { Migrator } from '../../src/adapters/migrators/migrator.ts';
import type { Scratch } from '../../src/adapters/stores/store.ts';
import { unfitStatement } from '../../src/core/rehearsal/old-version.ts';
import { outcomeOf, type RehearsalFinding } from '../../src/core/rehearsal/rehearsal.ts';
import { splitStatements } from '../../src/core/rehearsal/split-statements.ts';
import { problem } from '../../src/core/release/problem.ts';
import { createEffect } from './create-effect.ts';
import { CATALOG, type ForeignCase } from './migrations-of-others.ts';
import type { TestPostgres } from './postgres-server.ts';

const FAILURE = { kind: 'restore-failed', what: 'the copy for the rehearsal cannot be used' } as const;
const LIMIT_SECONDS = 60;

/** The passes of a rehearsal on a database that has the schema of the case; what speaks against the migration. A contract is not rehearsed. */
export async function rehearseCase(one: ForeignCase, server: TestPostgres): Promise<RehearsalFinding[]> {
  if (one.isContract) return [];
  await server.query('postgres', 'DROP DATABASE IF EXISTS rehearsed WITH (FORCE)');
  await server.query('postgres', 'CREATE DATABASE rehearsed');
  const url = server.url('rehearsed');
  await runAt(url, [one.schema]); // by the user of the migration, as a restored copy belongs to it
  const found = nothingFound();
  const { signal } = new AbortController();
  await makePasses(
    {
      version: '2.0.0',
      revision: '1',
      isReversible: one.down !== null,
      config: {
        env: {},
        store: null,
        checks: [],
        limitSeconds: LIMIT_SECONDS,
        stallSecondsMax: null,
        ignoreTables: [],
        required: true,
        validSeconds: null,
      },
      scratch: scratchAt(url),
      migrator: migratorOf(one, url),
      effectOf: (_, ending) => createEffect('.', { signal: ending }),
      old: {
        version: '1.0.0',
        config: { old: null, new: null, everySeconds: 0.05, counted: 'ignore' },
        declared: splitStatements(one.old).filter((text) => unfitStatement(text) === null),
        counted: null,
        start: null,
        judged: [],
      },
      newStatements: [],
      runCheck: () => Promise.reject(new Error('there is no check')),
      signal,
      tell: () => undefined,
    },
    found,
  );
  return outcomeOf(found.findings) === 'passed'
    ? []
    : found.findings.filter(({ severity }) => severity === 'failure' || severity === 'unknown');
}

/** What the store tells of the tables that the schema of the case makes. */
export async function describeCase(one: ForeignCase, server: TestPostgres): Promise<Record<string, unknown>> {
  await server.query('postgres', 'DROP DATABASE IF EXISTS described WITH (FORCE)');
  await server.query('postgres', 'CREATE DATABASE described');
  const url = server.url('described');
  await runAt(url, [one.schema]);
  const names = Object.keys(CATALOG[`${one.verdict}-${one.name}`] ?? {});
  const found = await describeTables(names, parseAddress(url), createEffect('.'));
  return Object.fromEntries(
    Object.entries(found.tables).map(([name, { columns, proven, defaults }]) => [name, { columns, proven, defaults }]),
  );
}

function scratchAt(url: string): Scratch {
  const request = { address: parseAddress(url), database: 'rehearsed', effect: createEffect('.'), failure: FAILURE };
  return {
    variables: {},
    place: 'rehearsed',
    hasLocks: true,
    read: (effect) => withSession({ ...request, effect }, readState),
    watch: async (act, effect) => {
      const own = { ...request, effect };
      return watchLocks(own, await withSession(own, tableIdsOf), act);
    },
    statements: statementsOn(request),
    quiet: async () => undefined,
    remove: async () => undefined,
  };
}

async function runAt(url: string, texts: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const text of texts) await client.query(text);
  } finally {
    await client.end();
  }
}

/** Runs the SQL of the case as its tool would: in one transaction, or statement by statement. */
function migratorOf(one: ForeignCase, url: string): Migrator {
  const run = async (sql: string): Promise<void> => {
    try {
      await runAt(url, one.inTransaction ? [`BEGIN;\n${sql}\n;COMMIT`] : splitStatements(sql));
    } catch (error) {
      throw problem('migration-failed', error instanceof Error ? error.message : String(error), { next: 'mend it' });
    }
  };
  return {
    kind: one.tool,
    commandsFor: () => [],
    revision: async () => '2',
    up: () => run(one.up),
    down: () => run(one.down ?? ''),
    atomicity: async () => ({ atomic: one.inTransaction, why: '' }),
    preview: async () => ({ unseen: 'it is given' }),
    status: async () => null,
  };
}
