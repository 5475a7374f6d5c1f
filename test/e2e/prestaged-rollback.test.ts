import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { touchFile } from '../../src/adapters/stores/store-subject.suite.ts';
import { createGaps } from '../crash/gaps.ts';
import { findExecutors } from '../crash/victims.ts';
import { acceptLoss } from '../support/accept-loss.ts';
import { startOrders } from '../support/order-client.ts';
import { longWatch, postgresOrders, sqliteOrders, withoutWayDown, type OrderEngine } from '../support/order-engines.ts';
import { findPostgres } from '../support/postgres-server.ts';
import type { RunningShipway } from '../support/run-shipway.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // several releases, on a machine that does other things too

const postgres = findPostgres();

/** One engine, as the tests see it. */
interface Engine extends OrderEngine {
  /** The copies that wait, by name. */
  waiting(project: ServiceProject): Promise<string[]>;
  /** A place in the middle of making one. */
  gap: string;
  /** Changes one, as quietly as it can be done. */
  touch(project: ServiceProject, name: string): Promise<void>;
  remove(project: ServiceProject, name: string): Promise<void>;
}

const sqlite: Engine = {
  ...sqliteOrders,
  gap: 'stores.sqlite.staged',
  waiting: async (project) => readdirSync(project.directory).filter((name) => name.startsWith('app.db.restore-')),
  touch: async (project, name) => touchFile(project.directory, join(project.directory, name)),
  remove: async (project, name) => rmSync(join(project.directory, name)),
};

function onPostgres(bin: string): Engine {
  const engine = postgresOrders(bin);
  return {
    ...engine,
    gap: 'stores.postgres.created',
    waiting: async () => (await engine.server().databases()).filter((name) => name.startsWith('shop__restore_')),
    touch: async (_project, name) =>
      void (await engine.server().query(name, `INSERT INTO orders (id, body) VALUES (-1, 'not of the backup')`)),
    remove: async (_project, name) => void (await engine.server().query('postgres', `DROP DATABASE "${name}"`)),
  };
}

const ENGINES: [string, Engine | null][] = [
  ['SQLite', sqlite],
  [
    `PostgreSQL${'reason' in postgres ? ` (needs ${postgres.reason})` : ''}`,
    'reason' in postgres ? null : onPostgres(postgres.bin),
  ],
];

describe.each(ENGINES)('a copy of the data that waits during a release: %s', (_name, found) => {
  const engine = found ?? sqlite;
  let project: ServiceProject;
  let nextId = 1;
  const idsOf = async (): Promise<number[]> => (await engine.rows(project)).map((row) => row.id);

  beforeAll(async () => {
    if (found === null) return;
    project = await createServiceProject({
      top: `stores: { orders: ${engine.store} }\nrelease: { hotfix: { watch: 20s } }`,
      watch: longWatch('$URL', '10m'),
      component: `            env: { ${engine.variable}: $${engine.variable} }`,
      environment: withoutWayDown(engine.variable),
    });
    project.write('shipway.yaml', project.read('shipway.yaml').replaceAll('$URL', project.url));
    await engine.create(project);
    project.write('migrations/1.up.sql', 'SELECT 1');
    project.addVersion('1.0.0', 'orders');
    project.addVersion('1.0.1', 'orders');
    project.addVersion('1.1.0', 'orders', { DATA_NOTE: 'note' });
    said(0, await project.release('1.0.0', ['--type', 'hotfix']));
    expect(await engine.waiting(project)).toEqual([]);
    said(0, await project.release('1.0.1', ['--type', 'hotfix']));
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
    expect((await resultOf('backup.prestage'))['waiting']).toHaveLength(1);
    expect(await engine.waiting(project)).toEqual([]);
    expect(said(0, await project.shipway(['backup', 'discard']))).toContain('No replaced data is kept aside.');
  });

  test.skipIf(found === null)(
    'takes the data back with one swap, and loses exactly what was announced; what is replaced is kept',
    async () => {
      await order(5);
      const before = await idsOf();
      const release = await watching();
      await order(5);
      const full = await idsOf();
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
      expect(await idsOf()).toEqual(before);
      expect(await engine.columns(project)).toEqual(['id', 'body']);
      expect(await project.publicVersion()).toBe('1.0.1');
      expect(await engine.waiting(project)).toEqual([]);
      expect(said(0, await project.shipway(['backup', 'discard']))).toMatch(/orders +r-\d+ /);
      const taken = await order(2);
      expect(await idsOf()).toHaveLength(before.length + taken);
    },
  );

  test.skipIf(found === null)('is not used once somebody has touched it: the backup is restored anew', async () => {
    const before = await idsOf();
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
    expect(await idsOf()).toEqual(before);
    expect(await engine.waiting(project)).toEqual([]);
  });

  test.skipIf(found === null)('is made by the rollback where it is gone', async () => {
    const before = await idsOf();
    const release = await watching();
    const [copy = ''] = await engine.waiting(project);
    await engine.remove(project, copy);
    await order(3);
    said(0, (await acceptLoss(project, BACK)).ended);
    said(20, await release.ended);
    expect((await resultOf('undo.data.stage'))['waited']).toBeUndefined();
    expect(await idsOf()).toEqual(before);
  });

  test.skipIf(found === null)(
    'is whole when the executor was killed in the middle of making it, and a rollback without the data leaves none',
    async () => {
      await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
        limitSeconds: 60,
      });
      const gaps = createGaps();
      gaps.arm(engine.gap, 'kill');
      const before = await idsOf();
      const release = await watching(gaps.environment);
      expect(gaps.isReached(engine.gap)).toBe(true);
      expect(await engine.waiting(project)).toHaveLength(1);
      said(0, await project.shipway(['rollback', '--reason', 'enough', '--yes']));
      said(20, await release.ended);
      expect(await engine.waiting(project)).toEqual([]);
      // Nobody asked for older data.
      expect(await idsOf()).toEqual(before);
      gaps.remove();
    },
  );
});
