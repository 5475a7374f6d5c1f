import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { createPostgresProject, type PostgresProject } from '../../../../test/support/postgres-project.ts';
import { findPostgres, startPostgres, SUPERUSER, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import type { Capture } from '../store.ts';

const found = findPostgres();
const IS_DUMP = 'case "$*" in *--snapshot=*) true;; *) false;; esac';

/** Told once, by the name of the test, where there is no server to try it on. */
if ('reason' in found) it.skip(`captures of PostgreSQL: ${found.reason}`, () => undefined);
else captures(await startPostgres(found.bin));

function captures(server: TestPostgres): void {
  let project: PostgresProject;
  const capture = (settings: object = {}): Promise<Capture> =>
    project.open(settings).capture(project.copy, createEffect(project.directory));
  const probe = (settings: object): Promise<unknown> => project.open(settings).probe(createEffect(project.directory));

  beforeEach(async () => {
    project = await createPostgresProject(server);
    await project.sql(
      `CREATE TABLE notes (id int PRIMARY KEY, word text, size numeric(10,2) DEFAULT 1.5);
       INSERT INTO notes VALUES (1, 'a'), (2, NULL), (3, '');`,
    );
  });
  afterEach(() => project.remove());
  afterAll(() => server.stop());

  describe('a capture of a PostgreSQL database', () => {
    it('names server and tool, counts the rows of every table and keeps the position in the log', async () => {
      await project.sql('CREATE SCHEMA "Other"; CREATE TABLE "Other"."b ""c" (x int)');
      const { engine, counters, liveBytes } = await capture();
      expect(engine).toMatch(/^postgres \d+\.\d+ \(pg_dump \d+\.\d+\)$/);
      expect(counters).toEqual({ 'public.notes': 3, '"Other"."b ""c"': 0 });
      expect(liveBytes).toBeGreaterThan(1_000_000);
      expect(readFileSync(join(project.copy, 'database.json'), 'utf8')).toMatch(/"lsn":"[0-9A-F]+\/[0-9A-F]+"/);
    });

    it('keeps the fingerprint over another order of rows, settings of the database and dead rows', async () => {
      const before = await capture();
      await project.sql('DELETE FROM notes');
      await project.sql(`INSERT INTO notes VALUES (3, ''), (1, 'a'), (2, NULL)`);
      await project.sql(
        `ALTER DATABASE shop SET extra_float_digits = -3; ALTER DATABASE shop SET datestyle = 'SQL, DMY';
         ALTER DATABASE shop SET statement_timeout = 1; ALTER DATABASE shop SET default_transaction_read_only = on;`,
      );
      expect((await capture()).fingerprint).toBe(before.fingerprint);
    });

    it.each([
      [`UPDATE notes SET word = '' WHERE id = 2`, 'nothing became an empty text'],
      [`UPDATE notes SET size = 1.51 WHERE id = 2`, 'a cent was lost'],
      [`UPDATE notes SET id = 4 WHERE id = 3`, 'a key changed'],
      [
        `UPDATE notes SET size = 1.500 + id, word = 'a'; UPDATE notes SET word = 'b' WHERE id = 2`,
        'many values changed',
      ],
      [`UPDATE notes SET word = CASE id WHEN 1 THEN NULL ELSE 'a' END WHERE id < 3`, 'two rows exchanged a value'],
      [`CREATE INDEX ON notes (word)`, 'an index was added'],
      [`ALTER TABLE notes ADD CHECK (id > 0)`, 'a constraint was added'],
      [`ALTER TABLE notes ALTER size SET DEFAULT 2`, 'a default changed'],
      [`ALTER TABLE notes ALTER size TYPE numeric(12,2)`, 'a type grew'],
      [`ALTER TABLE notes RENAME word TO words`, 'a column has another name'],
      [`GRANT SELECT ON notes TO pg_monitor`, 'somebody else may read'],
      [`ALTER TABLE notes OWNER TO "${SUPERUSER}"`, 'somebody else owns it'],
      [`CREATE VIEW v AS SELECT 1 AS one`, 'a view was added'],
      [`COMMENT ON TABLE notes IS 'what people write'`, 'a comment was added'],
      [`SELECT lo_from_bytea(0, 'x')`, 'a large object was added'],
    ])('gives another fingerprint after %s: %s', async (sql) => {
      const before = await capture();
      await project.sql(sql);
      expect((await capture()).fingerprint).not.toBe(before.fingerprint);
    });

    it('gives another fingerprint when a value loses a blank at its end, one bit, or moves to the next column of its row', async () => {
      await project.sql(
        `CREATE TYPE pair AS (a int, b int); CREATE TABLE t (a bpchar, b text, c text, d pair, e bytea, f bytea);
         INSERT INTO t VALUES ('x ', NULL, 'y', (NULL, NULL), '\\x00', NULL)`,
      );
      const seen = [(await capture()).fingerprint];
      for (const change of [
        `a = 'x'`,
        `b = 'y', c = NULL`,
        `b = '', c = 'y'`,
        `d = NULL`,
        `e = '\\x01'`,
        `e = ''`,
        `e = NULL, f = ''`,
      ]) {
        await project.sql(`UPDATE t SET ${change}`);
        seen.push((await capture()).fingerprint);
      }
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('is of one moment while others write: money that moves between tables is never lost or doubled', async () => {
      await project.sql('CREATE TABLE a AS SELECT 1000 AS sum; CREATE TABLE b AS SELECT 1000 AS sum');
      let isWriting = true;
      let rounds = 0;
      const writing = (async () => {
        const client = new pg.Client({ connectionString: server.socketUrl('shop') });
        await client.connect();
        while (isWriting) {
          rounds += 1;
          await client.query(
            `BEGIN; UPDATE a SET sum = sum - 1; UPDATE b SET sum = sum + 1; INSERT INTO notes VALUES (${rounds + 10}, 'x'); COMMIT`,
          );
        }
        await client.end();
      })();
      const store = project.open();
      for (let n = 0; n < 3; n += 1) {
        await waitUntil('the writer to go on', () => rounds > n * 5);
        const taken = await capture();
        // Staging compares every row with what was captured: a fingerprint of another moment than the archive would be found.
        await store.extractInto(project.copy, taken, `shop_copy_${n}`, createEffect(project.directory));
        const [row] = await server.query<{ sum: number }>(
          `shop_copy_${n}`,
          'SELECT (SELECT sum FROM a) + (SELECT sum FROM b) AS sum',
        );
        expect(row?.sum).toBe(2000);
      }
      isWriting = false;
      await writing;
    }, 60_000);

    it('leaves out the rows of excluded tables, keeps their definition and says what a restore would not bring back', async () => {
      await project.sql(
        'CREATE TABLE cache AS SELECT generate_series(1, 7) AS n; CREATE SCHEMA s; CREATE TABLE s."cac*" (x int)',
      );
      const settings = { 'exclude-tables': ['cache', 's.cac*'] };
      const taken = await capture(settings);
      expect(taken.counters['public.cache']).toBe(0);
      const store = project.open(settings);
      await store.extractInto(project.copy, taken, 'shop_copy', createEffect(project.directory));
      expect(await server.query('shop_copy', 'SELECT * FROM cache')).toEqual([]);
      expect(await store.changesSince(taken, createEffect(project.directory))).toEqual({
        tables: {},
        contentDiffers: false,
        notInBackup: { 'public.cache': 7, 's."cac*"': 0 },
      });
    });

    it('tells updated rows from equal counts', async () => {
      const taken = await capture();
      const changes = () => project.open().changesSince(taken, createEffect(project.directory));
      expect(await changes()).toEqual({ tables: {}, contentDiffers: false });
      await project.sql(`UPDATE notes SET word = 'b' WHERE id = 1`);
      expect(await changes()).toEqual({ tables: {}, contentDiffers: true });
      await project.sql(`DELETE FROM notes; CREATE TABLE more AS SELECT 1 AS one`);
      expect(await changes()).toEqual({
        tables: { 'public.more': { captured: null, now: 1 }, 'public.notes': { captured: 3, now: 0 } },
        contentDiffers: true,
      });
    });

    it('gives the password to the tools in the environment, and to nothing that can be read', async () => {
      const log = join(project.directory, 'arguments');
      const through = project.through(
        `echo "$*" >> ${log}; [ "$PGPASSWORD" = "$(cat ${log}.expected)" ] && echo right >> ${log}\nexec "$@"`,
      );
      writeFileSync(`${log}.expected`, server.password);
      const effect = createEffect(project.directory);
      const store = project.open({ through });
      await store.verify(project.copy, await store.capture(project.copy, effect), effect);
      const written = [
        readFileSync(log, 'utf8'),
        readFileSync(join(project.copy, 'database.json'), 'utf8'),
        effect.lines.join(),
      ];
      expect(written[0]).toContain(`pg_dump --no-password --username=${SUPERUSER} --dbname=dbname='shop'`);
      expect(written[0]).toContain('right');
      expect(written.join()).not.toContain(server.password);
      expect(written.join()).not.toContain(encodeURIComponent(server.password));
    });
  });

  describe('a capture that cannot be made', () => {
    /** What it threw; nothing may be left of it. */
    const failureOf = async (act: Promise<unknown>): Promise<{ kind: string; message: string; next: string }> => {
      const error: unknown = await act.then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ name: 'Problem' });
      expect(readdirSync(project.copy)).toEqual([]);
      expect(String(error)).not.toContain(server.password);
      return error as { kind: string; message: string; next: string };
    };

    it('leaves nothing of a pg_dump that was killed half way', async () => {
      await project.sql(`INSERT INTO notes SELECT n, repeat('x', 100) FROM generate_series(10, 2000) AS n`);
      const through = project.through(`if ${IS_DUMP}; then "$@" | head -c 100000; kill -9 $$; fi\nexec "$@"`);
      const failure = await failureOf(capture({ through }));
      expect(failure).toMatchObject({ kind: 'backup-failed', message: expect.stringContaining('SIGKILL') as string });
    });

    it('leaves nothing when the server dies half way', async () => {
      const [started, go] = [join(project.directory, 'started'), join(project.directory, 'go')];
      const through = project.through(
        `if ${IS_DUMP}; then touch ${started}; while [ ! -e ${go} ]; do sleep 0.02; done; fi\nexec "$@"`,
      );
      const failing = failureOf(capture({ through }));
      await waitUntil('pg_dump to begin', () => existsSync(started));
      await server.kill();
      writeFileSync(go, '');
      try {
        expect((await failing).kind).toBe('backup-failed');
      } finally {
        await server.start();
      }
    });

    it('stops pg_dump too when it is aborted', async () => {
      const started = join(project.directory, 'started');
      const through = project.through(`if ${IS_DUMP}; then touch ${started}; sleep 60; fi\nexec "$@"`);
      const aborter = new AbortController();
      const token = `abort/${process.pid}/1`;
      const effect = createEffect(project.directory, { signal: aborter.signal, token });
      const capturing = project.open({ through }).capture(project.copy, effect);
      await waitUntil('pg_dump to begin', () => existsSync(started));
      aborter.abort();
      await expect(capturing).rejects.toThrow(/abort/i);
      expect(findByEnvironment('SHIPWAY_STEP', (value) => value === token)).toEqual([]);
      expect(readdirSync(project.copy)).toEqual([]);
      await waitUntil('our connections to be gone', async () => {
        const rows = await server.query('postgres', `SELECT FROM pg_stat_activity WHERE datname = 'shop'`);
        return rows.length === 0;
      });
    });

    it('says that there is no such database', async () => {
      const failure = await failureOf(capture({ url: server.url('nowhere') }));
      expect(failure).toMatchObject({
        kind: 'backup-failed',
        message: expect.stringContaining('no such database') as string,
      });
    });

    it('says that the password is wrong, without printing it', async () => {
      const url = server.url('shop').replace(/:[^:@]+@/, ':not-the-password@');
      const failure = await failureOf(probe({ url }));
      expect(failure.message).toBe('the database cannot be read: wrong password');
      expect(JSON.stringify(failure)).not.toContain('not-the-password');
    });

    it('says that nobody answers, and that trying again may help', async () => {
      const url = server.url('shop').replace(String(server.port), '1');
      expect(await failureOf(probe({ url }))).toMatchObject({
        message: 'the database cannot be read: the connection was refused',
        retry: true,
      });
    });

    it('names who holds a table locked in an idle transaction', async () => {
      const holder = new pg.Client({ connectionString: server.socketUrl('shop'), application_name: 'forgotten psql' });
      await holder.connect();
      await holder.query('BEGIN; LOCK TABLE notes');
      const failure = await failureOf(capture({ 'lock-wait': '1s' }));
      expect(failure.message).toMatch(
        /^a table has been locked for 1 s by process \d+ \(postgres, forgotten psql, idle in transaction for \d+ s, holds public\.notes\)$/,
      );
      expect(failure.next).toContain('pg_terminate_backend');
      await holder.end();
    });

    it.each(['pg_dump', 'pg_restore'])(
      'says that %s is older than the server, and what to install',
      async (program) => {
        const through = project.through(`[ "$1" = ${program} ] && echo "$1 (PostgreSQL) 12.22" && exit\nexec "$@"`);
        const failure = await failureOf(probe({ through }));
        expect(failure.message).toMatch(
          new RegExp(`^${program} 12\\.22 is older than the server, which is PostgreSQL \\d+$`),
        );
        expect(failure.next).toContain('postgresql-client-');
      },
    );

    it('names the tables that its user may not read', async () => {
      await server.query('postgres', `CREATE ROLE reader LOGIN PASSWORD 'reader-password'`);
      const url = `postgresql://reader:reader-password@127.0.0.1:${server.port}/shop`;
      expect(await failureOf(probe({ url }))).toMatchObject({
        kind: 'not-permitted',
        message: 'this user may not read public.notes',
      });
      await server.query('postgres', 'DROP ROLE reader');
    });

    it('refuses the name of an excluded table that is not there', async () => {
      const failure = await failureOf(probe({ 'exclude-tables': ['notse'] }));
      expect(failure.message).toBe('there is no table notse, which exclude-tables names');
    });

    it('refuses tools that would run in a terminal', () => {
      for (const word of ['-t', '-it', '--tty']) {
        expect(() => project.open({ through: ['docker', 'exec', word, 'db'] })).toThrow('asks for a terminal');
      }
    });
  });
}
