import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Json } from '../../../core/release/json.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import { describeMigrator } from '../migrator.suite.ts';
import { openCommandMigrator } from './command-migrator.ts';
import { migratorSettings } from './settings.ts';

const TOOL = [process.execPath, resolve('test/fixtures/migrators/migrate.mjs')];
const SETTINGS = { up: [...TOOL, 'up'], down: [...TOOL, 'down', '$REVISION'], revision: [...TOOL, 'status'] };

function appliedIn(directory: string): string[] {
  const file = join(directory, 'migrations.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

describeMigrator({
  kind: 'command',
  settings: () => ({ ...SETTINGS, env: { STEP_MS: '40' } }),
  revisions: { empty: '0', newest: '2' },
  wayDown: { goesTo: null, notStored: /^the release file does not name its `files`$/ },
  applied: appliedIn,
  crashWithinMs: 250,
});

describe('the command migrator', () => {
  let directory: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-migrate-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (settings: { [key: string]: unknown } = {}) =>
    openCommandMigrator(migratorSettings.parse({ ...SETTINGS, ...settings }) as unknown as Json);
  const effect = (token?: string, variables?: Record<string, string>) =>
    testEffect(directory, { ...(token ? { token } : {}), ...(variables ? { variables } : {}) });

  test('a migration that fails is reported with its exit code and its last words, and what was applied stays visible', async () => {
    const migrator = open({ env: { FAIL_AT: '2' } });
    await expect(migrator.up('1.1.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message:
        'migrate up of 1.1.0 failed with exit code 4; it printed last:\n  up to 1\n  up to 2\n  column "price" of revision 2 exists already',
      where: 'migrate.command.up',
    });
    expect(await migrator.revision('1.1.0', effect())).toBe('1');
  });

  test('a migration that hangs is stopped whole at its limit', async () => {
    const migrator = open({ env: { STEP_MS: '60000' }, timeout: '500ms' });
    await expect(migrator.up('1.1.0', effect('m1/hangs/1'))).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate up of 1.1.0 did not end within 0.5 s and was stopped; it printed last:\n  up to 1',
    });
    expect(findByEnvironment('SHIPWAY_STEP', (token) => token === 'm1/hangs/1')).toEqual([]);
  });

  test('an abort stops a running migration', async () => {
    const aborted = effect('m1/aborted/1');
    const migrating = open({ env: { STEP_MS: '60000' } }).up('1.1.0', aborted);
    await waitUntil('the migration to begin', () => aborted.reported.includes('migrate up: up to 1'));
    aborted.abort();
    await expect(migrating).rejects.toMatchObject({ kind: 'stopped' });
    expect(findByEnvironment('SHIPWAY_STEP', (token) => token === 'm1/aborted/1')).toEqual([]);
  });

  test('a way down that was never declared is a failure that names the other way', async () => {
    const migrator = open({ down: undefined });
    expect(migrator.commandsFor('down')).toEqual([]);
    await expect(migrator.down('1.1.0', '0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      next: 'Restore the backup that was taken before the release, or declare "down".',
    });
  });

  test('a way down that ends elsewhere is a failure', async () => {
    const migrator = open({ down: ['true'] });
    await migrator.up('1.1.0', effect());
    await expect(migrator.down('1.1.0', '0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate down of 1.1.0 ended with success, but the data is at 2, not 0',
    });
  });

  test('without a revision command the revision is not known, and up still runs', async () => {
    const watched = effect();
    const migrator = open({ revision: undefined });
    expect(await migrator.revision('1.1.0', watched)).toBeNull();
    await migrator.up('1.1.0', watched);
    expect(watched.reported.at(-1)).toBe('migrate up: done; the tool does not tell the revision');
    expect(appliedIn(directory)).toEqual(['up 1', 'up 2']);
  });

  test.each([
    ['prints nothing', ['true'], 'the revision command of 1.1.0 printed no revision; it printed nothing'],
    [
      'fails',
      ['sh', '-c', 'echo no database >&2; exit 1'],
      'migrate revision of 1.1.0 failed with exit code 1; it printed last:\n  no database',
    ],
  ])('a revision command that %s is a failure, never an unknown revision', async (_, revision, message) => {
    await expect(open({ revision }).revision('1.1.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message,
    });
  });

  test('the version, a directory by version and the environment reach the tool, and secrets in its output are masked', async () => {
    const watched = effect('m1/up/1', { DATABASE_PASSWORD: 'sentinel-cV2&gNs7' });
    const script = 'pwd; echo "$VERSION $$DATABASE"';
    const migrator = open({
      up: ['sh', '-c', script],
      revision: undefined,
      directory: '$VERSION',
      env: { DATABASE: '$DATABASE_PASSWORD' },
    });
    await expect(migrator.up('1.1.0', watched)).rejects.toMatchObject({ kind: 'command-failed' });
    mkdirSync(join(directory, '1.1.0'));
    await migrator.up('1.1.0', watched);
    expect(watched.reported.slice(0, 2)).toEqual([
      `migrate up: ${directory}/1.1.0`,
      'migrate up: 1.1.0 [masked DATABASE_PASSWORD]',
    ]);
  });

  test('the SQL of the preview is given as it is printed, with its language, and nothing is run', async () => {
    const watched = effect();
    const migrator = open({
      preview: ['sh', '-c', 'echo "-- $$VERSION_ASKED"; echo "DROP TABLE a;"'],
      dialect: 'sqlite',
      env: { VERSION_ASKED: '$VERSION' },
    });
    expect(await migrator.preview('1.1.0', watched)).toEqual({
      sql: '-- 1.1.0\nDROP TABLE a;\n',
      dialect: 'sqlite',
      ownTables: [],
    });
    expect(watched.reported).toEqual([]);
    expect(appliedIn(directory)).toEqual([]);
  });

  test('a preview that is too long to be read whole is a failure, never half a preview', async () => {
    const migrator = open({ preview: ['sh', '-c', 'head -c 9000000 /dev/zero | tr "\\0" " "'] });
    await expect(migrator.preview('1.1.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'the preview command printed more than is kept of its output',
      where: 'migrate.command.preview',
    });
  });

  test('a preview that fails is a failure with its last words', async () => {
    const migrator = open({ preview: ['sh', '-c', 'echo no such revision >&2; exit 3'] });
    await expect(migrator.preview('1.1.0', effect())).rejects.toMatchObject({
      kind: 'migration-failed',
      message: 'migrate preview of 1.1.0 failed with exit code 3; it printed last:\n  no such revision',
    });
  });

  test('the status is what the tool prints', async () => {
    expect(await open({ status: [...TOOL, 'status'] }).status('1.1.0', effect())).toEqual({
      applied: null,
      pending: null,
      text: 'asking the database\n0\n',
    });
  });

  test('without their commands there is neither preview nor status', async () => {
    expect(await open().preview('1.1.0', effect())).toEqual({
      unseen: 'the release file declares no `preview` command',
    });
    expect(await open().status('1.1.0', effect())).toBeNull();
  });

  test('settings are strict and say what to write', () => {
    const complaints = (settings: unknown) =>
      migratorSettings.safeParse(settings).error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    expect(complaints({})).toEqual([expect.stringMatching(/^up: is missing\n/)]);
    expect(complaints({ up: 'npm run migrate' })).toEqual([expect.stringMatching(/^up: is one text/)]);
    expect(complaints({ up: ['x'], donw: ['y'] })).toEqual([expect.stringMatching(/donw/)]);
    expect(migratorSettings.parse({ up: ['x'] })).toEqual({
      up: ['x'],
      down: null,
      revision: null,
      preview: null,
      dialect: null,
      status: null,
      transactional: false,
      directory: '.',
      env: {},
      timeoutSeconds: 1800,
    });
  });
});
