import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rehearsal } from '../../src/core/rehearsal/rehearsal.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const LIMIT_MS = 600_000; // a dozen commands one after the other, on a machine that does other things too
const PATIENT = { limitSeconds: 300 };
const postgres = findPostgres();
const why = 'reason' in postgres ? ` (needs ${postgres.reason})` : '';
const ENVIRONMENT = `    env-file: .env
    migrate:
      command:
        up: [node, ${TOOL}, up]
        down: [node, ${TOOL}, down, $REVISION]
        revision: [node, ${TOOL}, revision]
        env: { DATABASE_URL: $DATABASE_URL }
    scratch: { env: { DATABASE_URL: $SCRATCH_DATABASE_URL } }
    rehearsal: { required: false, env: { DATABASE_URL: $SCRATCH_URL } }`;

describe.skipIf('reason' in postgres)(`a version on a copy of its PostgreSQL database${why}`, () => {
  let server: TestPostgres;
  let project: ServiceProject;

  beforeAll(async () => {
    if ('reason' in postgres) return;
    server = await startPostgres(postgres.bin);
    await server.query('postgres', 'CREATE DATABASE shop');
    await server.query(
      'shop',
      `CREATE TABLE t (word text); INSERT INTO t VALUES ('a'), ('b'); CREATE TABLE schema_version (n int);
       INSERT INTO schema_version VALUES (1)`,
    );
    project = await createServiceProject({
      top: 'stores: { database: { postgres: { url: $DATABASE_URL } } }',
      component: '            env: { DATABASE_URL: $DATABASE_URL }',
      watch: '',
      verify: '      - Words: { get: $PUBLIC/words, expect: { status: 200, json: { words: 2 } } }',
      environment: ENVIRONMENT,
    });
    const url = server.url('shop').replaceAll("'", '%27');
    project.write('.env', `PUBLIC=http://127.0.0.1:${project.port}\nDATABASE_URL='${url}'\n`);
    project.write('migrations/1.up.sql', 'SELECT 1');
    project.addVersion('1.0.0', 'reads-postgres');
    said(0, await project.release('1.0.0', [], PATIENT));
    said(0, await project.shipway(['backup', 'create'], PATIENT));
  }, LIMIT_MS);
  afterAll(async () => {
    await project?.remove();
    await server?.stop();
  }, LIMIT_MS);

  const newest = async (): Promise<string> => {
    const listed = said(0, await project.shipway(['backup', 'list', '--json'], PATIENT));
    return (JSON.parse(listed) as { backups: { id: string }[] }).backups[0]?.id ?? '';
  };

  test(
    'works on it while the live database has other rows already, and nothing of it stays, also after a kill',
    async () => {
      const id = await newest();
      await server.query('shop', "INSERT INTO t VALUES ('later')");
      project.write('gaps/do', 'kill');
      project.write('gaps/at', '["scratch.started"]');
      const environment = { SHIPWAY_GAPS: join(project.directory, 'gaps') };
      const verify = ['backup', 'verify', id, '--level', '4'];
      expect((await project.shipway(verify, { ...PATIENT, environment })).signal).toBe('SIGKILL');
      expect((await server.databases()).length).toBe(2);
      const passed = said(0, await project.shipway(verify, PATIENT));
      expect(passed).toContain('Words: GET /words 200');
      expect(await server.databases()).toEqual(['shop']);
      expect(await server.query('shop', 'SELECT count(*)::int AS n FROM t')).toEqual([{ n: 3 }]);
      await server.query('shop', "DELETE FROM t WHERE word = 'later'");
    },
    LIMIT_MS,
  );

  test(
    'is started on the migrated copy by a rehearsal, and fails it when its column is gone',
    async () => {
      project.write('migrations/2.up.sql', 'ALTER TABLE t RENAME COLUMN word TO term');
      project.write('migrations/2.down.sql', 'ALTER TABLE t RENAME COLUMN term TO word');
      const ended = await project.shipway(['rehearse', '1.1.0', '--json'], PATIENT);
      said(1, ended);
      const { rehearsal } = JSON.parse(ended.stdout) as { rehearsal: Rehearsal };
      const [broken] = rehearsal.findings.filter((one) => one.kind === 'old-breaks');
      expect(broken?.sentence).toMatch(/^1\.0\.0 does not serve [\s\S]*500[\s\S]*column "word" does not exist/);
      expect(await server.databases()).toEqual(['shop']);
    },
    LIMIT_MS,
  );
});
