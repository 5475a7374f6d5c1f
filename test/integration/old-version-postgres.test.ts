import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBackup } from '../../src/app/manage-backups.ts';
import { rehearse } from '../../src/app/rehearse.ts';
import type { Rehearsal } from '../../src/core/rehearsal/rehearsal.ts';
import { openApp } from '../../src/wiring/open-app.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const LIMIT_MS = 300_000; // a rehearsal starts a dozen processes; the machine may do other things too
const postgres = findPostgres();
const why = 'reason' in postgres ? ` (needs ${postgres.reason})` : '';

const OLD = `SELECT id, email FROM users WHERE id = 1;
INSERT INTO users (id, email) VALUES (999999, 'new@example.org');
UPDATE users SET email = 'x' WHERE id = 2;
SELECT email FROM users WHERE id = $1;
`;

const releaseFile = (statements: string): string => `service: shop
stores: { database: { postgres: { url: $DATABASE_URL } } }
environments:
  production:
    env-file: .env
    target: { command: { deploy: [touch, deployed], observe: [cat, version.txt] } }
    migrate:
      command:
        up: [${process.execPath}, ${TOOL}, up]
        down: [${process.execPath}, ${TOOL}, down, $REVISION]
        revision: [${process.execPath}, ${TOOL}, revision]
        env: { DATABASE_URL: $DATABASE_URL }
    rehearsal:
      env: { DATABASE_URL: $SCRATCH_URL }
      statements: ${statements}
`;
const DECLARED = releaseFile('{ old: old.sql, every: 20ms, counted: ignore }');

describe.skipIf('reason' in postgres)(`whether the version before still serves, on PostgreSQL${why}`, () => {
  let server: TestPostgres;
  let project: TemporaryProject;

  beforeAll(async () => {
    if ('reason' in postgres) return;
    server = await startPostgres(postgres.bin, ['shared_preload_libraries=pg_stat_statements']);
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query(
      'shop',
      `CREATE EXTENSION pg_stat_statements;
       CREATE TABLE users (id int PRIMARY KEY, email text, name text NOT NULL DEFAULT 'x');
       INSERT INTO users SELECT i, i || '@example.org' FROM generate_series(1, 50) i;
       CREATE TABLE schema_version (n int); INSERT INTO schema_version VALUES (1)`,
    );
    project = createTemporaryProject({ 'shipway.yaml': DECLARED, 'version.txt': '1.0.0', 'old.sql': OLD });
    project.write('.env', `DATABASE_URL='${server.url('shop').replaceAll("'", '%27')}'\n`);
    await withApp((app) => createBackup(app, null));
  }, LIMIT_MS);
  afterAll(async () => {
    await project?.remove();
    await server?.stop();
  }, LIMIT_MS);
  beforeEach(() => {
    rmSync(join(project.directory, 'migrations'), { recursive: true, force: true });
    mkdirSync(join(project.directory, 'migrations'));
    project.write('shipway.yaml', DECLARED);
  });

  async function withApp<T>(use: (app: Awaited<ReturnType<typeof openApp>>) => Promise<T>): Promise<T> {
    const options = { configPath: null, applicationName: 'test', report: () => undefined };
    const app = await openApp({ projectDirectory: project.directory, ...options });
    try {
      return await use(app);
    } finally {
      await app.close();
    }
  }
  async function rehearsed(up: string, down: string): Promise<Rehearsal> {
    project.write('migrations/2.up.sql', up);
    project.write('migrations/2.down.sql', down);
    const watching = { tell: () => undefined, signal: new AbortController().signal };
    const found = await withApp((app) => rehearse(app, { version: '1.1.0', environment: null, store: null }, watching));
    expect(await server.databases()).toEqual(['shop']);
    return found;
  }
  const against = (found: Rehearsal): string[] =>
    found.findings
      .filter((one) => one.severity === 'failure' || one.severity === 'unknown')
      .map(({ kind, sentence }) => `${kind}: ${sentence}`);

  test(
    'a migration that only adds passes, and says how often the statements were tried',
    async () => {
      const found = await rehearsed(
        'ALTER TABLE users ADD COLUMN nick text; SELECT pg_sleep(0.5)',
        'ALTER TABLE users DROP COLUMN nick',
      );
      expect(against(found)).toEqual([]);
      expect(found.outcome).toBe('passed');
      expect(found.oldVersion).toMatchObject({ planned: { count: 1, failed: 0 }, started: null });
      expect(found.oldVersion?.statements.map(({ text, failed }) => [text, failed])).toEqual([
        ['SELECT id, email FROM users WHERE id = 1', 0],
        ["INSERT INTO users (id, email) VALUES (999999, 'new@example.org')", 0],
        ["UPDATE users SET email = 'x' WHERE id = 2", 0],
      ]);
      for (const { during } of found.oldVersion?.statements ?? []) expect(during).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    'a renamed column makes the old queries fail, each with what the server says and the safe way',
    async () => {
      const found = await rehearsed(
        'ALTER TABLE users RENAME COLUMN email TO mail',
        'ALTER TABLE users RENAME COLUMN mail TO email',
      );
      expect(found.outcome).toBe('failed');
      const [select, insert, update, planned] = against(found);
      expect(select).toMatch(
        /^old-breaks: SELECT id, email FROM users WHERE id = 1\nfails after up: column "email" does not exist\nsafe way: add the new name beside the old one/,
      );
      expect(insert).toContain('column "email" of relation "users" does not exist');
      expect(update).toContain('UPDATE users');
      expect(planned).toMatch(/WHERE id = \$1\ncan no longer be planned after up: column "email" does not exist/);
      expect(found.oldVersion?.planned).toEqual({ count: 1, failed: 1 });
    },
    LIMIT_MS,
  );

  test(
    'a column that must have a value, and has no default, makes the old INSERT fail; reading goes on',
    async () => {
      const found = await rehearsed(
        `ALTER TABLE users ADD COLUMN country text NOT NULL DEFAULT 'de'; ALTER TABLE users ALTER COLUMN country DROP DEFAULT`,
        'ALTER TABLE users DROP COLUMN country',
      );
      expect(against(found)).toEqual([
        expect.stringMatching(
          /^old-breaks: INSERT [\s\S]*null value in column "country"[\s\S]*safe way: give the column a DEFAULT/,
        ),
      ]);
    },
    LIMIT_MS,
  );

  test.each([
    [
      'a constraint',
      'ALTER TABLE users ADD CONSTRAINT dot CHECK (id < 999999) NOT VALID',
      'ALTER TABLE users DROP CONSTRAINT dot',
      'violates check constraint "dot"',
    ],
    [
      'a constraint that is looked at when a transaction ends',
      'CREATE TABLE known (id int PRIMARY KEY); INSERT INTO known SELECT id FROM users; ALTER TABLE users ADD CONSTRAINT known FOREIGN KEY (id) REFERENCES known DEFERRABLE INITIALLY DEFERRED',
      'ALTER TABLE users DROP CONSTRAINT known; DROP TABLE known',
      'violates foreign key constraint "known"',
    ],
    [
      'a trigger',
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'name is missing'; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()`,
      'DROP TRIGGER refuse ON users; DROP FUNCTION refuse()',
      'name is missing',
    ],
  ])(
    '%s that refuses what the old version writes is found, though every statement can be planned',
    async (_, up, down, said) => {
      const found = await rehearsed(up, down);
      expect(against(found)).toEqual([expect.stringMatching(/^old-breaks: INSERT/)]);
      expect(against(found)[0]).toContain(said);
      expect(against(found)[0]).toContain('safe way: let the rule accept what the version before writes');
      expect(found.oldVersion?.planned?.failed).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'an index that is built without CONCURRENTLY keeps old writes waiting, for a time that is told; reads go on',
    async () => {
      // Building it over this function takes as long on every machine.
      const slow = `CREATE FUNCTION slowly(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN id; END $$;`;
      const up = `${slow} CREATE INDEX users_slowly ON users (slowly(id))`;
      const found = await rehearsed(up, 'DROP INDEX users_slowly; DROP FUNCTION slowly(int)');
      const stalls = found.findings.filter((one) => one.kind === 'old-stalls');
      expect(stalls.map((one) => one.severity)).toEqual(['warning', 'warning']);
      expect(stalls[0]?.sentence).toMatch(
        /^INSERT [\s\S]*waited [\d.]+s while up ran\nsafe way: CREATE INDEX CONCURRENTLY/,
      );
      const [select, insert] = found.oldVersion?.statements ?? [];
      expect(insert?.stallMs).toBeGreaterThan(700); // of the second that it takes
      expect(select?.stallMs).toBeLessThan(700);
      project.write('shipway.yaml', DECLARED.replace('      statements', '      stall-limit: 250ms\n      statements'));
      expect((await rehearsed(up, 'DROP INDEX users_slowly; DROP FUNCTION slowly(int)')).outcome).toBe('failed');
    },
    LIMIT_MS,
  );

  test(
    'what the live server has counted is planned on the new schema without a word in the release file',
    async () => {
      await server.query('shop', 'SELECT pg_stat_statements_reset()');
      for (let id = 1; id < 4; id += 1) await server.query('shop', `SELECT name FROM users WHERE email = 'a${id}'`);
      project.write('shipway.yaml', releaseFile('{}'));
      const rename = ['ALTER TABLE users RENAME COLUMN email TO mail', 'ALTER TABLE users RENAME COLUMN mail TO email'];
      const found = await rehearsed(rename[0] ?? '', rename[1] ?? '');
      expect(against(found)).toEqual([
        expect.stringMatching(
          /^old-breaks: SELECT name FROM users WHERE email = \$1\ncan no longer be planned after up: column "email" does not exist/,
        ),
      ]);
      expect(found.oldVersion).toMatchObject({ isCounted: true, statements: [{ source: 'counted', failed: 1 }] });
      project.write('shipway.yaml', releaseFile('{ counted: warn }'));
      expect((await rehearsed(rename[0] ?? '', rename[1] ?? '')).outcome).toBe('passed');
    },
    LIMIT_MS,
  );

  test(
    'a statement that fails before the migration too is not counted against it, and not for it',
    async () => {
      project.write('shipway.yaml', releaseFile("{ old: ['SELECT nothing FROM users'], counted: ignore }"));
      const found = await rehearsed('ALTER TABLE users ADD COLUMN a text', 'ALTER TABLE users DROP COLUMN a');
      expect(found.outcome).toBe('could-not-measure');
      expect(against(found)[0]).toMatch(/^old-unknown: SELECT nothing FROM users\nfails before the migration too/);
    },
    LIMIT_MS,
  );

  test(
    'down meets what the new version wrote: what is lost of it is told with counts',
    async () => {
      const written = `INSERT INTO users (id, email, nick) SELECT i, NULL, 'n' FROM generate_series(100, 106) i;
        UPDATE users SET nick = 'm' WHERE id < 4`;
      project.write('new.sql', written);
      project.write('shipway.yaml', releaseFile('{ new: new.sql, counted: ignore }'));
      const up = 'ALTER TABLE users ADD COLUMN nick text';
      const found = await rehearsed(up, 'DELETE FROM users WHERE email IS NULL; ALTER TABLE users DROP COLUMN nick');
      expect(against(found)).toEqual([]);
      expect(found.discards).toEqual([
        { name: 'column public.users.nick', count: 10, unit: 'values' },
        { name: 'table public.users', count: 7, unit: 'rows' },
      ]);
      const failing = await rehearsed(
        up,
        `ALTER TABLE users DROP COLUMN nick; ALTER TABLE users ALTER COLUMN email SET NOT NULL;
         ALTER TABLE users ALTER COLUMN email DROP NOT NULL`,
      );
      expect(against(failing)[0]).toMatch(
        /^down-failed: [\s\S]*column "email" of relation "users" contains null values/,
      );
    },
    LIMIT_MS,
  );
});
