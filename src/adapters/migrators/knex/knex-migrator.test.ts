import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migratorPostgres } from '../../../../test/support/migrator-postgres.ts';
import { tablesAndColumns } from '../../../../test/support/read-sqlite.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { watchArguments } from '../../../../test/support/watch-arguments.ts';
import { runCommand } from '../../../platform/run-command.ts';
import type { Json } from '../../../core/release/json.ts';
import { describeMigrator } from '../migrator.suite.ts';
import { openKnexMigrator } from './knex-migrator.ts';
import { knexSettings } from './settings.ts';

const postgres = migratorPostgres();
const FIXTURE = resolve('test/fixtures/migrators/knex');
const COMMAND = [process.execPath, resolve('node_modules/knex/bin/cli.js')];
const LIMIT_MS = 120_000; // knex takes up to a second to start on a busy machine

function appliedIn(directory: string): string[] {
  const found = tablesAndColumns(join(directory, 'app.db'));
  return [...(found.includes('notes') ? ['0001'] : []), ...(found.includes('notes.tag') ? ['0002'] : [])];
}

const settingsIn = (directory: string, more: { [key: string]: string } = {}) => ({
  command: COMMAND,
  knexfile: 'knexfile.cjs',
  directory: FIXTURE,
  env: { DATABASE_FILE: join(directory, 'app.db'), ...more },
});

describeMigrator({
  kind: 'knex',
  settings: (directory) => settingsIn(directory, { STEP_MS: '100' }),
  revisions: { empty: 'none', newest: '0002_tag.cjs' },
  // The tool of these cases lies outside of the throw-away project.
  wayDown: { goesTo: '0002_tag.cjs', notStored: /is not inside the project$/ },
  applied: appliedIn,
  crashWithinMs: 1000,
});

describeMigrator({
  kind: 'knex',
  on: 'PostgreSQL',
  settings: (directory) => ({
    ...settingsIn(directory),
    env: { DATABASE_URL: postgres.url(directory), STEP_MS: '100' },
  }),
  revisions: { empty: 'none', newest: '0002_tag.cjs' },
  // The tool of these cases lies outside of the throw-away project.
  wayDown: { goesTo: '0002_tag.cjs', notStored: /is not inside the project$/ },
  applied: async (directory) => {
    const found = await postgres.tablesAndColumns(directory);
    return [...(found.includes('notes') ? ['0001'] : []), ...(found.includes('notes.tag') ? ['0002'] : [])];
  },
  crashWithinMs: 1000,
  crashes: 5,
  missing: postgres.reason,
  begin: postgres.begin,
  end: postgres.end,
  prepare: postgres.create,
  remove: postgres.drop,
});

describe('the knex migrator', { timeout: LIMIT_MS }, () => {
  let directory: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-knex-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (more: { [key: string]: string } = {}) =>
    openKnexMigrator(knexSettings.parse(settingsIn(directory, more)) as unknown as Json);
  const effect = (token = 'r1/migrate.up/1') =>
    testEffect(directory, { token, variables: { SHOP_DSN: 'postgresql://shop:sentinel-pW7@127.0.0.1:1/shop' } });
  const knex = (...words: string[]) =>
    runCommand({
      argv: [...COMMAND, '--knexfile', 'knexfile.cjs', ...words],
      cwd: FIXTURE,
      environment: { PATH: process.env['PATH'] ?? '', DATABASE_FILE: join(directory, 'app.db') },
      timeoutSeconds: 60,
    });

  test('the way down needs the files of the newer version: with those of the older it fails', async () => {
    const migrations = (version: string) => join(directory, version);
    for (const version of ['1.0.0', '1.1.0'])
      cpSync(join(FIXTURE, 'migrations'), migrations(version), { recursive: true });
    rmSync(join(directory, '1.0.0/0002_tag.cjs'));
    const migrator = open({ MIGRATIONS: `${directory}/$VERSION` });
    await migrator.up('1.1.0', effect());
    await expect(migrator.down('1.0.0', '0001_notes.cjs', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining('0002_tag.cjs'),
    });
    expect(appliedIn(directory)).toEqual(['0001', '0002']);
    await migrator.down('1.1.0', '0001_notes.cjs', effect());
    expect(appliedIn(directory)).toEqual(['0001']);
  });

  test('a lock of somebody else is left alone, and it is said how it is taken off', async () => {
    const migrator = open();
    await migrator.revision('1.0.0', effect()); // makes the tables of knex
    await lock();
    await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate up: the table of migrations is locked by another run',
      next: expect.stringMatching(/migrate:unlock$/),
    });
    expect(appliedIn(directory)).toEqual([]);
    await knex('migrate:unlock');
    await migrator.up('1.0.0', effect());
    expect(appliedIn(directory)).toEqual(['0001', '0002']);
  });

  test('what a migration that fails printed is in the failure, and the lock is free afterwards', async () => {
    const migrator = open({ FAIL: '1' });
    await expect(migrator.up('1.0.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining('the tag is refused'),
      where: 'migrate.knex.up',
    });
    await open().up('1.0.0', effect('r2/migrate.up/1'));
    expect(appliedIn(directory)).toEqual(['0001', '0002']);
  });

  test('a revision that is not applied is no place to go down to', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    await expect(migrator.down('1.0.0', '0009_elsewhere.cjs', effect())).rejects.toMatchObject({
      message: 'migrate down of 1.0.0 cannot begin: 0009_elsewhere.cjs is not applied',
    });
  });

  test('the SQL cannot be seen, and that is said instead of none', async () => {
    expect(await open().preview('1.0.0', effect())).toEqual({
      unseen: 'knex cannot print the SQL of its migrations without running them',
    });
  });

  test('the address of the database is in no argument and, printed by the knexfile, in no failure', async () => {
    const watched = effect();
    const migrator = open({ SAY_URL: '1', DATABASE_URL: '$SHOP_DSN' });
    const seen = await watchArguments(() => migrator.up('1.0.0', watched).catch((error: Error) => error.message));
    expect(seen.some((line) => line.includes('migrate:list'))).toBe(true);
    expect(seen.filter((line) => line.includes('sentinel-pW7'))).toEqual([]);
    await expect(migrator.up('1.0.0', watched)).rejects.toMatchObject({
      message: expect.stringMatching(/connected to \[masked SHOP_DSN\]$/),
    });
  });

  async function lock(): Promise<void> {
    const script = `const D = require('libsql'); const d = new D(process.argv[1]); d.exec('UPDATE knex_migrations_lock SET is_locked = 1'); d.close();`;
    const ran = await runCommand({
      argv: [process.execPath, '-e', script, join(directory, 'app.db')],
      cwd: resolve('.'),
      environment: {},
      timeoutSeconds: 60,
    });
    expect(ran.exitCode).toBe(0);
  }
});

test('the settings of knex are strict, and a plan shows its commands', () => {
  expect(knexSettings.safeParse({ knexFile: 'x' }).success).toBe(false);
  const migrator = openKnexMigrator(knexSettings.parse({ knexfile: 'db/knexfile.js' }) as unknown as Json);
  expect(migrator.commandsFor('up')).toEqual([
    ['npx', '--no-install', 'knex', '--knexfile', 'db/knexfile.js', 'migrate:latest'],
  ]);
});
