import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createBackup } from '../../src/app/manage-backups.ts';
import { rehearse } from '../../src/app/rehearse.ts';
import type { Rehearsal } from '../../src/core/rehearsal/rehearsal.ts';
import { openApp } from '../../src/wiring/open-app.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { runGapped } from '../support/run-gapped.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const LIMIT_MS = 300_000; // a rehearsal starts a dozen processes; the machine may do other things too
const postgres = findPostgres();
const why = 'reason' in postgres ? ` (needs ${postgres.reason})` : '';

const releaseFile = (rehearsal: string): string => `service: shop
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
${rehearsal}
`;

describe.skipIf('reason' in postgres)(`a rehearsal on PostgreSQL${why}`, () => {
  let server: TestPostgres;
  let project: TemporaryProject;
  let app: Awaited<ReturnType<typeof openApp>>;

  beforeAll(async () => {
    if ('reason' in postgres) return;
    server = await startPostgres(postgres.bin);
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query(
      'shop',
      `CREATE TABLE users (id int PRIMARY KEY, email text, name text NOT NULL DEFAULT 'x');
       INSERT INTO users SELECT i, i || '@example.org' FROM generate_series(1, 50) i;
       CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE schema_version (n int); INSERT INTO schema_version VALUES (1)`,
    );
    project = createTemporaryProject({ 'shipway.yaml': releaseFile(''), 'version.txt': '1.0.0' });
    project.write('.env', `DATABASE_URL='${server.url('shop').replaceAll("'", '%27')}'\n`);
    app = await openApp({
      projectDirectory: project.directory,
      configPath: null,
      applicationName: 'test',
      report: () => undefined,
    });
    await createBackup(app, null);
  }, LIMIT_MS);
  afterAll(async () => {
    await app?.close();
    await project?.remove();
    await server?.stop();
  }, LIMIT_MS);
  beforeEach(() => {
    rmSync(join(project.directory, 'migrations'), { recursive: true, force: true });
    mkdirSync(join(project.directory, 'migrations'));
  });

  async function rehearsed(up: string, down: string): Promise<Rehearsal> {
    project.write('migrations/2.up.sql', up);
    project.write('migrations/2.down.sql', down);
    const fresh = await openApp({
      projectDirectory: project.directory,
      configPath: null,
      applicationName: 'test',
      report: () => undefined,
    });
    try {
      const watching = { tell: () => undefined, signal: new AbortController().signal };
      const found = await rehearse(fresh, { version: '1.1.0', environment: null, store: null }, watching);
      expect(await server.databases()).toEqual(['shop']);
      expect(await server.query('shop', 'SELECT n FROM schema_version')).toEqual([{ n: 1 }]);
      return found;
    } finally {
      await fresh.close();
    }
  }
  const sentences = (found: Rehearsal): string[] => found.findings.map(({ kind, sentence }) => `${kind}: ${sentence}`);

  test(
    'a good migration passes, with its times, its locks and what they kept waiting',
    async () => {
      const found = await rehearsed(
        'ALTER TABLE users ADD COLUMN nick text; SELECT pg_sleep(1)',
        'ALTER TABLE users DROP COLUMN nick',
      );
      expect(sentences(found).filter((one) => !one.startsWith('long-stall'))).toEqual([]);
      expect(found).toMatchObject({ outcome: 'passed', revisionBefore: '1', revisionAfter: '2' });
      expect(found.tookMs.up).toBeGreaterThan(1000);
      const [lock] = found.locks.up?.locks ?? [];
      expect(lock).toMatchObject({ table: 'public.users', mode: 'AccessExclusiveLock', lockedOut: 'everybody' });
      expect(lock?.longestMs).toBeGreaterThan(500);
      expect(found.locks.up?.stall).toMatchObject({ table: 'public.users' });
      expect(found.locks.up?.stall?.ms).toBeGreaterThan(500);
      expect(found.tookMs.again).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  test(
    'a way down that loses a column, leaves an index and changes rows is caught, each named with its count',
    async () => {
      const found = await rehearsed(
        'ALTER TABLE users ADD COLUMN nick text; CREATE INDEX users_nick ON users (id)',
        `ALTER TABLE users DROP COLUMN nick; ALTER TABLE users DROP COLUMN name; UPDATE users SET email = NULL WHERE id > 40;
         ALTER TABLE users DROP CONSTRAINT users_pkey`,
      );
      expect(found.outcome).toBe('failed');
      expect(sentences(found)).toEqual(
        expect.arrayContaining([
          'not-restored: after down: column public.users.name is missing (50 values)',
          'not-restored: after down: column public.users.email has 40 values, 50 before',
          expect.stringContaining(
            'not-restored: after down: left behind in the schema: index users_nick of public.users',
          ),
          expect.stringContaining('not-restored: after down: missing in the schema: constraint users_pkey'),
        ]),
      );
    },
    LIMIT_MS,
  );

  test(
    'a way up that fails half way says what it left: nothing in a transaction, half of it outside',
    async () => {
      const one = await rehearsed('ALTER TABLE users ADD COLUMN a text; ALTER TABLE nowhere ADD COLUMN b text', '');
      expect(one.outcome).toBe('failed');
      expect(sentences(one)[0]).toMatch(
        /^up-failed: [\s\S]*relation "nowhere" does not exist[\s\S]*the data is as it was before$/,
      );
      project.write('migrations/3.up.sql', 'ALTER TABLE nowhere ADD COLUMN b text');
      project.write('migrations/3.down.sql', 'SELECT 1');
      const two = await rehearsed('ALTER TABLE users ADD COLUMN a text', 'ALTER TABLE users DROP COLUMN a');
      expect(sentences(two)[0]).toContain(
        'it left the data half way: table public.schema_version has 2 rows, 1 before',
      );
      expect(sentences(two)[0]).toContain('column public.users.a is left behind');
    },
    LIMIT_MS,
  );

  test(
    'a migration that hangs on a lock is ended at its limit, and the lock it waited for is named',
    async () => {
      // The tool waits on one connection for what it keeps locked on another one.
      project.write(
        'lock-itself.mjs',
        `import pg from ${JSON.stringify(resolve('node_modules/pg/esm/index.mjs'))};
         const clients = [1, 2].map(() => new pg.Client({ connectionString: process.env.DATABASE_URL }));
         for (const client of clients) { await client.connect(); await client.query('BEGIN; LOCK TABLE users'); }`,
      );
      const file = releaseFile('      limit: 4s\n').replace(`${TOOL}, up]`, 'lock-itself.mjs]');
      project.write('shipway.yaml', file);
      try {
        const found = await rehearsed('', '');
        expect(found.outcome).toBe('failed');
        expect(sentences(found).find((one) => one.startsWith('too-long'))).toMatch(
          /^too-long: migrate up did not end within 4s and was ended; it waited [\d.]+s for AccessExclusiveLock on public\.users\nthe data is as it was before$/,
        );
      } finally {
        project.write('shipway.yaml', releaseFile(''));
      }
    },
    LIMIT_MS,
  );

  test(
    'a tool that reaches the live data all the same is found out, loudly',
    async () => {
      // Looks like a tool that is led to the copy, and writes elsewhere.
      const live = server.socketUrl('shop');
      project.write(
        'traitor.mjs',
        `import pg from ${JSON.stringify(resolve('node_modules/pg/esm/index.mjs'))};
         const client = new pg.Client({ connectionString: ${JSON.stringify(live)} });
         await client.connect();
         await client.query("UPDATE users SET email = 'gone' WHERE id = 1; UPDATE schema_version SET n = 5");
         await client.end();`,
      );
      const file = releaseFile('').replace(
        `up: [${process.execPath}, ${TOOL}, up]`,
        `up: [${process.execPath}, traitor.mjs]`,
      );
      project.write('shipway.yaml', file);
      try {
        const fresh = await openApp({
          projectDirectory: project.directory,
          configPath: null,
          applicationName: 'test',
          report: () => undefined,
        });
        const watching = { tell: () => undefined, signal: new AbortController().signal };
        const found = await rehearse(fresh, { version: '1.1.0', environment: null, store: null }, watching);
        await fresh.close();
        expect(found.outcome).toBe('failed');
        expect(sentences(found)[0]).toContain('the LIVE data went from revision 1 to 5 during the rehearsal');
      } finally {
        await server.query(
          'shop',
          "UPDATE users SET email = '1@example.org' WHERE id = 1; UPDATE schema_version SET n = 1",
        );
        project.write('shipway.yaml', releaseFile(''));
      }
    },
    LIMIT_MS,
  );

  test(
    'where the store names a scratch server, the copy is made there and nothing on the live one',
    async () => {
      const other = await startPostgres('bin' in postgres ? postgres.bin : '');
      const check = `      checks: [{ There: { run: [node, -p, 'new URL(process.env.DATABASE_URL).port'], env: { DATABASE_URL: $DATABASE_URL }, expect: { output: '^${other.port}$' } } }]`;
      project.write(
        'shipway.yaml',
        releaseFile(check).replace('url: $DATABASE_URL }', 'url: $DATABASE_URL, scratch: $OTHER }'),
      );
      project.write('.env', `${project.read('.env')}OTHER='${other.url('postgres').replaceAll("'", '%27')}'\n`);
      try {
        const found = await rehearsed('ALTER TABLE users ADD COLUMN a text', 'ALTER TABLE users DROP COLUMN a');
        expect(sentences(found)).toEqual([]);
        expect(found.checks).toMatchObject([{ name: 'There', outcome: 'pass' }]);
        expect(await other.databases()).toEqual([]);
      } finally {
        project.write('shipway.yaml', releaseFile(''));
        await other.stop();
      }
    },
    LIMIT_MS,
  );

  test.each(['stores.postgres.created', 'rehearse.up', 'rehearse.before-evidence'])(
    'killed at %s, it leaves the live data as it was, and the next rehearsal removes the copy',
    async (at) => {
      project.write('migrations/2.up.sql', 'ALTER TABLE users ADD COLUMN nick text');
      project.write('migrations/2.down.sql', 'ALTER TABLE users DROP COLUMN nick');
      const argument = { projectDirectory: project.directory, version: '1.1.0' };
      const { signal, stderr } = await runGapped('test/fixtures/processes/rehearse-act.ts', argument, at);
      expect(signal, stderr).toBe('SIGKILL');
      expect(await server.query('shop', 'SELECT n FROM schema_version')).toEqual([{ n: 1 }]);
      const found = await rehearsed('ALTER TABLE users ADD COLUMN nick text', 'ALTER TABLE users DROP COLUMN nick');
      expect(found.outcome).toBe('passed');
    },
    LIMIT_MS,
  );
});
