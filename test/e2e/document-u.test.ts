// Document U: a backend with PostgreSQL and a Redis cache. Compose is a later part; the process target stands in. The project is examples/ultra-ai.
// Its `pg_dump > file` whose failure nobody sees is tried in src/adapters/stores/postgres/postgres-controls.test.ts.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';
import { freePort } from '../support/free-port.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { PASSWORD, redisProgram, startRedis, stopRedis, withClient } from '../support/redis-project.ts';
import {
  announcedLoss,
  compareRows,
  fewerRows,
  postgresChecksums,
  type RowChecksums,
} from '../support/row-checksums.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // each starts servers and several commands
const postgres = findPostgres();
const redis = redisProgram();
const program = redis.path ?? 'redis-server';
const missing = 'reason' in postgres ? postgres.reason : redis.reason;
const NOTHING = { lost: {}, gained: {} };

interface Listed {
  id: string;
  reason: string;
}

describe.skipIf(missing !== '')(`document U ${missing}`, () => {
  let server: TestPostgres;
  let project: ExampleProject;
  let port = 0;
  /** Made by hand before the deployment. */
  let chosen = '';
  const rows = (database = 'ultra'): Promise<RowChecksums> => postgresChecksums(server, database);
  const prompt = async (text: string): Promise<number> =>
    (await project.ask<{ id: number }>('POST', '/prompts', { text })).id;
  const answer = (id: number): Promise<{ answer: string | null; from: string }> =>
    project.ask('GET', `/prompts?id=${id}`);
  const list = async (): Promise<Listed[]> =>
    (JSON.parse(await project.shipway(0, 'backup', 'list', '--json')) as { backups: Listed[] }).backups;

  beforeAll(async () => {
    if ('reason' in postgres) return;
    server = await startPostgres(postgres.bin);
    await server.query('postgres', 'CREATE DATABASE ultra');
    project = await createExampleProject('ultra-ai', { PATH: `${postgres.bin}:${process.env['PATH'] ?? ''}` });
    await server.query('ultra', project.read('schema.sql'));
    port = await freePort();
    await startRedis(project.directory, { program, port, configuration: [] });
    const variables = {
      DATABASE_URL: server.url('ultra').replaceAll("'", '%27'),
      REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${port}/0`,
      LLM_MODEL: 'small',
    };
    const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`);
    project.write('.env.production', lines.join(''), 0o600);
    for (const version of ['1.2.2', '1.2.3']) {
      project.write(`releases/${version}/server.mjs`, project.read('server.mjs'));
    }
    await project.shipway(0, 'release', '1.2.2');
  });
  afterAll(async () => {
    if (project !== undefined) stopRedis(project.directory, program);
    await project?.remove();
    await server?.stop();
  });

  test('Pre-release Checklist, Infrastructure: a backup of the current state is made, and proven by a restore', async () => {
    chosen = (JSON.parse(await project.shipway(0, 'backup', 'create', '--json')) as { backup: { id: string } }).backup
      .id;
    const proof = await project.shipway(0, 'backup', 'verify', chosen, '--level', '3');
    expect(proof).toContain('1 of 1');
    expect(await server.databases()).toEqual(['ultra']);
  });

  test('Executing Deployment, production: the backup is taken before the new version is there, and has none of its rows', async () => {
    const before = await rows();
    await project.shipway(0, 'release', '1.2.3');
    expect((await answer(await prompt('hello'))).answer).toBe('HELLO');
    await restoreByHand('before:r-0002', 'of_the_release');
    expect(compareRows(before, await rows('of_the_release'))).toEqual(NOTHING);
  });

  describe('Automated Rollback', () => {
    test('what it announces is what it loses, the cache has nothing of it, and the environment file is back', async () => {
      const ids = await Promise.all(['one', 'two', 'three'].map((text) => prompt(text)));
      for (const id of ids) await answer(id);
      const last = ids.at(-1) ?? 0;
      expect(await answer(last)).toMatchObject({ from: 'cache' });
      await inDatabase(1, ['SET', 'of another service', 'kept']);
      const environment = project.read('.env.production');
      project.write('.env.production', environment.replace('small', 'large'), 0o600);
      const wrong = await rows();

      const { asked, goOn } = await project.askToRestore('answers in capitals');
      expect(compareRows(wrong, await rows())).toEqual(NOTHING);
      await goOn();
      const measured = compareRows(wrong, await rows());
      expect(announcedLoss(asked, 'database')).toEqual(fewerRows(measured));
      expect(measured).toEqual({ lost: { prompts: 4 }, gained: {} });
      expect(asked).toMatch(/cache cached keys: 0 in the backup, [1-9]\d* now/);
      expect(asked).toContain('environment: 1 file was written since the backup');
      expect(await answer(last)).toEqual({ answer: null, from: 'database' });
      expect(await inDatabase(1, ['GET', 'of another service'])).toBe('kept');
      expect(project.read('.env.production')).toBe(environment);
      expect(await project.ask('GET', '/health')).toMatchObject({ version: '1.2.2', model: 'small' });
    });

    test('to list available backups: the most recent one is the state that was rolled back from, never what is gone back to', async () => {
      const [newest] = await list();
      expect(newest?.reason).toBe('pre-rollback');
      await restoreByHand(newest?.id ?? '', 'newest');
      const [row] = await server.query<{ answer: string }>(
        'newest',
        'SELECT answer FROM prompts ORDER BY id DESC LIMIT 1',
      );
      expect(row?.answer).toMatch(/^[A-Z]+$/);
    });

    test('to a specific backup: what it announces is what it loses', async () => {
      await prompt('asked of the good version');
      await project.shipway(0, 'unlock', 'ultra-ai', '--version', '1.2.3', '--reason', 'tried again', '--yes');
      await project.shipway(0, 'release', '1.2.3');
      await prompt('again in capitals');
      const wrong = await rows();
      const { asked, goOn } = await project.askToRestore('to the one of the checklist', '--backup', chosen);
      await goOn();
      const measured = compareRows(wrong, await rows());
      expect(announcedLoss(asked, 'database')).toEqual(fewerRows(measured));
      expect(measured).toEqual({ lost: { prompts: 2 }, gained: {} });
    });
  });

  describe('Manual Rollback', () => {
    test('while the service runs nothing is restored over it; into a folder a backup goes at any time', async () => {
      const before = await rows();
      expect(await project.shipway(30, 'backup', 'restore', chosen, '--yes')).toContain('runs in production');
      await restoreByHand(chosen, 'by_hand');
      expect(compareRows(await rows('by_hand'), before)).toEqual(NOTHING);
      expect(compareRows(before, await rows())).toEqual(NOTHING);
    });

    test('control: `cp -r rollback/* ./` leaves the new environment file, and everything made since', () => {
      const folder = project.path('control');
      mkdirSync(join(folder, 'rollback'), { recursive: true });
      const at = (name: string, text: string): void => void project.write(`control/${name}`, text);
      for (const name of ['.env', 'settings.json']) {
        at(`rollback/${name}`, 'old');
        at(name, 'new');
      }
      at('made-since.txt', 'new');
      execFileSync('sh', ['-c', 'cp -r rollback/* ./'], { cwd: folder });
      expect(project.read('control/settings.json')).toBe('old');
      expect(project.read('control/.env')).toBe('new');
      expect(existsSync(join(folder, 'made-since.txt'))).toBe(true);
    });
  });

  test('Database Maintenance: vacuum, analyze and a check leave every row, and their proof in the journal', async () => {
    const before = await rows();
    for (const act of ['vacuum', 'analyze', 'check', 'count'])
      expect(await project.shipway(0, 'store', act, 'database')).toContain('ok    database (postgres)');
    expect(compareRows(before, await rows())).toEqual(NOTHING);
    await project.shipway(0, 'verify');
  });

  /** As a person with nothing but the folder and the tools of PostgreSQL would. */
  async function restoreByHand(backup: string, name: string): Promise<void> {
    const folder = `look-${name}`;
    await project.shipway(0, 'backup', 'restore', backup, '--store', 'database', '--into', folder);
    const dump = readdirSync(project.path(folder, 'database')).find((file) => file.endsWith('.dump')) ?? '';
    await server.query('postgres', `CREATE DATABASE ${name}`);
    const where = ['-h', server.socketFolder, '-p', String(server.port), '-U', 'postgres', '-d', name];
    execFileSync('pg_restore', [...where, project.path(folder, 'database', dump)]);
  }

  const inDatabase = (number: number, command: string[]): Promise<unknown> =>
    withClient(port, async (client) => {
      await client.select(number);
      return client.sendCommand(command);
    });
});
