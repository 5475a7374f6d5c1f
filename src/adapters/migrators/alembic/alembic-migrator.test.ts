import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { debianProgram } from '../../../../test/support/debian-program.ts';
import { watchArguments } from '../../../../test/support/watch-arguments.ts';
import { alembicReason } from '../../../../test/support/migration-tools.ts';
import { migratorPostgres } from '../../../../test/support/migrator-postgres.ts';
import { tablesAndColumns } from '../../../../test/support/read-sqlite.ts';
import { testEffect } from '../../../../test/support/test-effect.ts';
import type { Json } from '../../../core/release/json.ts';
import { describeMigrator } from '../migrator.suite.ts';
import { openAlembicMigrator } from './alembic-migrator.ts';
import { alembicSettings } from './settings.ts';

const FIXTURE = resolve('test/fixtures/migrators/alembic');
const alembic = debianProgram('alembic', 'alembic');
const postgres = migratorPostgres();
const ENV = { DATABASE_URL: '$SHOP_DSN', PYTHONDONTWRITEBYTECODE: '1' };
const LIMIT_MS = 120_000; // alembic takes up to two seconds to start on a busy machine

/** The migrations of the fixture that left their trace in the database. */
function appliedIn(directory: string): string[] {
  const found = tablesAndColumns(join(directory, 'app.db'));
  return [...(found.includes('notes') ? ['r1'] : []), ...(found.includes('notes.tag') ? ['r2'] : [])];
}

describeMigrator({
  kind: 'alembic',
  settings: (directory) => ({
    directory: FIXTURE,
    env: { ...ENV, DATABASE_URL: `sqlite:///${directory}/app.db`, STEP_SECONDS: '0.1' },
  }),
  revisions: { empty: 'base', newest: 'r2' },
  // The tool of these cases lies outside of the throw-away project.
  wayDown: { goesTo: 'r2', notStored: /alembic\.ini is not inside the project$/ },
  applied: appliedIn,
  crashWithinMs: 1500,
  missing: alembic.reason,
});

describeMigrator({
  kind: 'alembic',
  on: 'PostgreSQL',
  settings: (directory) => ({
    directory: FIXTURE,
    env: { ...ENV, DATABASE_URL: postgres.url(directory), STEP_SECONDS: '0.1' },
  }),
  revisions: { empty: 'base', newest: 'r2' },
  // The tool of these cases lies outside of the throw-away project.
  wayDown: { goesTo: 'r2', notStored: /alembic\.ini is not inside the project$/ },
  applied: async (directory) => {
    const found = await postgres.tablesAndColumns(directory);
    return [...(found.includes('notes') ? ['r1'] : []), ...(found.includes('notes.tag') ? ['r2'] : [])];
  },
  crashWithinMs: 1500,
  crashes: 5,
  missing: [postgres.reason, alembicReason()].filter((one) => one !== '').join('; '),
  begin: postgres.begin,
  end: postgres.end,
  prepare: postgres.create,
  remove: postgres.drop,
});

describe.skipIf(alembic.path === null)(`the alembic migrator ${alembic.reason}`, { timeout: LIMIT_MS }, () => {
  let directory: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-alembic-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (settings: { [key: string]: unknown } = {}) =>
    openAlembicMigrator(alembicSettings.parse({ directory: FIXTURE, env: ENV, ...settings }) as unknown as Json);
  const effect = (url = `sqlite:///${directory}/app.db`) => testEffect(directory, { variables: { SHOP_DSN: url } });

  test('the preview is the SQL of what waits, the record of alembic named as its own', async () => {
    const migrator = open();
    const first = await migrator.preview('1.0.0', effect());
    expect(first).toMatchObject({ sql: expect.stringContaining('CREATE TABLE notes'), ownTables: ['alembic_version'] });
    await open({ to: 'r1' }).up('1.0.0', effect());
    const second = await migrator.preview('1.0.0', effect());
    expect(second).toMatchObject({
      sql: expect.stringMatching(/^BEGIN;\s+-- Running upgrade r1 -> r2\s+ALTER TABLE notes/),
    });
    expect(second).not.toMatchObject({ sql: expect.stringContaining('CREATE TABLE') });
  });

  test('a preview at the newest revision holds no statement but the transaction', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    expect(await migrator.preview('1.0.0', effect())).toMatchObject({
      sql: expect.stringMatching(/^\s*BEGIN;\s*COMMIT;\s*$/),
    });
  });

  test('the way down needs the files of the newer version: with those of the older it fails', async () => {
    cpSync(FIXTURE, join(directory, '1.1.0'), { recursive: true });
    cpSync(FIXTURE, join(directory, '1.0.0'), { recursive: true });
    rmSync(join(directory, '1.0.0/versions/r2_tag.py'));
    const migrator = open({ directory: '$VERSION' });
    await migrator.up('1.0.0', effect());
    expect(await migrator.revision('1.0.0', effect())).toBe('r1');
    await migrator.up('1.1.0', effect());
    await expect(migrator.down('1.0.0', 'r1', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining("Can't locate revision identified by 'r2'"),
      where: 'migrate.alembic.revision',
    });
    expect(appliedIn(directory)).toEqual(['r1', 'r2']);
    await migrator.down('1.1.0', 'r1', effect());
    expect(appliedIn(directory)).toEqual(['r1']);
  });

  test('without the revision before, going down does not begin', async () => {
    const migrator = open();
    await migrator.up('1.0.0', effect());
    await expect(migrator.down('1.0.0', null, effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate down of 1.0.0 cannot begin: the revision before it is not known',
    });
    expect(appliedIn(directory)).toEqual(['r1', 'r2']);
  });

  test('the address of the database is in no argument and, printed by env.py, in no line that is shown', async () => {
    const url = `sqlite:///${directory}/app.db?key=sentinel-pW7&x`;
    const watched = effect(url);
    const migrator = open({ env: { ...ENV, SAY_URL: '1', STEP_SECONDS: '0.3' } });
    const seen = await watchArguments(() => migrator.up('1.0.0', watched));
    expect(seen.some((line) => line.includes('upgrade head'))).toBe(true);
    expect(seen.filter((line) => line.includes('sentinel-pW7'))).toEqual([]);
    expect(watched.reported).toContain('migrate up: connecting to [masked SHOP_DSN]');
    expect(watched.reported.join('\n')).not.toContain('sentinel-pW7');
  });

  test('a file that is not there is a failure that names the call', async () => {
    await expect(open({ config: 'nowhere.ini' }).revision('1.0.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: expect.stringContaining('migrate revision of 1.0.0 failed with exit code'),
    });
  });
});

test('the settings of alembic are strict, and their defaults are those of alembic', () => {
  expect(alembicSettings.safeParse({ configs: 'x' }).success).toBe(false);
  expect(alembicSettings.parse({})).toEqual({
    command: ['alembic'],
    config: 'alembic.ini',
    to: 'head',
    dialect: null,
    directory: '.',
    env: {},
    timeoutSeconds: 1800,
  });
  expect(openAlembicMigrator(alembicSettings.parse({}) as unknown as Json).commandsFor('down')).toEqual([
    ['alembic', '-c', 'alembic.ini', 'downgrade', '$REVISION'],
  ]);
});
