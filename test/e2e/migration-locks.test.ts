import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrationTools } from '../support/migration-tools.ts';
import { migratorPostgres } from '../support/migrator-postgres.ts';
import { said } from '../support/service-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';
import { waitUntil } from '../support/wait-until.ts';

const LIMIT = { limitSeconds: 240 };
const TEST_MS = 600_000; // alembic is started a dozen times, on a machine that may do other things too
const postgres = migratorPostgres();
const alembic = migrationTools().find((tool) => tool.kind === 'alembic');
const missing = [postgres.reason, alembic?.reason ?? 'no alembic'].filter((one) => one !== '').join('; ');

const releaseFile = (words: string): string => `service: shop
stores: { database: { postgres: { url: $DATABASE_URL } } }
environments:
  production:
    env-file: .env
    target:
      command:
        deploy: [sh, -c, 'echo $VERSION > version.txt']
        observe: [cat, version.txt]
    migrate:
      alembic: { directory: alembic, env: { DATABASE_URL: $DATABASE_URL, PYTHONDONTWRITEBYTECODE: '1' } }
      compatible: true
${words}
    verify:
      - Deployed: { run: [grep, -q, $VERSION, version.txt] }
`;

describe.skipIf(missing !== '')(`a release whose migration waits for a lock ${missing}`, () => {
  let project: TemporaryProject;
  let holder: pg.Client | null = null;
  beforeAll(postgres.begin, TEST_MS);
  afterAll(postgres.end);
  beforeEach(async () => {
    project = createTemporaryProject({ 'shipway.yaml': releaseFile(''), 'version.txt': 'none\n' });
    await postgres.create(project.directory);
    project.write('.env', `DATABASE_URL='${postgres.url(project.directory).replaceAll("'", '%27')}'\n`);
    alembic?.write(project.directory);
    said(0, await project.run(['release', '1.0.0'], LIMIT));
    alembic?.add(project.directory, ['ALTER TABLE notes ADD COLUMN third text'], false, [
      'ALTER TABLE notes DROP COLUMN third',
    ]);
    await hold();
  }, TEST_MS);
  afterEach(async () => {
    await holder?.end();
    await postgres.drop(project.directory);
    await project.remove();
  });

  async function hold(): Promise<void> {
    holder = new pg.Client({ connectionString: postgres.url(project.directory), application_name: 'idler' });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('BEGIN; SELECT count(*) FROM notes');
  }
  /** Each try has a connection of its own, which is found by the name of the step. */
  async function secondTry(step: string): Promise<void> {
    const tries = new Set<number>();
    const look = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'shipway/%/${step}/1'`;
    const seesTwo = async (): Promise<boolean> => {
      for (const { pid } of await postgres.query<{ pid: number }>(project.directory, look)) tries.add(pid);
      return tries.size >= 2;
    };
    await waitUntil('a second try', seesTwo, { limitSeconds: 120 });
  }
  async function letGo(): Promise<void> {
    await holder?.end();
    holder = null;
  }

  test(
    'the plan says how it waits, and the release goes on when the lock is free',
    async () => {
      const plan = said(0, await project.run(['plan', '1.1.0'], LIMIT));
      expect(plan).toContain('waits for a lock 200 ms at most; tries again for 1m');
      expect(plan).not.toContain('no-lock-timeout');
      const release = project.start(['release', '1.1.0'], LIMIT);
      await secondTry('migrate.up');
      await letGo();
      const ended = await release.ended;
      expect(ended.exitCode, ended.stdout + ended.stderr).toBe(0);
      expect(await postgres.tablesAndColumns(project.directory)).toContain('notes.third');
    },
    TEST_MS,
  );

  test(
    'a lock that is never given fails the release with who held it, and the revision is the one before',
    async () => {
      project.write('shipway.yaml', releaseFile('      retry-for: 1s'));
      const ended = await project.run(['release', '1.1.0'], LIMIT);
      expect(ended.exitCode).toBe(20);
      expect(ended.stdout + ended.stderr).toMatch(
        /a lock was not given in time; it was tried \d times? in 1 s; every try left the data as it was/,
      );
      expect(ended.stdout + ended.stderr).toMatch(
        /last seen: it waits for AccessExclusiveLock on public\.notes, held by process \d+ \(idler as /,
      );
      const status = said(0, await project.run(['migrate', 'status', '1.1.0'], LIMIT));
      expect(status).toContain('revision of production: r2');
      expect(project.read('version.txt')).toBe('1.0.0\n');
    },
    TEST_MS,
  );

  test(
    'the way down of a rollback by hand waits like the way up, and goes on when the lock is free',
    async () => {
      await letGo();
      project.write('shipway.yaml', releaseFile('    maintenance: { file: maintenance.flag }'));
      said(0, await project.run(['release', '1.1.0'], LIMIT));
      const words = ['rollback', '--data', 'down', '--reason', 'slow'];
      const asked = said(3, await project.run([...words, '--yes'], LIMIT));
      const since = /add --yes-lose-data-since (\S+)/.exec(asked)?.[1] ?? '';
      await hold();
      const going = project.start([...words, '--yes-lose-data-since', since], LIMIT);
      await secondTry('data.down');
      await letGo();
      const ended = await going.ended;
      expect(ended.exitCode, ended.stdout + ended.stderr).toBe(0);
      expect(await postgres.tablesAndColumns(project.directory)).not.toContain('notes.third');
    },
    TEST_MS,
  );
});
