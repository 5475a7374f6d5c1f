import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createGaps } from '../crash/gaps.ts';
import { findExecutors } from '../crash/victims.ts';
import { acceptLoss } from '../support/accept-loss.ts';
import { startOrders } from '../support/order-client.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { readSqlite } from '../support/read-sqlite.ts';
import type { RunningShipway } from '../support/run-shipway.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // several releases, on a machine that does other things too

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const SCHEMA = `CREATE TABLE orders (id int PRIMARY KEY, body text NOT NULL); CREATE TABLE schema_version (n int); INSERT INTO schema_version VALUES (1)`;
const postgres = findPostgres();

/** One engine, as the tests see it. */
interface Engine {
  store: string;
  variable: string;
  create(project: ServiceProject): Promise<void>;
  ids(project: ServiceProject): Promise<number[]>;
  columns(project: ServiceProject): Promise<string[]>;
  /** The copies that wait, by name. */
  waiting(project: ServiceProject): Promise<string[]>;
  /** A place in the middle of making one. */
  gap: string;
  /** Changes one, as quietly as it can be done. */
  touch(project: ServiceProject, name: string): Promise<void>;
  remove(project: ServiceProject, name: string): Promise<void>;
  close(): Promise<void>;
}

const sqlite: Engine = {
  store: '{ sqlite: { path: app.db } }',
  variable: 'DATABASE_PATH',
  async create(project) {
    const path = join(project.directory, 'app.db');
    const database = new Database(path);
    database.exec(SCHEMA);
    database.close();
    project.write('.env', `DATABASE_PATH='${path}'\n`);
  },
  ids: async (project) =>
    (readSqlite(join(project.directory, 'app.db'), 'SELECT id FROM orders ORDER BY id')[0] ?? []).map(([id]) =>
      Number(id),
    ),
  columns: async (project) =>
    (readSqlite(join(project.directory, 'app.db'), `SELECT name FROM pragma_table_info('orders')`)[0] ?? []).map(
      ([name]) => String(name),
    ),
  gap: 'stores.sqlite.staged',
  waiting: async (project) => readdirSync(project.directory).filter((name) => name.startsWith('app.db.restore-')),
  async touch(project, name) {
    const path = join(project.directory, name);
    const { atime, mtime } = statSync(path);
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes[bytes.length - 1] ?? 0) ^ 1, bytes.length - 1);
    writeFileSync(path, bytes);
    utimesSync(path, atime, mtime);
  },
  remove: async (project, name) => rmSync(join(project.directory, name)),
  close: async () => undefined,
};

function onPostgres(bin: string): Engine {
  let server: TestPostgres | null = null;
  const query = async <Row extends object>(sql: string, database = 'shop'): Promise<Row[]> =>
    (await server?.query<Row>(database, sql)) ?? [];
  return {
    store: '{ postgres: { url: $DATABASE_URL } }',
    variable: 'DATABASE_URL',
    async create(project) {
      server = await startPostgres(bin);
      await server.query('postgres', 'CREATE DATABASE shop');
      await query(SCHEMA);
      project.write('.env', `DATABASE_URL='${server.url('shop').replaceAll("'", '%27')}'\n`);
    },
    ids: async () => (await query<{ id: number }>('SELECT id FROM orders ORDER BY id')).map((row) => row.id),
    columns: async () =>
      (
        await query<{ name: string }>(
          `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position`,
        )
      ).map((one) => one.name),
    gap: 'stores.postgres.created',
    waiting: async () => ((await server?.databases()) ?? []).filter((name) => name.startsWith('shop__restore_')),
    touch: async (_project, name) =>
      void (await query(`INSERT INTO orders (id, body) VALUES (-1, 'not of the backup')`, name)),
    remove: async (_project, name) => void (await query(`DROP DATABASE "${name}"`, 'postgres')),
    close: async () => server?.stop(),
  };
}

const ENGINES: [string, Engine | null][] = [
  ['SQLite', sqlite],
  [
    `PostgreSQL${'reason' in postgres ? ` (needs ${postgres.reason})` : ''}`,
    'reason' in postgres ? null : onPostgres(postgres.bin),
  ],
];

// Ten minutes at sixty times the speed: long enough to be met in the middle, and never waited for.
const WATCH = `    watch:
      for: 10m
      every: 10s
      probe:
        - Health: { get: '$URL/health', timeout: 2s, expect: { status: 200 } }
      roll back when: [more than 3 failed health checks in 1 minutes]`;

describe.each(ENGINES)('a copy of the data that waits during a release: %s', (_name, found) => {
  const engine = found ?? sqlite;
  let project: ServiceProject;
  let nextId = 1;

  beforeAll(async () => {
    if (found === null) return;
    project = await createServiceProject({
      top: `stores: { orders: ${engine.store} }\nrelease: { hotfix: { watch: 20s } }`,
      watch: WATCH,
      component: `            env: { ${engine.variable}: $${engine.variable} }`,
      environment: `    env-file: .env
    rollback: { prestage: true }
    migrate:
      command:
        up: [${process.execPath}, ${TOOL}, up]
        revision: [${process.execPath}, ${TOOL}, revision]
        env: { ${engine.variable}: $${engine.variable} }
      reversible: false
      unsafe: warn`,
    });
    project.write('shipway.yaml', project.read('shipway.yaml').replaceAll('$URL', project.url));
    await engine.create(project);
    project.write('migrations/1.up.sql', 'SELECT 1');
    project.addVersion('1.0.0', 'orders');
    project.addVersion('1.0.1', 'orders');
    project.addVersion('1.1.0', 'orders', { DATA_NOTE: 'note' });
    said(0, await project.release('1.0.0', ['--type', 'hotfix']));
    expect(await engine.waiting(project)).toEqual([]);
  });
  afterAll(async () => {
    await project?.remove();
    await engine.close();
  });

  /** 1.1.0 with a migration that has no way down, met while it is watched. */
  async function watching(environment: Record<string, string> = {}): Promise<RunningShipway> {
    project.write('migrations/2.up.sql', 'ALTER TABLE orders ADD COLUMN note text');
    await project.shipway(['unlock', 'shop', '--version', '1.1.0', '--reason', 'test', '--yes']);
    const command = project.startRelease('1.1.0', [], { environment, limitSeconds: 200 });
    await waitUntil(
      '1.1.0 to be watched',
      async () => {
        const rows = await project.rows<{ state: string }>(
          `select state from shipway.release where version = '1.1.0' order by number desc limit 1`,
        );
        return rows[0]?.state === 'watching';
      },
      { limitSeconds: 120, everyMs: 200 },
    );
    return command;
  }

  /** Takes at least so many; returns how many they were. */
  async function order(count: number): Promise<number> {
    const client = startOrders(project.url, nextId);
    nextId += 100_000;
    await waitUntil(`${count} orders to be taken`, () => client.taken.length >= count, { limitSeconds: 60 });
    await client.stop();
    return client.taken.length;
  }

  async function resultOf(step: string): Promise<Record<string, unknown>> {
    const rows = await project.rows<{ result: string }>(
      'select result from shipway.step_run where step_id = $1 and result is not null order by started_at desc limit 1',
      [step],
    );
    return JSON.parse(rows[0]?.result ?? '{}') as Record<string, unknown>;
  }

  const BACK = ['rollback', '--data', 'restore', '--reason', 'orders fail'];

  test.skipIf(found === null)('is deleted when its release becomes stable', async () => {
    said(0, await project.release('1.0.1', ['--type', 'hotfix']));
    expect((await resultOf('backup.prestage'))['waiting']).toHaveLength(1);
    expect(await engine.waiting(project)).toEqual([]);
    expect(said(0, await project.shipway(['backup', 'discard']))).toContain('No replaced data is kept aside.');
  });

  test.skipIf(found === null)(
    'takes the data back with one swap, and loses exactly what was announced; what is replaced is kept',
    async () => {
      await order(5);
      const before = await engine.ids(project);
      const release = await watching();
      await order(5);
      const full = await engine.ids(project);
      expect(await engine.waiting(project)).toHaveLength(1);
      const status = said(0, await project.shipway(['status']));
      expect(status).toMatch(/r-\d+: the data of before waits beside the live data .*: going back to it is one swap/);
      expect(status).toContain('shipway rollback --data restore --env production');
      const { asked, ended } = await acceptLoss(project, BACK);
      expect(asked).toContain('data: replaced by backup bk_');
      expect(asked).toContain(`${before.length} in the backup, ${full.length} now`);
      expect(asked).toContain('the replaced data is kept aside by the swap, not backed up first');
      const printed = said(0, ended);
      expect(printed).toContain('ROLLED BACK to 1.0.1');
      expect(printed).toMatch(/data: +it is as in bk_\S+_pre-release_\S+; what that replaced is kept aside/);
      said(20, await release.ended);
      expect((await resultOf('undo.data.stage'))['waited']).toEqual(['orders']);
      expect(await engine.ids(project)).toEqual(before);
      expect(await engine.columns(project)).toEqual(['id', 'body']);
      expect(await project.publicVersion()).toBe('1.0.1');
      expect(await engine.waiting(project)).toEqual([]);
      expect(said(0, await project.shipway(['backup', 'discard']))).toMatch(/orders +r-\d+ /);
      const taken = await order(2);
      expect(await engine.ids(project)).toHaveLength(before.length + taken);
    },
  );

  test.skipIf(found === null)('is not used once somebody has touched it: the backup is restored anew', async () => {
    const before = await engine.ids(project);
    const release = await watching();
    const [copy = ''] = await engine.waiting(project);
    await engine.touch(project, copy);
    await order(3);
    const { ended } = await acceptLoss(project, [...BACK, '--safety-backup']);
    said(0, ended);
    said(20, await release.ended);
    expect((await resultOf('undo.data.stage'))['waited']).toBeUndefined();
    const { id } = (await resultOf('undo.backup.pre-rollback')) as { id: string };
    said(0, await project.shipway(['backup', 'verify', id, '--level', '3']));
    expect(await engine.ids(project)).toEqual(before);
    expect(await engine.waiting(project)).toEqual([]);
  });

  test.skipIf(found === null)('is made by the rollback where it is gone', async () => {
    const before = await engine.ids(project);
    const release = await watching();
    const [copy = ''] = await engine.waiting(project);
    await engine.remove(project, copy);
    await order(3);
    said(0, (await acceptLoss(project, BACK)).ended);
    said(20, await release.ended);
    expect((await resultOf('undo.data.stage'))['waited']).toBeUndefined();
    expect(await engine.ids(project)).toEqual(before);
  });

  test.skipIf(found === null)(
    'is whole when the executor was killed in the middle of making it, and a rollback without the data leaves none',
    async () => {
      await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
        limitSeconds: 60,
      });
      const gaps = createGaps();
      gaps.arm(engine.gap, 'kill');
      const before = await engine.ids(project);
      const release = await watching(gaps.environment);
      expect(gaps.isReached(engine.gap)).toBe(true);
      expect(await engine.waiting(project)).toHaveLength(1);
      said(0, await project.shipway(['rollback', '--reason', 'enough', '--yes']));
      said(20, await release.ended);
      expect(await engine.waiting(project)).toEqual([]);
      // Nobody asked for older data.
      expect(await engine.ids(project)).toEqual(before);
      gaps.remove();
    },
  );
});
