// Document A: DuckDB with its owner running, Redis, an environment file and a hash-chained audit log. Compose is a later part; the process target
// stands in. The project is examples/aetherlink. `cp` of the DuckDB file alone is tried in src/adapters/stores/duckdb/owned-database.test.ts.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { queryDuckdb } from '../support/duckdb-owner.ts';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';
import { freePort } from '../support/free-port.ts';
import { PASSWORD, redisProgram, startRedis, stopRedis, withClient } from '../support/redis-project.ts';
import { announcedLoss, compareRows, duckdbChecksums, fewerRows, type RowChecksums } from '../support/row-checksums.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // each starts servers and several commands
const SERVICE = resolve('test/fixtures/stores/redis-service.mjs');
const redis = redisProgram();
const program = redis.path ?? 'redis-server';
const TABLES = ['documents', 'chunks'];
const NOTHING = { lost: {}, gained: {} };

interface Chain {
  valid: boolean;
  total_entries: number;
}

describe.skipIf(redis.path === null)(`document A ${redis.reason}`, () => {
  let project: ExampleProject;
  let port = 0;
  let copies = 0;
  const AUDIT = 'data/audit/ops.jsonl';
  const ingest = (url: string): Promise<{ id: number }> => project.ask('POST', '/ingest-url', { url });
  const later = (url: string): Promise<object> => project.ask('POST', '/ingest-later', { url });
  const jobs = (): Promise<unknown> => withClient(port, (client) => client.lRange('jobs', 0, -1));
  const audit = (): string[] => project.read(AUDIT).split('\n').slice(0, -1);
  const runAudit = (act: string, path: string): string => {
    const environment = { ...process.env, AUDIT_PATH: path };
    return execFileSync(process.execPath, [project.path('audit.mjs'), act], { env: environment, encoding: 'utf8' });
  };
  const verifyChain = (path: string): Chain => JSON.parse(runAudit('verify', path)) as Chain;
  /** Of a copy that the owner made: nobody else may read the file while the service holds it. */
  const rows = async (): Promise<RowChecksums> => duckdbChecksums(await copyByOwner(), TABLES);
  const restored = (folder: string): Promise<RowChecksums> =>
    duckdbChecksums(project.path(folder, 'knowledge/knowledge.duckdb'), TABLES);

  beforeAll(async () => {
    port = await freePort();
    const environment: Record<string, string> = {};
    project = await createExampleProject('aetherlink', environment);
    for (const folder of ['data/audit', 'redis']) mkdirSync(project.path(folder), { recursive: true });
    // Stands in for the service manager of the machine, which a test may not touch.
    const lines = ['#!/bin/sh', `cd ${project.directory}`, `REDIS_SERVER=${program} exec node ${SERVICE} "$1"`, ''];
    project.write('bin/systemctl', lines.join('\n'), 0o755);
    environment['PATH'] = [project.path('bin'), dirname(program), process.env['PATH'] ?? ''].join(':');
    await startRedis(project.directory, { program, port, configuration: [`dir ${project.path('redis')}`] });
    const variables = {
      DUCKDB_PATH: project.path('data/knowledge.duckdb'),
      AUDIT_PATH: project.path(AUDIT),
      REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${port}`,
      REDIS_DIRECTORY: project.path('redis'),
    };
    const written = Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`);
    const others = project.read('.env.example').split('\n').slice(0, 2).join('\n');
    project.write('.env', `${others}\n${written.join('')}`, 0o600);
    for (const version of ['1.0.0', '1.1.0'])
      project.write(`releases/${version}/server.mjs`, project.read('server.mjs'));
    // What the team had before shipway came.
    await queryDuckdb(
      variables.DUCKDB_PATH,
      'CREATE TABLE documents (id INTEGER, url VARCHAR, added_by VARCHAR)',
      'CREATE TABLE chunks (document INTEGER, vector FLOAT[3])',
      `INSERT INTO documents SELECT range, 'https://example.com/' || range, 'before' FROM range(1, 500)`,
      'INSERT INTO chunks SELECT range, [range, range / 2, range / 3]::FLOAT[3] FROM range(1, 500)',
    );
    runAudit('begin', project.path(AUDIT));
    await project.shipway(0, 'release', '1.0.0');
    await ingest('https://example.com/first');
  });
  afterAll(async () => {
    if (project !== undefined) stopRedis(project.directory, program);
    await project?.remove();
  });

  describe('Release Steps', () => {
    test('Step 4, verify audit log integrity: a log that was tampered with stops the release before anything is touched', async () => {
      await ingest('https://example.com/second');
      const whole = project.read(AUDIT);
      project.write(AUDIT, whole.replace('example.com/first', 'example.com/other'));
      expect(await project.shipway(22, 'release', '1.1.0')).toContain('"first_bad":1');
      project.write(AUDIT, whole);
      expect(verifyChain(project.path(AUDIT))).toMatchObject({ valid: true, total_entries: 3 });
    });

    test('Step 5, create pre-release backup: taken while the owner writes, before the new version is there, with all four stores', async () => {
      await later('https://example.com/waits');
      const traffic = keepIngesting();
      const before = await rows();
      await project.shipway(0, 'release', '1.1.0');
      const acknowledged = await traffic.stop();
      expect(await project.version()).toBe('1.1.0');
      await project.shipway(0, 'backup', 'restore', 'before:r-0003', '--into', 'look');
      const copied = await restored('look');
      expect(compareRows(before, copied).lost).toEqual({});
      const [ofNew, odd] = await queryDuckdb(
        project.path('look/knowledge/knowledge.duckdb'),
        `SELECT (SELECT count(*) FROM documents WHERE added_by = '1.1.0'),
          (SELECT count(*) FROM documents d WHERE added_by = '1.0.0' AND 2 <> (SELECT count(*) FROM chunks c WHERE c.document = d.id))`,
      );
      expect([Number(ofNew), Number(odd)]).toEqual([0, 0]);
      for (const file of ['jobs/dump.rdb', 'environment/.env', 'audit/ops.jsonl'])
        expect(existsSync(project.path('look', file)), file).toBe(true);
      // Nothing that was acknowledged is missing from what serves now, whichever version took it.
      const urls = await allUrls();
      expect(acknowledged.filter((url) => !urls.includes(url))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(0);
    });

    test('Step 5, verify backup: restored to a scratch place, every store is what was captured', async () => {
      const proof = await project.shipway(0, 'backup', 'verify', 'before:r-0003', '--level', '3');
      expect(proof).toContain('1 of 1');
    });
  });

  test('Rollback Procedure: it loses exactly what it announced, and the audit log goes on, with every entry', async () => {
    await project.ask('POST', '/work');
    for (const name of ['a', 'b', 'c']) await ingest(`https://example.com/bad-${name}`);
    await later('https://example.com/new-job');
    const environment = project.read('.env');
    project.write('.env', environment.replace('EMBED_PROVIDER=local', 'EMBED_PROVIDER=other'), 0o600);
    const wrong = await rows();
    const logged = audit();

    const { asked, goOn } = await project.askToRestore('search finds nothing');
    expect(compareRows(wrong, await rows())).toEqual(NOTHING);
    expect(audit()).toEqual(logged);
    await goOn();

    const measured = compareRows(wrong, await rows());
    expect(announcedLoss(asked, 'knowledge')).toEqual(fewerRows(measured));
    expect(measured.gained).toEqual({});
    expect(compareRows(await restored('look'), await rows())).toEqual(NOTHING);
    expect(await jobs()).toEqual(['https://example.com/waits']);
    expect(asked).toContain('jobs: the counts are equal, the content differs');
    expect(measured.lost['documents']).toBeGreaterThan(3);
    expect(project.read('.env')).toBe(environment);
    expect(await project.ask('GET', '/health')).toMatchObject({ version: '1.0.0', provider: 'local' });

    expect(audit().slice(0, logged.length)).toEqual(logged);
    expect(audit().slice(logged.length)).toEqual([expect.stringContaining('"event_type":"data_restored"')]);
    expect(verifyChain(project.path(AUDIT))).toMatchObject({ valid: true, total_entries: logged.length + 1 });
  });

  describe('Scheduled Maintenance', () => {
    test('Daily Tasks: a backup while the service writes, and the chain verified in the copy too', async () => {
      const traffic = keepIngesting();
      const made = await project.shipway(0, 'backup', 'create', '--json');
      await traffic.stop();
      const { backup } = JSON.parse(made) as { backup: { id: string } };
      await project.shipway(0, 'backup', 'restore', backup.id, '--into', 'daily');
      expect(compareRows(await restored('daily'), await rows()).lost).toEqual({});
      const copied = verifyChain(project.path('daily/audit/ops.jsonl'));
      expect(copied.valid).toBe(true);
      expect(copied.total_entries).toBeLessThanOrEqual(audit().length);
    });

    test('Weekly Tasks, keep the last 7 days: what a rollback may lead to stays whatever the days', async () => {
      project.amend('keep: { for: 7 days }', 'keep: { for: 0s, last: 0, daily: 0, weekly: 0, monthly: 0 }');
      for (let count = 0; count < 2; count += 1) await project.shipway(0, 'backup', 'create');
      const printed = await project.shipway(0, 'backup', 'prune', '--explain');
      expect(printed).toMatch(/keep +\S+pre-release\S+ +.*1\.0\.0/);
      expect(printed).toMatch(/prune +\S+ +no rule keeps it any more/);
    });
  });

  describe('the way of the document (controls)', () => {
    test('its rollback takes the entries about the failed release out of the log, and its own check finds the rest valid', () => {
      const folder = project.path('control');
      mkdirSync(folder);
      const [backup, log] = [join(folder, 'backup.jsonl'), join(folder, 'ops.jsonl')];
      copyFileSync(project.path(AUDIT), log);
      const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
      writeFileSync(backup, `${lines.slice(0, 2).join('\n')}\n`);
      copyFileSync(backup, log);
      expect(verifyChain(log)).toMatchObject({ valid: true, total_entries: 2 });
      expect(lines.length).toBeGreaterThan(2);
    });

    test('the file and then its log, with a checkpoint between the two, opens without a word and lacks what was committed', async () => {
      const live = project.path('control/live.duckdb');
      const instance = await DuckDBInstance.create(live, { threads: '1' });
      const owner = await instance.connect();
      await owner.run('CREATE TABLE t AS SELECT range AS id FROM range(1000)');
      await owner.run('CHECKPOINT');
      await owner.run('INSERT INTO t SELECT range FROM range(1000, 1500)');
      const copy = project.path('control/copy.duckdb');
      copyFileSync(live, copy);
      await owner.run('CHECKPOINT');
      if (existsSync(`${live}.wal`)) copyFileSync(`${live}.wal`, `${copy}.wal`);
      const committed = (await owner.runAndReadAll('SELECT count(*) FROM t')).getRows()[0]?.[0];
      owner.closeSync();
      instance.closeSync();
      const [found] = await queryDuckdb(copy, 'SELECT count(*) FROM t');
      expect([Number(committed), Number(found)]).toEqual([1500, 1000]);
    });
  });

  async function copyByOwner(): Promise<string> {
    copies += 1;
    const out = project.path(`copy-${copies}.duckdb`);
    const answer = await fetch(`${project.url}/admin/copy`, {
      method: 'POST',
      headers: { 'x-api-key': 'admin-secret-123' },
      body: JSON.stringify({ out }),
    });
    expect(answer.status).toBe(200);
    return out;
  }

  async function allUrls(): Promise<string[]> {
    const [list] = await queryDuckdb(await copyByOwner(), "SELECT string_agg(url, ' ') FROM documents");
    return String(list).split(' ');
  }

  /** One document after the other until it is stopped; gives back those that the service said it has. */
  function keepIngesting(): { stop(): Promise<string[]> } {
    const acknowledged: string[] = [];
    let isOver = false;
    const run = async (): Promise<void> => {
      for (let number = 0; !isOver; number += 1) {
        const url = `https://example.com/traffic-${performance.now()}-${number}`;
        await ingest(url).then(
          () => acknowledged.push(url),
          () => undefined,
        );
      }
    };
    const running = run();
    return {
      async stop() {
        isOver = true;
        await running;
        return acknowledged;
      },
    };
  }
});
