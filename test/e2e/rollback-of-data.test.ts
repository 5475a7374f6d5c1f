import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { acceptLoss } from '../support/accept-loss.ts';
import { startOrders } from '../support/order-client.ts';
import { MIGRATE_SQL, postgresOrders, sqliteOrders, type OrderEngine } from '../support/order-engines.ts';
import { findPostgres } from '../support/postgres-server.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // several releases each, on a machine that does other things too

const postgres = findPostgres();

/** One engine, as the tests see it. */
interface Engine extends OrderEngine {
  /** A new database beside the live one, where the engine has such. */
  look?: { address(): string; rows(): Promise<{ id: number; body: string }[]> };
}

function onPostgres(bin: string): Engine {
  const engine = postgresOrders(bin);
  return {
    ...engine,
    look: {
      address: () => `postgresql://127.0.0.1:${engine.server().port}/look`,
      rows: () => engine.server().query('look', 'SELECT id, body FROM orders ORDER BY id'),
    },
  };
}

interface Lost {
  table: string;
  column: string | null;
  count: number;
}

const checksum = (rows: { id: number; body: string }[]): string =>
  createHash('sha256').update(JSON.stringify(rows)).digest('hex');

const ENGINES: [string, Engine | null][] = [
  ['SQLite', sqliteOrders],
  [
    `PostgreSQL${'reason' in postgres ? ` (needs ${postgres.reason})` : ''}`,
    'reason' in postgres ? null : onPostgres(postgres.bin),
  ],
];

describe.each(ENGINES)('a rollback loses nothing that it did not announce: %s', (_name, found) => {
  const engine: Engine = found ?? sqliteOrders;
  let project: ServiceProject;
  let nextId = 1;
  const idsOf = async (): Promise<number[]> => (await engine.rows(project)).map((row) => row.id);

  beforeAll(async () => {
    if (found === null) return;
    project = await createServiceProject({
      top: `stores: { orders: ${engine.store} }`,
      watch: '',
      component: `            env: { ${engine.variable}: $${engine.variable} }`,
      environment: `    env-file: .env
    migrate:
      command:
        up: [${process.execPath}, ${MIGRATE_SQL}, up]
        down: [${process.execPath}, ${MIGRATE_SQL}, down, $REVISION]
        revision: [${process.execPath}, ${MIGRATE_SQL}, revision]
        env: { ${engine.variable}: $${engine.variable} }`,
    });
    await engine.create(project);
    project.write('migrations/1.up.sql', 'SELECT 1');
    project.addVersion('1.0.0', 'orders');
    project.addVersion('1.1.0', 'orders', { DATA_NOTE: 'note' });
    said(0, await project.release('1.0.0'));
  });
  afterAll(async () => {
    await project?.remove();
    await engine.close();
  });

  /** 1.1.0 with its migration, from 1.0.0. */
  async function releaseNewer(): Promise<void> {
    project.write('migrations/2.up.sql', 'ALTER TABLE orders ADD COLUMN note text');
    project.write('migrations/2.down.sql', 'ALTER TABLE orders DROP COLUMN note');
    await project.shipway(['unlock', 'shop', '--version', '1.1.0', '--reason', 'test', '--yes']);
    said(0, await project.release('1.1.0'));
    expect(await engine.columns(project)).toContain('note');
  }

  /** Of the last way down, as the journal has them. */
  async function losses(): Promise<[string, number][]> {
    const [row] = await project.rows<{ entry: string }>(
      `select entry from shipway.journal where type = 'step.loses' order by index desc limit 1`,
    );
    const { data } = JSON.parse(row?.entry ?? '{}') as { data: { parts: Lost[]; uncounted: string | null } };
    expect(data.uncounted).toBeNull();
    return data.parts.map(({ table, column, count }) => [column === null ? table : `${table}.${column}`, count]);
  }

  /** Orders until so many were taken; returns the client, still at it. */
  async function ordering(count: number) {
    const client = startOrders(project.url, nextId);
    nextId += 100_000;
    await waitUntil(`${count} orders to be taken`, () => client.taken.length >= count);
    return client;
  }

  test.skipIf(found === null)(
    'down by hand: --yes is not enough, nobody writes meanwhile, and every order that was taken is there with the same bytes',
    async () => {
      await releaseNewer();
      const client = await ordering(20);
      const before = await engine.rows(project);
      const { asked, ended } = await acceptLoss(project, ['rollback', '--full', '--reason', 'orders fail']);
      await client.stop();
      const printed = said(0, ended);
      expect(asked).toContain('what only the newer schema has a place for is lost (down: 1.1.0 unproven)');
      expect(asked).toMatch(/instead: --data leave +not possible: the schema of 1\.1\.0 is not compatible/);
      expect(asked).toMatch(/--data restore everything written since .* is no longer served/);
      expect(printed).toContain('ROLLED BACK to 1.0.0');
      expect(printed).toMatch(/^time: .*full rollback .* of 15m$/m);
      expect(await project.publicVersion()).toBe('1.0.0');
      expect(await engine.columns(project)).toEqual(['id', 'body']);
      // Refused with a word when to come back, and refused really: no order is in the store that nobody was told of.
      expect(client.refused.length).toBeGreaterThan(0);
      expect(client.refused.filter((one) => one.retryAfter === null)).toEqual([]);
      expect(client.strange).toEqual([]);
      const after = await engine.rows(project);
      const known = new Set(before.map((row) => row.id));
      expect(checksum(after.filter((row) => known.has(row.id)))).toBe(checksum(before));
      const sent = after.map((row) => row.id).filter((id) => !known.has(id));
      expect(client.taken.filter((id) => !known.has(id)).toSorted((a, b) => a - b)).toEqual(sent);
      // Every order that 1.1.0 took had a note. They were counted before anybody confirmed, and once more when the last one was written.
      const notes = after.filter((row) => row.body.endsWith('taken by 1.1.0')).length;
      const told = Number(/^ +lost: orders column (?:public\.)?orders\.note: (\d+) values now$/m.exec(asked)?.[1]);
      expect(told).toBeGreaterThanOrEqual(20);
      expect(told).toBeLessThanOrEqual(notes);
      expect(await losses()).toEqual([[expect.stringMatching(/^(public\.)?orders\.note$/), notes]]);
      const dead = new Set(client.refused.map((one) => one.id));
      expect(sent.filter((id) => dead.has(id))).toEqual([]);
      expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
    },
  );

  test.skipIf(found === null)(
    'a restore: exactly what was written since the announced moment goes, and it is all in the backup that was taken before',
    async () => {
      await releaseNewer();
      const before = await engine.rows(project);
      const client = await ordering(20);
      await client.stop();
      const full = await engine.rows(project);
      const args = ['rollback', '--data', 'restore', '--reason', 'orders fail'];
      const shown = said(0, await project.shipway([...args, '--dry-run']));
      expect(shown).toMatch(/data: restore bk_\S+_pre-release_\S+; everything written since/);
      expect(shown).toContain('lost now, written since');
      expect(shown).toContain(`${before.length} in the backup, ${full.length} now`);
      const { asked, ended } = await acceptLoss(project, args);
      expect(asked).toContain(`${before.length} in the backup, ${full.length} now`);
      expect(said(0, ended)).toContain('ROLLED BACK to 1.0.0');
      expect(checksum(await engine.rows(project))).toBe(checksum(before));
      // What was announced as lost can be had back: it was backed up when nobody had thrown it away yet.
      const { backups } = JSON.parse(said(0, await project.shipway(['backup', 'list', '--json']))) as {
        backups: { id: string; reason: string }[];
      };
      const kept = backups.find((one) => one.reason === 'pre-rollback');
      said(0, await project.shipway(['backup', 'verify', kept?.id ?? '', '--level', '3']));
      // A backup of the newer schema is not put in front of a version that never ran on it.
      const newer = said(
        30,
        await project.shipway(['rollback', '--to', '1.0.0', '--backup', kept?.id ?? '', '--reason', 'x']),
      );
      expect(newer).toContain('has the schema of 1.1.0, on which the older version never ran');
      expect(await idsOf()).toEqual(before.map((row) => row.id));
    },
  );

  test.skipIf(found === null)(
    'to a revision: the version that ran on it and the schema go back together; a time that was not shown is refused',
    async () => {
      await releaseNewer();
      const before = await engine.rows(project);
      const args = ['rollback', '--revision', '1', '--reason', 'orders fail'];
      expect(said(30, await project.shipway(['rollback', '--revision', '9', '--reason', 'x']))).toContain('1.0.0 at 1');
      const guessed = await project.shipway([...args, '--yes-lose-data-since', '2026-01-01T00:00:00Z']);
      expect(said(3, guessed)).toMatch(/To lose it, add --yes-lose-data-since \S+/);
      expect(await project.publicVersion()).toBe('1.1.0');
      said(0, (await acceptLoss(project, args)).ended);
      expect(await project.publicVersion()).toBe('1.0.0');
      expect(checksum(await engine.rows(project))).toBe(checksum(before));
      rmSync(join(project.directory, 'migrations', '2.down.sql'));
    },
  );

  test.skipIf(found === null)(
    'by itself: a release that fails takes its schema down while work is refused, and no order is lost or written meanwhile',
    async () => {
      project.write(
        'migrations/2.up.sql',
        `ALTER TABLE orders ADD COLUMN note text DEFAULT 'new'; CREATE TABLE tags (name text); INSERT INTO tags VALUES ('a'), ('b')`,
      );
      project.write('migrations/2.down.sql', 'DROP TABLE tags; ALTER TABLE orders DROP COLUMN note');
      const before = await engine.rows(project);
      // It says that it is another version, so that it is never healthy.
      project.addVersion('1.2.0', 'orders', { DATA_NOTE: 'note', VERSION: '0.0.0' });
      const client = await ordering(20);
      const printed = said(20, await project.release('1.2.0'));
      await waitUntil(
        'orders to be taken again',
        () => client.taken.at(-1) !== undefined && (client.taken.at(-1) ?? 0) > (client.refused.at(-1)?.id ?? 0),
      );
      await client.stop();
      expect(printed).toContain('ROLLED BACK to 1.0.0');
      expect(printed).toMatch(/^time: .*full rollback .* of 15m$/m);
      expect(await engine.columns(project)).toEqual(['id', 'body']);
      expect(client.refused.length).toBeGreaterThan(0);
      expect(client.refused.filter((one) => one.retryAfter === null)).toEqual([]);
      expect(client.strange).toEqual([]);
      const after = await engine.rows(project);
      const known = new Set(before.map((row) => row.id));
      expect(checksum(after.filter((row) => known.has(row.id)))).toBe(checksum(before));
      const [[, notes] = ['', 0], tags] = await losses();
      expect(notes).toBeGreaterThanOrEqual(before.length);
      expect(notes).toBeLessThanOrEqual(after.length);
      expect(tags).toEqual([expect.stringMatching(/^(public\.)?tags$/), 2]);
      const ids = new Set(await idsOf());
      expect(client.taken.filter((id) => !ids.has(id))).toEqual([]);
      expect(client.refused.filter((one) => ids.has(one.id))).toEqual([]);
    },
  );

  test.skipIf(found === null)('by itself: a migration that changed nothing refuses nobody', async () => {
    project.write('migrations/2.up.sql', 'ALTER TABLE no_such_table ADD COLUMN note text');
    project.addVersion('1.3.0', 'orders');
    const client = await ordering(5);
    expect(said(20, await project.release('1.3.0'))).toContain('ROLLED BACK to 1.0.0');
    await client.stop();
    expect([client.refused, client.strange]).toEqual([[], []]);
    expect(await project.publicVersion()).toBe('1.0.0');
  });

  // PostgreSQL brackets what is sent to it as one text, so there is no half of it.
  test.skipIf(found === null || engine.look !== undefined)(
    'by itself: what a migration without a transaction has left half way is named and never called undone; mended by hand, the way back goes on',
    async () => {
      project.write(
        'migrations/2.up.sql',
        '-- without a transaction\nCREATE TABLE half (i int); ALTER TABLE no_such_table ADD COLUMN note text',
      );
      project.addVersion('1.4.0', 'orders');
      const printed = said(21, await project.release('1.4.0'));
      expect(printed).toContain('ROLLBACK FAILED');
      expect(printed).toContain('the revision is 1 as before, but orders table half is there');
      expect(printed).not.toContain('undone: migrate up');
      expect(await project.publicVersion()).toBe('1.0.0');
      const database = new Database(join(project.directory, 'app.db'));
      database.exec('DROP TABLE half');
      database.close();
      const resume = /shipway resume (r-\d+)/.exec(printed)?.[1] ?? '';
      expect(said(20, await project.shipway(['resume', resume]))).toContain('ROLLED BACK to 1.0.0');
    },
  );

  test.skipIf(found === null || engine.look === undefined)(
    'one store goes into a new database beside the live one; what is there already is refused',
    async () => {
      const rows = await engine.rows(project);
      const { backup } = JSON.parse(said(0, await project.shipway(['backup', 'create', '--json']))) as {
        backup: { id: string };
      };
      const into = ['backup', 'restore', backup.id, '--store', 'orders', '--into', engine.look?.address() ?? ''];
      expect(said(0, await project.shipway([...into, '--dry-run']))).toContain('would write orders');
      expect(said(0, await project.shipway(into))).toMatch(
        /wrote orders of bk_\S+ to .*\/look\nthe live data is not touched/,
      );
      expect(checksum((await engine.look?.rows()) ?? [])).toBe(checksum(rows));
      expect(said(30, await project.shipway(into))).toContain('there is a database look already');
      const several = ['backup', 'restore', backup.id, '--into', into.at(-1) ?? '', '--store', 'nothing'];
      said(1, await project.shipway(several));
    },
  );
});
