import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrationTools, openTool, type MigrationTool } from '../../../test/support/migration-tools.ts';
import { migratorPostgres } from '../../../test/support/migrator-postgres.ts';
import { testEffect } from '../../../test/support/test-effect.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import type { LockManners } from '../../core/release/lock-manners.ts';
import { applicationNameOf } from '../../core/release/lock-manners.ts';

const postgres = migratorPostgres();
const tools = migrationTools();
const LIMIT_MS = 300_000; // each try starts the tool three times, on a machine that may do other things too
const SAFE: LockManners = { lockTimeoutMs: 'safe', retrySeconds: 120, statementTimeoutMs: null };
const ALTER = 'ALTER TABLE notes ADD COLUMN third text';

function missingOf(tool: MigrationTool): string {
  return [postgres.reason, tool.reason].filter((one) => one !== '').join('; ');
}

beforeAll(async () => {
  if (postgres.reason === '') await postgres.begin();
}, LIMIT_MS);
afterAll(async () => {
  if (postgres.reason === '') await postgres.end();
}, LIMIT_MS);

describe.each(tools)('$kind on PostgreSQL, $reason', { timeout: LIMIT_MS }, (tool) => {
  const skip = missingOf(tool) !== '';
  // Prisma takes seconds to start, and how often it is tried again is the same code for all: see go-politely.test.ts.
  const isFew = tool.kind === 'prisma' && process.env['SHIPWAY_TEST_PRISMA'] !== 'all';
  const few = isFew ? ' (of prisma only with SHIPWAY_TEST_PRISMA=all)' : '';
  let directory: string;
  let holder: pg.Client | null = null;

  beforeEach(async () => {
    if (skip) return;
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-waits-')));
    await postgres.create(directory);
    tool.write(directory);
    await open(null).up('1.0.0', effect());
  }, LIMIT_MS);
  afterEach(async () => {
    if (skip) return;
    await release();
    await postgres.drop(directory);
    rmSync(directory, { recursive: true, force: true });
  }, LIMIT_MS);

  const effect = (token?: string) => testEffect(directory, token === undefined ? {} : { token });
  const open = (manners: LockManners | null, more: object = {}) =>
    openTool(tool, { directory, url: postgres.url(directory), more }, manners);
  const columns = () => postgres.tablesAndColumns(directory);

  /** A transaction that has read the table and idles: every ALTER waits for it, and everybody waits behind the ALTER. */
  async function hold(): Promise<void> {
    holder = new pg.Client({ connectionString: postgres.url(directory), application_name: 'idler' });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('BEGIN; SELECT count(*) FROM notes');
  }
  async function release(): Promise<void> {
    const held = holder;
    holder = null;
    await held?.end();
  }

  test.skipIf(skip)(
    'a migration that fails half way in a transaction leaves nothing, and the revision is the one before',
    async () => {
      if (tool.kind === 'prisma') tool.add(directory, ['ALTER TABLE notes ADD COLUMN third text, ADD COLUMN tag text']);
      else tool.add(directory, [ALTER, 'ALTER TABLE nowhere ADD COLUMN x text']);
      const migrator = open(SAFE);
      expect(await migrator.atomicity('1.0.0', effect())).toEqual({ atomic: true });
      await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringMatching(/nowhere|already exists/),
        retry: false,
      });
      expect(await columns()).not.toContain('notes.third');
      expect(await migrator.revision('1.0.0', effect())).toBe(tool.revisions[0]);
    },
  );

  test.skipIf(skip)(
    'one that fails half way outside a transaction leaves the first half, and it was said before that it may',
    async () => {
      tool.add(directory, [ALTER, 'ALTER TABLE nowhere ADD COLUMN x text'], true);
      const migrator = open(SAFE);
      expect(await migrator.atomicity('1.0.0', effect())).toMatchObject({ atomic: false, why: expect.any(String) });
      await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringContaining('nowhere'),
      });
      expect(await columns()).toContain('notes.third');
      expect(await migrator.revision('1.0.0', effect())).toContain(tool.revisions[0]);
    },
  );

  test.skipIf(skip)(
    'behind an idle transaction it tries again until the lock is given, and is found by its name meanwhile',
    async () => {
      tool.add(directory, [ALTER]);
      await hold();
      const watched = effect('r-9/migrate.up/1');
      const going = open(SAFE).up('1.0.0', watched);
      const names = new Set<string>();
      await waitUntil(
        'the second try to fail',
        async () => {
          const rows = await postgres.query<{ name: string }>(
            directory,
            'SELECT application_name AS name FROM pg_stat_activity',
          );
          for (const { name } of rows) names.add(name);
          return watched.reported.filter((line) => line.includes('tries again')).length >= 2;
        },
        { limitSeconds: 120 },
      );
      await release();
      await going;
      expect(watched.reported.find((line) => line.includes('tries again'))).toMatch(
        /^migrate up: a lock was not given within 200 ms, and nothing was changed; tries again for \d+ s$/,
      );
      expect(names).toContain(applicationNameOf('r-9/migrate.up/1'));
      expect(await columns()).toContain('notes.third');
    },
  );

  test.skipIf(skip || isFew)(
    `a lock that is never given ends the tries with how many there were, and nothing is changed${few}`,
    async () => {
      tool.add(directory, [ALTER]);
      await hold();
      const migrator = open({ ...SAFE, retrySeconds: 1 });
      await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringMatching(
          /\na lock was not given in time; it was tried \d times? in 1 s; every try left the data as it was$/,
        ),
        next: expect.stringContaining('retry-for'),
      });
      expect(await columns()).not.toContain('notes.third');
      expect(await migrator.revision('1.0.0', effect())).toBe(tool.revisions[0]);
    },
  );

  test.skipIf(skip || isFew)(
    `outside a transaction no limit is set: it waits to the end of the call${few}`,
    async () => {
      tool.add(directory, [ALTER, 'SELECT 1'], true);
      await hold();
      const migrator = open({ ...SAFE, retrySeconds: 1 }, { timeout: '15s' });
      await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
        message: expect.stringContaining('did not end within 15 s and was stopped'),
        next: expect.stringContaining('a lock in the database?'),
      });
    },
  );

  test.skipIf(skip)('outside a transaction a limit that is asked for holds, and nothing is tried again', async () => {
    tool.add(directory, [ALTER, 'SELECT 1'], true);
    await hold();
    const watched = effect();
    const migrator = open({ ...SAFE, lockTimeoutMs: 100 });
    await expect(migrator.up('1.0.0', watched)).rejects.toMatchObject({
      message: expect.stringContaining(
        'a lock was not given in time; it is not tried again, because it is not known that a try leaves nothing behind (',
      ),
    });
    expect(watched.reported.filter((line) => line.includes('tries again'))).toEqual([]);
  });

  test.skipIf(skip)('a statement that runs longer than it may is ended by the server', async () => {
    tool.add(directory, ['SELECT pg_sleep(60)']);
    const migrator = open({ ...SAFE, statementTimeoutMs: 300 });
    await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
      message: expect.stringMatching(/statement timeout/),
    });
    expect(await migrator.revision('1.0.0', effect())).toBe(tool.revisions[0]);
  });

  describe('on the way down', () => {
    const DROP = 'ALTER TABLE notes DROP COLUMN third';

    test.skipIf(skip)('behind an idle transaction it tries again until the lock is given', async () => {
      await hold();
      const watched = effect('r-9/data.down/1');
      const going = open(SAFE).down('1.0.0', tool.first, watched);
      const again = (): string[] => watched.reported.filter((line) => line.includes('tries again'));
      const others = async (): Promise<number> => {
        const startedMs = performance.now();
        await postgres.query(directory, 'SELECT count(*) FROM notes');
        return performance.now() - startedMs;
      };
      let worstMs = 0;
      const isSecond = async (): Promise<boolean> => {
        worstMs = Math.max(worstMs, await others());
        return again().length >= 2;
      };
      await waitUntil('the second try to fail', isSecond, { limitSeconds: 120 });
      await release();
      await going;
      expect(again()[0]).toMatch(
        /^migrate down: a lock was not given within 200 ms, and nothing was changed; tries again for \d+ s$/,
      );
      // Without a limit everybody would have waited until the idler went.
      expect(worstMs).toBeLessThan(10_000);
      expect(await columns()).not.toContain('notes.tag');
      expect(await open(null).revision('1.0.0', effect())).toBe(tool.first);
    });

    test.skipIf(skip || isFew)(`a lock that is never given ends the tries, and nothing is changed${few}`, async () => {
      await hold();
      const migrator = open({ ...SAFE, retrySeconds: 1 });
      await expect(migrator.down('1.0.0', tool.first, effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringMatching(
          /\na lock was not given in time; it was tried \d times? in 1 s; every try left the data as it was$/,
        ),
        next: expect.stringContaining('then try the way back again'),
      });
      expect(await columns()).toContain('notes.tag');
      expect(await migrator.revision('1.0.0', effect())).toBe(tool.revisions[0]);
    });

    test.skipIf(skip || isFew)(`a statement that runs longer than it may is ended by the server${few}`, async () => {
      tool.add(directory, [ALTER], false, ['SELECT pg_sleep(60)']);
      await open(null).up('1.0.0', effect());
      const migrator = open({ ...SAFE, statementTimeoutMs: 300 });
      await expect(migrator.down('1.0.0', tool.revisions[0], effect())).rejects.toMatchObject({
        message: expect.stringMatching(/statement timeout/),
      });
      expect(await migrator.revision('1.0.0', effect())).toBe(tool.revisions[1]);
    });

    test.skipIf(skip || isFew)(
      `outside a transaction no limit is set, and one that is asked for is tried once${few}`,
      async () => {
        const outside = tool.kind === 'prisma' ? ['COMMIT', DROP] : [DROP];
        tool.add(directory, [ALTER], true, outside);
        await open(null).up('1.0.0', effect());
        await hold();
        const [before] = tool.revisions;
        await expect(open(SAFE, { timeout: '10s' }).down('1.0.0', before, effect())).rejects.toMatchObject({
          message: expect.stringContaining('did not end within 10 s and was stopped'),
        });
        await expect(open({ ...SAFE, lockTimeoutMs: 100 }).down('1.0.0', before, effect())).rejects.toMatchObject({
          message: expect.stringContaining('it is not tried again, because it is not known that a try leaves nothing'),
        });
        expect(await columns()).toContain('notes.third');
      },
    );
  });
});
