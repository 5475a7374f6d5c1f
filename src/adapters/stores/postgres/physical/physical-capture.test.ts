import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../../test/support/create-effect.ts';
import '../../../../../test/support/fixed-seed.ts';
import { freePort } from '../../../../../test/support/free-port.ts';
import { hammerAccounts } from '../../../../../test/support/hammer-accounts.ts';
import {
  createTemplate,
  dataOf,
  hba,
  KEEPER,
  physicalSettingsOf,
  queryPhysical,
  removeTemplate,
  restartPhysical,
  startPhysical,
  stopPhysical,
  type PhysicalPostgres,
} from '../../../../../test/support/physical-postgres.ts';
import { findPostgres } from '../../../../../test/support/postgres-server.ts';
import { segmentIn, without } from '../../../../../test/support/tar-parts.ts';
import { runGapped } from '../../../../../test/support/run-gapped.ts';
import { waitUntil } from '../../../../../test/support/wait-until.ts';
import type { Capture, Store } from '../../store.ts';
import { STORE_PROGRAM } from '../../store-subject.suite.ts';
import type { TableContent } from '../content.ts';
import { openPostgresCopies } from '../postgres-copies.ts';
import { postgresSettings } from '../postgres-settings.ts';
import { fingerprintOf } from './cluster-content.ts';
import type { Description } from './description.ts';

const LIMIT_MS = 400_000; // servers are made and started in it: seconds on a quiet machine, minutes on a busy one
const found = findPostgres();

if ('reason' in found) it.skip(`copies of the files of a PostgreSQL server: ${found.reason}`, () => undefined);
else copies(await createTemplate(found.bin, await freePort()), found.bin);

function copies(server: PhysicalPostgres, bin: string): void {
  let project: string;
  let copy: string;
  let store: Store;
  const settings = postgresSettings.parse(physicalSettingsOf(server, 'shop'));
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);
  const sql = <Row extends object>(text: string): Promise<Row[]> => queryPhysical<Row>(server, 'shop', text);

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-physical-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    await startPhysical(project, server);
    await queryPhysical(server, 'postgres', 'CREATE DATABASE shop');
    await sql(
      `CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL); CREATE TABLE rounds (id int PRIMARY KEY);
       INSERT INTO accounts SELECT n, 0 FROM generate_series(0, 999) AS n`,
    );
    store = openPostgresCopies(settings, { projectDirectory: project });
  }, LIMIT_MS);
  afterEach(() => {
    stopPhysical(project, server);
    rmSync(project, { recursive: true, force: true });
  });

  afterAll(() => removeTemplate(server));

  /** Of the server that runs now: what does not add up, or null. */
  const faultOf = async (committedBefore: number): Promise<string | null> => {
    const [row] = await sql<{ sum: string; rounds: string }>(
      `SELECT (SELECT sum(balance) FROM accounts) AS sum, (SELECT count(*) FROM rounds) AS rounds`,
    );
    if (row?.sum !== '0') return `the sum is ${row?.sum}`;
    return Number(row.rounds) < committedBefore ? `${row.rounds} rounds of ${committedBefore}` : null;
  };

  describe('under write load', () => {
    it(
      'every copy adds up, has all that was committed before it began, and is restored so',
      { timeout: LIMIT_MS },
      async () => {
        const writer = await hammerAccounts(server);
        await waitUntil('the writer to have begun', () => writer.committed() > 20);
        const before = writer.committed();
        const capture = await store.capture(copy, effect());
        const after = writer.committed();
        await writer.end();
        expect(after).toBeGreaterThan(before);
        expect(capture.counters['shop: public.rounds']).toBeGreaterThanOrEqual(before);
        expect(capture.counters['shop: public.rounds']).toBeLessThanOrEqual(after + 1);
        await store.swap(await store.stage(copy, capture, 'bk_1', effect()), effect());
        expect(await faultOf(before)).toBeNull();
        expect(await store.changesSince(capture, effect())).toEqual({ tables: {}, contentDiffers: false });
      },
    );

    it(
      'cp of the live directory with a checkpoint inside does not start, or lacks rows and does not add up',
      { timeout: LIMIT_MS },
      async () => {
        const writer = await hammerAccounts(server);
        await waitUntil('the writer to have begun', () => writer.committed() > 20);
        const taken = join(project, 'pg/taken');
        const live = dataOf(project);
        cpSync(join(live, 'base'), join(taken, 'base'), { recursive: true, preserveTimestamps: true });
        const before = writer.committed();
        await waitUntil('the writer to have gone on', () => writer.committed() > before + 200);
        const committed = writer.committed();
        await sql('CHECKPOINT');
        await writer.end();
        stopPhysical(project, server);
        for (const name of ['global', 'pg_wal', 'pg_xact', 'pg_multixact', 'pg_subtrans', 'pg_commit_ts'])
          cpSync(join(live, name), join(taken, name), { recursive: true, preserveTimestamps: true });
        for (const name of ['base', 'global', 'pg_wal', 'pg_xact', 'pg_multixact', 'pg_subtrans', 'pg_commit_ts']) {
          rmSync(join(live, name), { recursive: true });
          cpSync(join(taken, name), join(live, name), { recursive: true, preserveTimestamps: true });
        }
        if (server.user !== null) execFileSync('chown', ['-R', `${server.user.uid}:${server.user.gid}`, live]);
        rmSync(join(live, 'postmaster.pid'), { force: true });
        const fault = await startPhysical(project, server)
          .then(() => faultOf(committed))
          .catch((error: unknown) => String(error));
        expect(fault).not.toBeNull();
      },
    );
  });

  describe('a copy that is damaged', () => {
    it('is found wherever a bit is flipped, and when it ends early', { timeout: LIMIT_MS }, async () => {
      const capture = await store.capture(copy, effect());
      const path = join(copy, 'base.tar');
      const good = readFileSync(path);
      const invalid = { kind: 'backup-invalid' };
      await fc.assert(
        fc.asyncProperty(fc.nat(good.length - 1), fc.nat(7), fc.boolean(), async (at, bit, isCut) => {
          const bad = isCut ? good.subarray(0, at) : Buffer.from(good);
          if (!isCut) bad.writeUInt8((bad[at] ?? 0) ^ (1 << bit), at);
          writeFileSync(path, bad);
          await expect(store.verify(copy, capture, effect())).rejects.toMatchObject(invalid);
        }),
        { numRuns: 12 },
      );
      writeFileSync(path, good);
      await store.verify(copy, capture, effect());
    });

    it(
      'is found when a file, a segment of the log or a line of its list is missing',
      { timeout: LIMIT_MS },
      async () => {
        const capture = await store.capture(copy, effect());
        const path = join(copy, 'base.tar');
        const good = readFileSync(path);
        for (const [name, said] of [
          ['PG_VERSION', 'PG_VERSION is missing'],
          [segmentIn(good), 'of the write-ahead log is missing'],
        ] as const) {
          writeFileSync(path, without(good, name));
          await expect(store.verify(copy, capture, effect())).rejects.toThrow(said);
        }
        writeFileSync(path, good);
        const list = join(copy, 'backup_manifest');
        writeFileSync(list, readFileSync(list, 'utf8').replace(/^\{ "Path": "PG_VERSION".*\n/m, ''));
        await expect(store.verify(copy, capture, effect())).rejects.toThrow('the list of the server is damaged');
      },
    );

    it(
      'is no other to pg_verifybackup: what is extracted passes it, and with a changed byte neither does',
      { timeout: LIMIT_MS },
      async () => {
        const capture = await store.capture(copy, effect());
        const into = join(project, 'into');
        mkdirSync(into);
        await store.extract(copy, capture, into, effect());
        const check = (): void =>
          void execFileSync(join(bin, 'pg_verifybackup'), [join(into, 'data')], { stdio: 'pipe' });
        check();
        const file = join(into, 'data/global/pg_filenode.map');
        const bytes = readFileSync(file);
        bytes.writeUInt8((bytes[9] ?? 0) ^ 1, 9);
        writeFileSync(file, bytes);
        expect(check).toThrow('checksum mismatch for file "global/pg_filenode.map"');
      },
    );
  });

  describe('a capture', () => {
    it(
      'killed at any gap has not made a copy that passes, and the next one leaves nothing of it',
      { timeout: LIMIT_MS },
      async () => {
        const request = {
          kind: 'postgres',
          settings,
          projectDirectory: project,
          act: { name: 'capture', folder: copy },
        };
        const { passed, stderr } = await runGapped(STORE_PROGRAM, request, null);
        const recorded = await store.capture(copy, effect());
        expect(passed.length, stderr).toBeGreaterThanOrEqual(4);
        for (const killAt of passed.filter((name) => name.startsWith('stores.postgres.'))) {
          rmSync(copy, { recursive: true });
          mkdirSync(copy);
          expect((await runGapped(STORE_PROGRAM, request, killAt)).signal, killAt).toBe('SIGKILL');
          await expect(store.verify(copy, recorded, effect()), killAt).rejects.toMatchObject({
            kind: 'backup-invalid',
          });
        }
        await store.capture(copy, effect());
        expect(leftBeside(project)).toEqual([]);
      },
    );

    it(
      'starts the copy in the scratch folder that the release file names, and asks its disk for the room',
      { timeout: LIMIT_MS },
      async (context) => {
        const scratch = join(project, 'elsewhere');
        const there = openPostgresCopies(settings, { projectDirectory: project, scratch });
        const watched = effect();
        const capture = await there.capture(copy, watched);
        expect(watched.lines.join('\n')).not.toContain('may not enter');
        expect(existsSync(join(scratch, 'postgres-physical'))).toBe(true);
        expect(existsSync(join(project, '.shipway/scratch'))).toBe(false);
        await there.unstage(await there.stage(copy, capture, 'bk_1', effect()), effect());
        expect(existsSync(join(project, '.shipway/scratch'))).toBe(false);
        const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scratch]);
        if (mounted.status !== 0) return context.skip('a small tmpfs cannot be mounted here (needs root)');
        try {
          const full = expect(there.capture(copy, effect())).rejects;
          await full.toMatchObject({ kind: 'disk-full', where: expect.stringContaining(scratch) as string });
        } finally {
          spawnSync('umount', ['-l', scratch]);
        }
      },
    );

    it('says what it copies: the whole server, by database', { timeout: LIMIT_MS }, async () => {
      const watched = effect();
      const capture = await store.capture(copy, watched);
      expect(watched.lines.join('\n')).toMatch(/the whole server is copied, \d+ MiB: postgres \d+ MiB, shop \d+ MiB/);
      expect(capture.engine).toMatch(/^postgres 1\d[.\d]* \(base backup\)$/);
    });
  });

  it(
    'a copy is read whatever databases and roles set for their sessions: a library that is missing, another role',
    { timeout: LIMIT_MS },
    async () => {
      await sql('CREATE ROLE nobody');
      await sql(`ALTER ROLE postgres IN DATABASE template1 SET session_preload_libraries = 'is_missing'`);
      await sql(`ALTER ROLE postgres IN DATABASE template1 SET local_preload_libraries = 'is_missing'`);
      await sql(`ALTER ROLE postgres IN DATABASE shop SET role = 'nobody'`);
      const capture = await store.capture(copy, effect());
      expect(capture.counters['shop: public.accounts']).toBe(1000);
      await store.prove(copy, capture, join(project, 'scratch'), effect());
    },
  );

  it('every column counts, also beside one that is named like a row in a query', { timeout: LIMIT_MS }, async () => {
    await sql('CREATE TYPE pair AS (one int, two int); CREATE TABLE odd (r pair, word text)');
    await sql(`INSERT INTO odd VALUES ('(1,2)', 'old')`);
    const capture = await store.capture(copy, effect());
    expect(await store.changesSince(capture, effect())).toEqual({ tables: {}, contentDiffers: false });
    await sql(`UPDATE odd SET word = 'new'`);
    expect(await store.changesSince(capture, effect())).toEqual({ tables: {}, contentDiffers: true });
  });

  it('a copy whose rows were hashed as the server sends them is compared so', { timeout: LIMIT_MS }, async () => {
    const capture = await store.capture(copy, effect());
    const path = join(copy, 'cluster.json');
    const description = JSON.parse(readFileSync(path, 'utf8')) as Description;
    const databases = description.content.databases.map(async ({ name, content }) => ({
      name,
      content: { ...content, tables: await Promise.all(content.tables.map((table) => asSent(name, table))) },
    }));
    const content = { ...description.content, databases: await Promise.all(databases) };
    writeFileSync(path, JSON.stringify({ ...description, format: 1, content }));
    const older = { ...capture, fingerprint: fingerprintOf(content, 1) };
    expect(await store.changesSince(older, effect())).toEqual({ tables: {}, contentDiffers: false });
    await store.prove(copy, older, join(project, 'scratch'), effect());
  });

  const asSent = async (database: string, { name, rows }: TableContent): Promise<TableContent> => {
    const [found] = await queryPhysical<{ sum: string }>(
      server,
      database,
      `SELECT coalesce(sum(hash_record_extended(ROW(record_send(t.*)), 0)), 0)::text AS sum FROM ${name} t`,
    );
    return { name, rows, sum: found?.sum ?? '' };
  };

  it('a copy of a whole server goes into a folder, not into a new database', { timeout: LIMIT_MS }, async () => {
    const capture = await store.capture(copy, effect());
    await expect(store.restoreInto?.(copy, capture, `${settings.url}_new`, effect())).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('a whole PostgreSQL server') as string,
      next: expect.stringContaining('a new folder with --into') as string,
    });
  });

  describe('is refused, and says what to change', () => {
    const refused = async (said: RegExp): Promise<void> => {
      const probing = expect(store.probe(effect())).rejects;
      await probing.toMatchObject({ kind: 'backup-failed', message: expect.stringMatching(said) as string });
      await expect(store.capture(copy, effect())).rejects.toThrow(said);
      expect(existsSync(join(copy, 'base.tar'))).toBe(false);
    };

    it('a role without REPLICATION', { timeout: LIMIT_MS }, async () => {
      await sql(`ALTER ROLE ${KEEPER} NOREPLICATION`);
      await refused(/lacks the right REPLICATION/);
    });

    it('a server whose pg_hba.conf lets nobody in for replication', { timeout: LIMIT_MS }, async () => {
      writeFileSync(join(dataOf(project), 'pg_hba.conf'), hba('127.0.0.2/32'));
      await restartPhysical(project, server);
      await refused(/pg_hba\.conf has no such entry/);
    });

    it('a server with max_wal_senders 0', { timeout: LIMIT_MS }, async () => {
      await sql('ALTER SYSTEM SET max_wal_senders = 0');
      await restartPhysical(project, server);
      await refused(/no place for a backup/);
    });

    it('files outside the data directory', { timeout: LIMIT_MS }, async () => {
      const place = join(project, 'pg/elsewhere');
      mkdirSync(place);
      if (server.user !== null) execFileSync('chown', [`${server.user.uid}`, place]);
      await sql(`CREATE TABLESPACE fast LOCATION '${place}'`);
      await refused(/files outside its data directory: tablespace fast/);
    });

    it('the folder of another server', { timeout: LIMIT_MS }, async () => {
      const other = join(project, 'pg/other/global');
      mkdirSync(other, { recursive: true });
      copyFileSync(join(dataOf(project), 'global/pg_control'), join(other, 'pg_control'));
      const control = readFileSync(join(other, 'pg_control'));
      control.writeUInt8((control[0] ?? 0) ^ 1, 0);
      writeFileSync(join(other, 'pg_control'), control);
      const given = physicalSettingsOf(server, 'shop');
      const physical = { ...(given['physical'] as object), directory: 'pg/other' };
      store = openPostgresCopies(postgresSettings.parse({ ...given, physical }), { projectDirectory: project });
      await refused(/is not the data directory of this server/);
    });

    it('a program of another major version than the server', { timeout: LIMIT_MS }, async () => {
      const programs = join(project, 'programs');
      mkdirSync(programs);
      writeFileSync(join(programs, 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n', { mode: 0o755 });
      const given = physicalSettingsOf(server, 'shop');
      const physical = { ...(given['physical'] as object), programs };
      store = openPostgresCopies(postgresSettings.parse({ ...given, physical }), { projectDirectory: project });
      await refused(/is proven with that version alone: .*programs\/postgres is 14/);
    });
  });

  it(
    'backups taken as dumps are still restored as dumps when the release file asks for files',
    { timeout: LIMIT_MS },
    async () => {
      const { url } = settings;
      const dumps = openPostgresCopies(postgresSettings.parse({ url: url.replace(/\/\/[^@]+@/, '//postgres@') }), {
        projectDirectory: project,
      });
      process.env['PATH'] = `${bin}:${process.env['PATH'] ?? ''}`;
      const capture: Capture = await dumps.capture(copy, effect());
      const given = { ...physicalSettingsOf(server, 'shop'), url: url.replace(/\/\/[^@]+@/, '//postgres@') };
      const files = openPostgresCopies(postgresSettings.parse(given), { projectDirectory: project });
      await files.verify(copy, capture, effect());
      await sql('INSERT INTO rounds VALUES (1)');
      const staged = await files.stage(copy, capture, 'bk_1', effect());
      await files.swap(staged, effect());
      expect(await sql('SELECT FROM rounds')).toEqual([]);
    },
  );
}

/** What captures and proofs have left beside the live directory. */
function leftBeside(project: string): string[] {
  const listed = execFileSync('ls', [join(project, 'pg')], { encoding: 'utf8' }).split('\n');
  return listed.filter((name) => name.includes('.proof-'));
}
