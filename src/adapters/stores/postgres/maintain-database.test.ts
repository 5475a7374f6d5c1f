import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { createPostgresProject, type PostgresProject } from '../../../../test/support/postgres-project.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import type { MaintenanceAct, MaintenanceReport } from '../maintenance.ts';

const found = findPostgres();

/** Told once, by the name of the test, where there is no server to try it on. */
if ('reason' in found) it.skip(`maintenance of PostgreSQL: ${found.reason}`, () => undefined);
else maintenance(await startPostgres(found.bin));

function maintenance(server: TestPostgres): void {
  let project: PostgresProject;
  const run = async (act: MaintenanceAct, query: string | null = null): Promise<MaintenanceReport | undefined> =>
    project.open().maintenance?.run({ act, query }, createEffect(project.directory));

  beforeEach(async () => {
    project = await createPostgresProject(server);
    await project.sql(
      `CREATE TABLE notes (id int PRIMARY KEY, word text); INSERT INTO notes SELECT n, 'word ' || n FROM generate_series(1, 20000) n;
       CREATE TABLE few AS SELECT 1 AS x; ANALYZE`,
    );
  });
  afterEach(() => project.remove());
  afterAll(() => server.stop());

  describe('maintenance of a PostgreSQL database', () => {
    it('counts the rows of every table, those of partitions once', async () => {
      await project.sql(
        `CREATE TABLE logs (at int) PARTITION BY RANGE (at); CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (0) TO (9);
         INSERT INTO logs VALUES (1), (2)`,
      );
      expect((await run('count'))?.figures).toEqual({
        rows: { 'public.few': 1, 'public.logs_1': 2, 'public.notes': 20000 },
      });
    });

    it('finds what the catalog says is not whole, and nothing in a whole database', async () => {
      expect((await run('check'))?.findings).toEqual([]);
      await project.sql(`ALTER TABLE notes ADD CONSTRAINT short CHECK (length(word) < 5) NOT VALID`);
      await project.sql(`UPDATE notes SET word = 'a' WHERE id < 3`);
      await project.sql('CREATE UNIQUE INDEX CONCURRENTLY one_word ON notes (word)').catch(() => undefined);
      expect((await run('check'))?.findings).toEqual([
        'constraint short of public.notes is not validated: rows from before may break it',
        'index public.one_word is not valid: a CREATE INDEX CONCURRENTLY failed; drop it and make it again',
      ]);
    });

    it('compares every index with its table where amcheck is installed', async () => {
      expect((await run('check'))?.figures['indexesCompared']).toBeNull();
      await project.sql('CREATE EXTENSION amcheck');
      expect(await run('check')).toMatchObject({ findings: [], figures: { indexesCompared: 1 } });
    });

    it('vacuums and analyzes while others write, and tells what it gave back', async () => {
      await project.sql('DELETE FROM notes WHERE id > 100');
      const report = await run('vacuum');
      expect(report?.figures['bytesAfter']).toBeLessThan(Number(report?.figures['bytesBefore']));
      await project.sql('CREATE TABLE fresh AS SELECT 1 AS x');
      await run('analyze');
      expect(await project.sql(`SELECT reltuples::int AS rows FROM pg_class WHERE relname = 'fresh'`)).toEqual([
        { rows: 1 },
      ]);
    });

    it('tells a query that reads a large table whole from one that does not, and runs neither', async () => {
      expect((await run('explain', 'SELECT * FROM notes WHERE id = 7'))?.findings).toEqual([]);
      expect((await run('explain', 'SELECT * FROM few'))?.findings).toEqual([]);
      expect((await run('explain', `SELECT * FROM notes WHERE word = 'x'`))?.findings).toEqual([
        'reads all 20000 rows of public.notes; an index would help',
      ]);
      await run('explain', 'DELETE FROM notes');
      await expect(run('explain', 'SELECT 1; DELETE FROM notes')).rejects.toMatchObject({ kind: 'check-failed' });
      expect(await project.sql('SELECT count(*)::int AS rows FROM notes')).toEqual([{ rows: 20000 }]);
    });
  });
}
