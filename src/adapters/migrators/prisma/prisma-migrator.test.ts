import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migratorPostgres } from '../../../../test/support/migrator-postgres.ts';
import { findPrisma, PRISMA_ENV, writePrismaProject } from '../../../../test/support/prisma-project.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { watchArguments } from '../../../../test/support/watch-arguments.ts';
import type { Json } from '../../../core/release/json.ts';
import { withOverlay } from '../../../platform/overlay-folder.ts';
import { runCommand } from '../../../platform/run-command.ts';
import { describeMigrator } from '../migrator.suite.ts';
import { openPrismaMigrator } from './prisma-migrator.ts';
import { prismaSettings } from './settings.ts';

const postgres = migratorPostgres();
const prisma = findPrisma();
const missing = [postgres.reason, prisma.reason].filter((one) => one !== '').join('; ');
const [NOTES, TAG] = ['20260101000000_notes', '20260102000000_tag'] as const;
const KEPT = [
  'prisma.config.mjs',
  ...[NOTES, TAG].flatMap((name) => [`prisma/migrations/${name}/down.sql`, `prisma/migrations/${name}/migration.sql`]),
  'prisma/migrations/migration_lock.toml',
  'prisma/schema.prisma',
];
const LIMIT_MS = 300_000; // each question starts prisma, which takes a second or two

async function appliedIn(directory: string): Promise<string[]> {
  const found = await postgres.tablesAndColumns(directory);
  return [...(found.includes('notes') ? [NOTES] : []), ...(found.includes('notes.tag') ? [TAG] : [])];
}

const settingsIn = (directory: string) => ({
  command: prisma.command,
  env: { ...PRISMA_ENV, DATABASE_URL: postgres.url(directory) },
});

async function prismaIn(directory: string, ...words: string[]): Promise<{ exitCode: number | null; stdout: string }> {
  return runCommand({
    argv: [...prisma.command, ...words],
    cwd: directory,
    environment: { PATH: process.env['PATH'] ?? '', ...settingsIn(directory).env },
    timeoutSeconds: 120,
  });
}

async function prepare(directory: string): Promise<void> {
  writePrismaProject(directory);
  await postgres.create(directory);
}

describeMigrator({
  kind: 'prisma',
  on: 'PostgreSQL',
  settings: settingsIn,
  revisions: { empty: 'none', newest: TAG },
  wayDown: { goesTo: TAG, files: KEPT },
  applied: appliedIn,
  crashWithinMs: 5000,
  crashes: 3,
  missing,
  begin: postgres.begin,
  end: postgres.end,
  prepare,
  remove: postgres.drop,
  decide: {
    refusal: /^migrate up of 1\.0\.0 cannot begin: prisma holds \S+ for failed, or it was cut short$/,
    async act(directory) {
      const open = await postgres.query<{ migration_name: string }>(
        directory,
        'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL',
      );
      const applied = await appliedIn(directory);
      for (const { migration_name: name } of open) {
        const word = applied.includes(name) ? '--applied' : '--rolled-back';
        expect((await prismaIn(directory, 'migrate', 'resolve', word, name)).exitCode).toBe(0);
      }
    },
  },
});

describe.skipIf(missing !== '')(`the prisma migrator ${missing}`, { timeout: LIMIT_MS }, () => {
  let directory: string;
  beforeAll(postgres.begin, LIMIT_MS);
  afterAll(postgres.end);
  beforeEach(async () => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-prisma-')));
    await prepare(directory);
  });
  afterEach(async () => {
    await postgres.drop(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  const open = (more: { [key: string]: unknown } = {}) =>
    openPrismaMigrator(
      prismaSettings.parse({
        command: prisma.command,
        env: { ...PRISMA_ENV, DATABASE_URL: '$SHOP_DSN' },
        ...more,
      }) as unknown as Json,
    );
  const effect = () => testEffect(directory, { variables: { SHOP_DSN: postgres.url(directory) } });
  const write = (name: string, up: string, down?: string): void => {
    const folder = join(directory, 'prisma/migrations', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'migration.sql'), up);
    if (down !== undefined) writeFileSync(join(folder, 'down.sql'), down);
  };

  test('the preview is the files that wait, exactly as they will be sent, with the way back of each', async () => {
    const migrator = open();
    await prismaIn(directory, 'migrate', 'deploy');
    write('20260103000000_a', 'ALTER TABLE notes ADD COLUMN a text', 'ALTER TABLE notes DROP COLUMN a;\n');
    write('20260104000000_b', 'ALTER TABLE notes ADD COLUMN b text;\n', 'ALTER TABLE notes DROP COLUMN b;\n');
    expect(await migrator.preview('1.0.0', effect())).toEqual({
      sql: `-- 20260103000000_a/migration.sql\nALTER TABLE notes ADD COLUMN a text\n;\n\n-- 20260104000000_b/migration.sql\nALTER TABLE notes ADD COLUMN b text;\n`,
      down: {
        sql: `-- 20260104000000_b/down.sql\nALTER TABLE notes DROP COLUMN b;\n\n-- 20260103000000_a/down.sql\nALTER TABLE notes DROP COLUMN a;\n`,
      },
      dialect: 'postgresql',
      ownTables: ['_prisma_migrations'],
    });
  });

  test('what was undone is no longer applied for prisma either, and goes up again', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    await migrator.down('1.0.0', NOTES, effect());
    expect(await appliedIn(directory)).toEqual([NOTES]);
    expect((await prismaIn(directory, 'migrate', 'status')).stdout).toContain(`not yet been applied:\n${TAG}`);
    await migrator.up('1.0.0', effect());
    expect(await appliedIn(directory)).toEqual([NOTES, TAG]);
  });

  test('without a down.sql there is no way down: the preview says so, and nothing of it begins', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    write('20260103000000_a', 'ALTER TABLE notes ADD COLUMN a text;\n');
    expect(await migrator.preview('1.0.0', effect())).toMatchObject({ down: null });
    await migrator.up('1.0.0', effect());
    await expect(migrator.down('1.0.0', NOTES, effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate down of 1.0.0 cannot begin: 20260103000000_a has no down.sql',
    });
    expect(await appliedIn(directory)).toEqual([NOTES, TAG]);
  });

  test('down works with the files that were kept, when an older checkout lies in the project', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    const way = await migrator.wayDown?.('1.0.0', effect());
    expect(way).toEqual({ goesTo: TAG, files: KEPT, notStored: null });
    const kept = KEPT.map((path) => ({ path, bytes: readFileSync(join(directory, path)) }));
    rmSync(join(directory, 'prisma/migrations', TAG), { recursive: true });
    await withOverlay(directory, kept, join(directory, '.shipway/way-down'), (overlaid) =>
      migrator.down('1.0.0', NOTES, { ...effect(), projectDirectory: overlaid }),
    );
    expect(await appliedIn(directory)).toEqual([NOTES]);
  });

  test('what `files` names is kept instead of the migrations, with schema and configuration', async () => {
    const files = ['package.json', `prisma/migrations/${TAG}`];
    expect(await open({ files }).wayDown?.('1.0.0', effect())).toEqual({
      goesTo: TAG,
      files: [
        'package.json',
        'prisma.config.mjs',
        `prisma/migrations/${TAG}/down.sql`,
        `prisma/migrations/${TAG}/migration.sql`,
        'prisma/schema.prisma',
      ],
      notStored: null,
    });
  });

  test('a way down that fails leaves the schema and the record as they were', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    write(TAG, 'ALTER TABLE notes ADD COLUMN tag text;\n', 'ALTER TABLE notes DROP COLUMN tag;\nDROP TABLE nowhere;\n');
    await expect(migrator.down('1.0.0', NOTES, effect())).rejects.toMatchObject({
      message: expect.stringContaining('nowhere'),
    });
    expect(await appliedIn(directory)).toEqual([NOTES, TAG]);
    expect(await migrator.revision('1.0.0', effect())).toBe(TAG);
  });

  test('a migration of one statement that fails leaves nothing: it is marked as rolled back, and runs when it is mended', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    write('20260103000000_a', 'ALTER TABLE nowhere ADD COLUMN a text;\n');
    const watched = effect();
    await expect(migrator.up('1.0.0', watched)).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining('nowhere'),
      where: 'migrate.prisma.up',
    });
    expect(watched.reported.at(-1)).toBe(
      'migrate: 20260103000000_a was one transaction, of which nothing is left; it is marked as rolled back',
    );
    // Prisma itself takes it for applied now; what is asked here is its table.
    expect((await prismaIn(directory, 'migrate', 'status')).stdout).toContain('Database schema is up to date!');
    expect(await migrator.revision('1.0.0', effect())).toBe(TAG);
    write('20260103000000_a', 'ALTER TABLE notes ADD COLUMN a text;\n');
    await migrator.up('1.0.0', effect());
    expect(await postgres.tablesAndColumns(directory)).toContain('notes.a');
  });

  test('a migration that fails half way is left to a person: the revision says which, nothing else runs, and down.sql takes it back', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    const down = 'ALTER TABLE notes DROP COLUMN IF EXISTS a;\n';
    write('20260103000000_a', 'ALTER TABLE notes ADD COLUMN a text;\nALTER TABLE nowhere ADD COLUMN b text;\n', down);
    expect(await migrator.atomicity('1.0.0', effect())).toEqual({
      atomic: false,
      why: '20260103000000_a has several statements, and a driver adapter runs each by itself',
    });
    await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({ kind: 'migration-failed' });
    expect(await postgres.tablesAndColumns(directory)).toContain('notes.a');
    expect(await migrator.revision('1.0.0', effect())).toBe(`${TAG}, failed: 20260103000000_a`);
    expect((await migrator.status('1.0.0', effect()))?.text).toBe(
      'failed, and holds up all that follow: 20260103000000_a',
    );
    await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
      message: 'migrate up of 1.0.0 cannot begin: prisma holds 20260103000000_a for failed, or it was cut short',
      next: expect.stringMatching(/--applied 20260103000000_a .*--rolled-back 20260103000000_a/),
    });
    await migrator.down('1.0.0', TAG, effect());
    expect(await postgres.tablesAndColumns(directory)).not.toContain('notes.a');
    expect(await migrator.revision('1.0.0', effect())).toBe(TAG);
  });

  test('a file that was edited after it was applied is told by its checksum', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    write(NOTES, 'CREATE TABLE notes (id bigserial PRIMARY KEY);\n');
    expect((await migrator.status('1.0.0', effect()))?.text).toBe(`edited since it was applied: ${NOTES}`);
  });

  test('a database that is not there is a failure, never an empty one', async () => {
    await postgres.drop(directory);
    await expect(open().revision('1.0.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining('does not exist'),
    });
  });

  test('migrations of another database are refused with the other way', async () => {
    writeFileSync(join(directory, 'prisma/migrations/migration_lock.toml'), 'provider = "mysql"\n');
    await expect(open().revision('1.0.0', effect())).rejects.toMatchObject({
      kind: 'config-invalid',
      message: 'the migrations of Prisma are for mysql; migrate: prisma: knows PostgreSQL',
    });
  });

  test('the address of the database is in no argument and, printed by the configuration, in no line that is shown', async () => {
    const watched = effect();
    const migrator = open({ env: { ...PRISMA_ENV, DATABASE_URL: '$SHOP_DSN', SAY_URL: '1' } });
    const seen = await watchArguments(() => migrator.up('1.0.0', watched));
    expect(seen.some((line) => line.includes('migrate deploy'))).toBe(true);
    expect(seen.filter((line) => line.includes('postgresql://'))).toEqual([]);
    expect(watched.reported.join('\n')).toContain('connected to [masked SHOP_DSN]');
    expect(watched.reported.join('\n')).not.toContain('127.0.0.1:');
  });
});

test('the settings of prisma are strict, and a plan shows its commands', () => {
  expect(prismaSettings.safeParse({ schemas: 'x' }).success).toBe(false);
  const migrator = openPrismaMigrator(prismaSettings.parse({}) as unknown as Json);
  expect(migrator.commandsFor('up')).toEqual([
    ['npx', '--no-install', 'prisma', 'migrate', 'deploy', '--schema', 'prisma/schema.prisma'],
  ]);
  expect(migrator.commandsFor('down')).toEqual([
    [
      'npx',
      '--no-install',
      'prisma',
      'db',
      'execute',
      '--file',
      'prisma/migrations/$MIGRATION/down.sql',
      '--schema',
      'prisma/schema.prisma',
    ],
  ]);
});
