import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { createPostgresProject, type PostgresProject } from '../../../../test/support/postgres-project.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../../../../test/support/postgres-server.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { runCommand, type CommandResult } from '../../../platform/run-command.ts';

const found = findPostgres();

if ('reason' in found) it.skip(`ways of copying PostgreSQL that fail: ${found.reason}`, () => undefined);
else controls(await startPostgres(found.bin));

/** The ways that people write down. They are tried here because each reports success; a store must not. */
function controls(server: TestPostgres): void {
  let project: PostgresProject;
  let folder: string;
  const shell = (script: string): Promise<CommandResult> =>
    runCommand({
      argv: ['sh', '-c', script],
      cwd: folder,
      environment: {
        PATH: process.env['PATH'] ?? '',
        PGHOST: server.socketFolder,
        PGPORT: String(server.port),
        PGUSER: 'postgres',
      },
      timeoutSeconds: 60,
    });

  beforeEach(async () => {
    project = await createPostgresProject(server);
    folder = mkdtempSync(join(tmpdir(), 'shipway-pg-control-'));
    await project.sql(
      `CREATE TABLE leads (id int PRIMARY KEY, email text);
       INSERT INTO leads SELECT n, format('person-%s@example.com', n) FROM generate_series(1, 5000) AS n`,
    );
  });
  afterEach(async () => {
    await project.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => server.stop());

  describe('`pg_dump | gzip` without pipefail', () => {
    it('exits with 0 when pg_dump is killed half way, and leaves a good gzip without the end of the dump', async () => {
      const script = `sh -c 'echo $$ > pid; exec pg_dump shop' | { while [ ! -e go ]; do sleep 0.02; done; gzip > dump.gz; }`;
      const dumping = shell(script);
      // It has written what a pipe holds, 64 KiB, and waits for somebody to read on.
      const pid = await waitUntil(
        'pg_dump to begin',
        () => existsSync(join(folder, 'pid')) && Number(readFileSync(join(folder, 'pid'), 'utf8')),
      );
      await waitUntil('pg_dump to read rows', async () => {
        const rows = await server.query(
          'postgres',
          `SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND query LIKE 'COPY%'`,
        );
        return rows.length > 0;
      });
      process.kill(pid, 'SIGKILL');
      writeFileSync(join(folder, 'go'), '');
      expect((await dumping).exitCode).toBe(0);
      expect((await shell('gzip -t dump.gz')).exitCode).toBe(0);
      expect(gunzipSync(readFileSync(join(folder, 'dump.gz'))).toString()).not.toContain(
        'PostgreSQL database dump complete',
      );
    });

    it('exits with 0 for a database that is not there, and leaves 20 bytes', async () => {
      expect((await shell('pg_dump nowhere | gzip > dump.gz')).exitCode).toBe(0);
      expect(statSync(join(folder, 'dump.gz')).size).toBe(20);
    });
  });

  it('`psql < dump` into a live database exits with 0 and restores nothing; the store brings everything back', async () => {
    const effect = createEffect(project.directory);
    const store = project.open();
    const taken = await store.capture(project.copy, effect);
    expect((await shell('pg_dump shop > dump.sql')).exitCode).toBe(0);
    await project.sql(
      `UPDATE leads SET email = 'corrupt'; ALTER TABLE leads ADD junk int; INSERT INTO leads VALUES (9999, 'new')`,
    );
    const restoring = await shell('psql -q shop < dump.sql');
    expect(restoring.exitCode).toBe(0);
    expect(restoring.stderr).toContain('ERROR');
    const corrupt = (): Promise<object[]> =>
      project.sql(`SELECT count(*) FILTER (WHERE email = 'corrupt')::int AS corrupt, count(*)::int AS rows FROM leads`);
    expect(await corrupt()).toEqual([{ corrupt: 5000, rows: 5001 }]);

    await store.swap(await store.stage(project.copy, taken, 'bk_1', effect), effect);
    expect(await corrupt()).toEqual([{ corrupt: 0, rows: 5000 }]);
    expect(await store.changesSince(taken, effect)).toEqual({ tables: {}, contentDiffers: false });
  });

  it('pg_restore reads an archive with a flipped byte in its rows without a word; verify finds it', async () => {
    const effect = createEffect(project.directory);
    const taken = await project.open().capture(project.copy, effect);
    const path = join(project.copy, 'database.dump');
    const bytes = readFileSync(path);
    const at = bytes.indexOf('person-77@');
    bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
    writeFileSync(path, bytes);
    expect((await shell(`pg_restore --file=/dev/null ${path}`)).exitCode).toBe(0);
    await expect(project.open().verify(project.copy, taken, effect)).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  it('pg_restore --list takes a truncated archive for a whole one; verify finds it', async () => {
    const effect = createEffect(project.directory);
    const taken = await project.open().capture(project.copy, effect);
    const path = join(project.copy, 'database.dump');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    expect((await shell(`pg_restore --list ${path}`)).exitCode).toBe(0);
    expect((await shell(`pg_restore --file=/dev/null ${path}`)).exitCode).not.toBe(0);
    await expect(project.open().verify(project.copy, taken, effect)).rejects.toMatchObject({ kind: 'backup-invalid' });
  });
}
