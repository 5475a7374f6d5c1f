import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { createPostgresProject, type PostgresProject } from '../../../../test/support/postgres-project.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { sha256OfFile } from '../../../platform/files.ts';
import type { Capture, Staged } from '../store.ts';
import { fingerprintOf } from './content.ts';
import type { Description } from './description.ts';

const found = findPostgres();
/** One of nearly everything that a schema can hold. */
const RICH_SCHEMA = readFileSync(new URL('../../../../test/fixtures/stores/rich-schema.sql', import.meta.url), 'utf8');

if ('reason' in found) it.skip(`restores of PostgreSQL: ${found.reason}`, () => undefined);
else restores(await startPostgres(found.bin));

function restores(server: TestPostgres): void {
  let project: PostgresProject;
  const effect = (): ReturnType<typeof createEffect> => createEffect(project.directory);
  const capture = (): Promise<Capture> => project.open().capture(project.copy, effect());
  const stage = async (): Promise<Staged> => project.open().stage(project.copy, await capture(), 'bk_1', effect());
  const databases = (): Promise<string[]> => server.databases();

  beforeEach(async () => {
    project = await createPostgresProject(server);
    await project.sql(
      `CREATE TABLE notes (id int PRIMARY KEY, word text); INSERT INTO notes VALUES (1, 'a'), (2, 'b')`,
    );
  });
  afterEach(() => project.remove());
  afterAll(() => server.stop());

  describe('a restored PostgreSQL database', () => {
    it('has everything of a rich schema, or is not staged', async () => {
      await server.query('postgres', 'CREATE ROLE clerk; CREATE ROLE boss');
      try {
        await project.sql(RICH_SCHEMA);
        const taken = await capture();
        await project.open().swap(await project.open().stage(project.copy, taken, 'bk_1', effect()), effect());
        const [row] = await project.sql<{ next: string; total: string; owner: string }>(
          `SELECT nextval('shop.orders_id_seq') AS next, (SELECT total FROM shop.totals) AS total, (SELECT tableowner FROM pg_tables WHERE tablename = 'orders') AS owner`,
        );
        expect(row).toEqual({ next: '4', total: '60.00', owner: 'boss' });
        expect((await capture()).fingerprint).toBe(taken.fingerprint);
      } finally {
        await project.remove();
        await server.query('postgres', 'DROP ROLE clerk; DROP ROLE boss');
        project = await createPostgresProject(server);
      }
    });

    it('keeps settings, rights, limit and comment of the live database', async () => {
      await project.sql(
        `ALTER DATABASE shop SET search_path = "$user", shop, public; ALTER DATABASE shop SET work_mem = '7MB';
         ALTER ROLE postgres IN DATABASE shop SET application_name = 'it''s "ours"'; REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
         COMMENT ON DATABASE shop IS 'the shop''s'; ALTER DATABASE shop CONNECTION LIMIT 17`,
      );
      const facts = (): Promise<object[]> =>
        server.query(
          'postgres',
          `SELECT datacl::text, datconnlimit, shobj_description(d.oid, 'pg_database') AS comment,
             ARRAY(SELECT format('%s %s', setrole, one) FROM pg_db_role_setting s, unnest(setconfig) AS one
                   WHERE setdatabase = d.oid ORDER BY 1) AS settings FROM pg_database d WHERE datname = 'shop'`,
        );
      const before = await facts();
      const record = await project.open().swap(await stage(), effect());
      const comment = `the shop's\nrestored by shipway as shop__restore_bk_1`;
      expect(await facts()).toEqual([{ ...before[0], comment }]);
      await project.open().discard(record, effect());
      expect(await facts()).toEqual(before);
      expect(await project.sql('SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
    });

    it('is planned with statistics from the first query on', async () => {
      await project.open().swap(await stage(), effect());
      const [row] = await project.sql<{ rows: number }>(
        `SELECT reltuples AS rows FROM pg_class WHERE relname = 'notes'`,
      );
      expect(row?.rows).toBe(2);
    });

    it('has every row of it also when the server dies the moment after', async () => {
      await project.sql('INSERT INTO notes SELECT n, n::text FROM generate_series(3, 5000) n');
      const staged = await stage();
      await server.kill();
      await server.start();
      await project.open().swap(staged, effect());
      expect(await project.sql('SELECT count(*)::int AS n, max(id) AS last FROM notes')).toEqual([
        { n: 5000, last: 5000 },
      ]);
    });

    it('is compared by whole rows with a copy that was captured so, of which backups of before are', async () => {
      const taken = await capture();
      const path = join(project.copy, 'database.json');
      const description = JSON.parse(readFileSync(path, 'utf8')) as Description;
      const [row] = await project.sql<{ sum: string }>(
        `SELECT sum(hashtextextended((n.*)::text COLLATE "C", 0))::text AS sum FROM notes n`,
      );
      const [table] = description.content.tables;
      const content = { ...description.content, tables: [{ name: 'public.notes', rows: 2, sum: row?.sum ?? '' }] };
      expect(table?.sum).not.toBe(row?.sum);
      writeFileSync(path, JSON.stringify({ ...description, format: 1, content }));
      const fingerprint = fingerprintOf(content, 1);
      expect(fingerprint).toMatch(/^postgres-1:[0-9a-f]{64}$/);
      const older = { ...taken, fingerprint };
      expect(await project.open().changesSince(older, effect())).toEqual({ tables: {}, contentDiffers: false });
      await project.open().stage(project.copy, older, 'bk_1', effect());
      await project.sql(`UPDATE notes SET word = 'c' WHERE id = 2`);
      expect(await project.open().changesSince(older, effect())).toEqual({ tables: {}, contentDiffers: true });
    });

    it('is compared by the text of its bytes with a copy that was captured so, of which backups of before are', async () => {
      await project.sql(`DROP TABLE notes; CREATE TABLE files (b bytea); INSERT INTO files VALUES ('\\x00ff'), (NULL)`);
      const taken = await capture();
      const path = join(project.copy, 'database.json');
      const description = JSON.parse(readFileSync(path, 'utf8')) as Description;
      const [row] = await project.sql<{ sum: string }>(
        `SELECT sum(hashtextextended('', coalesce(hashtextextended(b::text COLLATE "C", 0), 0)))::text AS sum FROM files`,
      );
      const content = { ...description.content, tables: [{ name: 'public.files', rows: 2, sum: row?.sum ?? '' }] };
      expect(description.content.tables[0]?.sum).not.toBe(row?.sum);
      writeFileSync(path, JSON.stringify({ ...description, format: 2, content }));
      const older = { ...taken, fingerprint: fingerprintOf(content, 2) };
      expect(await project.open().changesSince(older, effect())).toEqual({ tables: {}, contentDiffers: false });
      await project.open().stage(project.copy, older, 'bk_1', effect());
    });

    it('goes into a new database by name, never over one that is there', async () => {
      const taken = await capture();
      const store = project.open();
      await store.extractInto(project.copy, taken, 'shop "two"', effect());
      expect(await server.query('shop "two"', 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 2 }]);
      const again = store.extractInto(project.copy, taken, 'shop "two"', effect());
      await expect(again).rejects.toMatchObject({ kind: 'refused' });
      expect(await databases()).toEqual(['shop', 'shop "two"']);
    });
  });

  describe('a stage that fails', () => {
    it('names the role that is missing and leaves nothing', async () => {
      await server.query('postgres', 'CREATE ROLE former');
      await project.sql('ALTER TABLE notes OWNER TO former');
      const taken = await capture();
      await project.sql('ALTER TABLE notes OWNER TO postgres');
      await server.query('postgres', 'DROP ROLE former');
      await expect(project.open().stage(project.copy, taken, 'bk_1', effect())).rejects.toMatchObject({
        kind: 'restore-failed',
        next: expect.stringContaining('CREATE ROLE "former"') as string,
      });
      expect(await databases()).toEqual(['shop']);
    });

    it('finds an archive that restores without an error and holds other rows', async () => {
      const taken = await capture();
      const recorded = readFileSync(join(project.copy, 'database.json'), 'utf8');
      await project.sql(`UPDATE notes SET word = 'c' WHERE id = 2`);
      await capture();
      // The archive of the second capture under the description of the first, with a digest that fits.
      const archive = await sha256OfFile(join(project.copy, 'database.dump'));
      writeFileSync(join(project.copy, 'database.json'), JSON.stringify({ ...JSON.parse(recorded), archive }));
      await project.open().verify(project.copy, taken, effect());
      await expect(project.open().stage(project.copy, taken, 'bk_1', effect())).rejects.toMatchObject({
        kind: 'backup-invalid',
        message: 'restored, rows of table public.notes differ from what was captured',
      });
      expect(await databases()).toEqual(['shop']);
    });

    it('leaves nothing when it is aborted in the middle', async () => {
      const taken = await capture();
      const aborter = new AbortController();
      const through = project.through('case "$*" in *exit-on-error*) sleep 60;; esac\nexec "$@"');
      const staging = project
        .open({ through })
        .stage(project.copy, taken, 'bk_1', createEffect(project.directory, { signal: aborter.signal }));
      await waitUntil('the new database', async () => (await databases()).includes('shop__restore_bk_1'));
      aborter.abort();
      await expect(staging).rejects.toThrow(/abort/i);
      expect(await databases()).toEqual(['shop']);
    });

    it('says that its user may not make databases', async () => {
      const taken = await capture();
      await server.query('postgres', `CREATE ROLE writer LOGIN PASSWORD 'writer-password'`);
      const url = `postgresql://writer:writer-password@127.0.0.1:${server.port}/shop`;
      await expect(project.open({ url }).stage(project.copy, taken, 'bk_1', effect())).rejects.toMatchObject({
        kind: 'not-permitted',
        next: expect.stringContaining('CREATEDB') as string,
      });
      await server.query('postgres', 'DROP ROLE writer');
    });
  });

  describe('a swap of PostgreSQL databases', () => {
    it('refuses a copy that was not staged to its end, and stages it anew', async () => {
      const taken = await capture();
      await server.query('postgres', 'CREATE DATABASE shop__restore_bk_1');
      await expect(project.open().swap({ place: 'shop__restore_bk_1' }, effect())).rejects.toMatchObject({
        kind: 'restore-failed',
        message: expect.stringContaining('no complete restored copy') as string,
      });
      const staged = await project.open().stage(project.copy, taken, 'bk_1', effect());
      await project.open().swap(staged, effect());
      expect(await databases()).toEqual(['shop', 'shop__replaced_bk_1']);
    });

    it('lets clients that reconnect see the old or the new data, and nothing else for long', async () => {
      const staged = await stage();
      await project.sql(`UPDATE notes SET word = 'new'`);
      let isRunning = true;
      let longestGapMs = 0;
      const seen = new Set<string>();
      const client = async (): Promise<void> => {
        let lastMs = performance.now();
        while (isRunning) {
          const connection = new pg.Client({ connectionString: server.url('shop') });
          connection.on('error', () => undefined);
          try {
            await connection.connect();
            while (isRunning) {
              const { rows } = await connection.query<{ words: string }>(
                `SELECT string_agg(word, ',' ORDER BY id) AS words FROM notes`,
              );
              seen.add(rows[0]?.words ?? '');
              longestGapMs = Math.max(longestGapMs, performance.now() - lastMs);
              lastMs = performance.now();
            }
          } catch {
            // Disconnected by the swap: every service connects again.
          } finally {
            await connection.end().catch(() => undefined);
          }
        }
      };
      const clients = [client(), client(), client(), client()];
      await waitUntil('the clients to read', () => seen.has('new,new'));
      await project.open().swap(staged, effect());
      await waitUntil('the clients to be back', () => seen.has('a,b'));
      isRunning = false;
      await Promise.all(clients);
      expect([...seen].sort()).toEqual(['a,b', 'new,new']);
      expect(longestGapMs).toBeLessThan(5000); // half a second on a machine of its own; here others run too
    }, 60_000);

    it('ends an idle transaction that would keep it waiting', async () => {
      const staged = await stage();
      const idle = new pg.Client({ connectionString: server.url('shop') });
      idle.on('error', () => undefined);
      await idle.connect();
      await idle.query('BEGIN; LOCK TABLE notes');
      await project.open().swap(staged, effect());
      await expect(idle.query('SELECT 1')).rejects.toThrow();
      await idle.end().catch(() => undefined);
    });

    it('is not begun while somebody stronger than its user is connected, who is named', async () => {
      await server.query(
        'postgres',
        `CREATE ROLE owner LOGIN CREATEDB PASSWORD 'owner-password'; ALTER DATABASE shop OWNER TO owner`,
      );
      await project.sql('ALTER TABLE notes OWNER TO owner; ALTER SCHEMA public OWNER TO owner');
      const store = project.open({ url: `postgresql://owner:owner-password@127.0.0.1:${server.port}/shop` });
      const staged = await store.stage(project.copy, await store.capture(project.copy, effect()), 'bk_1', effect());
      const admin = new pg.Client({ connectionString: server.socketUrl('shop'), application_name: 'admin psql' });
      admin.on('error', () => undefined);
      await admin.connect();
      await expect(store.swap(staged, effect())).rejects.toMatchObject({
        kind: 'restore-failed',
        retry: true,
        message: expect.stringMatching(/^shop is kept open by process \d+ \(postgres, admin psql\)$/) as string,
      });
      expect((await admin.query('SELECT count(*)::int AS n FROM notes')).rows).toEqual([{ n: 2 }]);
      await admin.end();
      const gone = `SELECT FROM pg_stat_activity WHERE datname = 'shop'`;
      await waitUntil('the connection to be gone', async () => (await server.query('postgres', gone)).length === 0);
      const record = await store.swap(staged, effect());
      expect(await databases()).toEqual(['shop', 'shop__replaced_bk_1']);
      await store.discard(record, effect());
      await project.remove();
      await server.query('postgres', 'DROP ROLE owner');
      project = await createPostgresProject(server);
    });

    it('names the prepared transaction that keeps a database open, and leaves clients their database', async () => {
      const staged = await stage();
      await project.sql(`BEGIN; INSERT INTO notes VALUES (3, 'c'); PREPARE TRANSACTION 'forgotten'`);
      await expect(project.open().swap(staged, effect())).rejects.toMatchObject({
        kind: 'restore-failed',
        message: 'shop is kept open by prepared transaction forgotten in shop',
      });
      expect(await project.sql('SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 2 }]);
      await project.sql(`ROLLBACK PREPARED 'forgotten'`);
      await project.open().swap(staged, effect());
      expect(await databases()).toEqual(['shop', 'shop__replaced_bk_1']);
    }, 30_000);

    it('says who has the database locked, after a limit', async () => {
      const staged = await stage();
      const other = new pg.Client({ connectionString: server.socketUrl('postgres'), application_name: 'other admin' });
      other.on('error', () => undefined);
      await other.connect();
      await other.query(`BEGIN; ALTER DATABASE shop CONNECTION LIMIT 5`);
      await expect(project.open().swap(staged, effect())).rejects.toMatchObject({
        message: expect.stringMatching(
          /^shop is locked by process \d+ \(postgres, other admin, idle in transaction/,
        ) as string,
      });
      await other.end();
      await project.open().swap(staged, effect());
    }, 30_000);

    it('is not undone out of order: a later restore is swapped back first', async () => {
      const store = project.open();
      const taken = await capture();
      const first = await store.swap(await store.stage(project.copy, taken, 'bk_1', effect()), effect());
      const second = await store.swap(await store.stage(project.copy, taken, 'bk_2', effect()), effect());
      await expect(store.swapBack(first, effect())).rejects.toThrow('was replaced again since');
      await store.swapBack(second, effect());
      await store.swapBack(first, effect());
      expect(await databases()).toEqual(['shop', 'shop__restore_bk_1', 'shop__restore_bk_2']);
    });

    it('swapped back keeps what was written into the restored copy, also when the same backup is restored again', async () => {
      const store = project.open();
      const taken = await capture();
      const staged = await store.stage(project.copy, taken, 'bk_1', effect());
      const record = await store.swap(staged, effect());
      await project.sql(`INSERT INTO notes VALUES (3, 'written meanwhile')`);
      await store.swapBack(record, effect());
      await store.stage(project.copy, taken, 'bk_1', effect());
      expect(await databases()).toEqual(['shop', 'shop__restore_bk_1', 'shop__restore_bk_1-2']);
      expect(await server.query('shop__restore_bk_1', 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 3 }]);
      await store.swap(staged, effect());
      expect(await project.sql('SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 3 }]);
    });

    it('after a discard cannot be undone any more, and leaves the live database alone', async () => {
      const store = project.open();
      const record = await store.swap(await stage(), effect());
      await store.discard(record, effect());
      await store.swapBack(record, effect());
      expect(await databases()).toEqual(['shop']);
    });

    it('restores into a new database that a person names, and touches no other', async () => {
      const taken = await project.open().capture(project.copy, effect());
      await project.sql('DELETE FROM notes');
      const place = `postgresql://127.0.0.1:${server.port}/look`;
      const made = await project.open().restoreInto?.(project.copy, taken, place, effect());
      expect(made?.place).toContain(`127.0.0.1:${server.port}/look`);
      expect(await databases()).toEqual(['look', 'shop']);
      expect(await server.query('look', 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 2 }]);
      expect(await project.sql('SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 0 }]);
    });

    it('refuses a new database that is there already, the live one too', async () => {
      const taken = await project.open().capture(project.copy, effect());
      const restore = project.open().restoreInto?.bind(project.open());
      await expect(restore?.(project.copy, taken, server.url('shop'), effect())).rejects.toMatchObject({
        kind: 'refused',
        message: 'there is a database shop already',
      });
      expect(await project.sql('SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 2 }]);
    });

    it('has no new database of that name before it is whole; what a killed restore left goes with the next', async () => {
      const taken = await project.open().capture(project.copy, effect());
      await server.query('postgres', 'CREATE DATABASE look__shipway_half');
      const restore = project.open().restoreInto?.bind(project.open());
      const damaged = { ...taken, counters: { ...taken.counters }, fingerprint: 'sha256:another' };
      await expect(restore?.(project.copy, damaged, server.url('look'), effect())).rejects.toThrow();
      expect((await databases()).includes('look')).toBe(false);
      await restore?.(project.copy, taken, server.url('look'), effect());
      expect(await databases()).toEqual(['look', 'shop']);
    });

    it('refuses to delete a database that no restore made', async () => {
      await expect(project.open().unstage({ place: 'shop' }, effect())).rejects.toThrow('not a database of a restore');
      expect(await databases()).toEqual(['shop']);
    });

    it('works for a database whose name leaves no room for more', async () => {
      const name = 'n'.repeat(63);
      await server.query('postgres', `ALTER DATABASE shop RENAME TO ${name}`);
      const store = project.open({ url: server.url(name) });
      const tag = 'bk_20261121T024843Z_shop_production_pre-release_abc234';
      const staged = await store.stage(project.copy, await store.capture(project.copy, effect()), tag, effect());
      await server.query(name, 'DELETE FROM notes');
      const record = await store.swap(staged, effect());
      expect(await server.query(name, 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 2 }]);
      await store.swapBack(record, effect());
      expect(await server.query(name, 'SELECT count(*)::int AS n FROM notes')).toEqual([{ n: 0 }]);
    });
  });
}
