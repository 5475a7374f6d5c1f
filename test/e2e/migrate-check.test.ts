import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const PROGRAM = resolve('bin/shipway.js');

const RELEASE_FILE = `service: shop
environments:
  production:
    target:
      command:
        deploy: [touch, deployed]
        observe: [cat, version.txt]
    migrate:
      command:
        up: [sh, -c, 'cat migrations/$VERSION.sql >> applied.sql']
        down: ['true']
        preview: [cat, migrations/$VERSION.sql]
        status: [ls, migrations]
        revision: [sh, -c, 'wc -c < applied.sql']
      compatible: true
`;

const UNSAFE = `SET lock_timeout = '200ms';
ALTER TABLE orders
  DROP COLUMN note;
`;

describe('shipway migrate', () => {
  let project: TemporaryProject;
  beforeEach(() => {
    project = createTemporaryProject({ 'shipway.yaml': RELEASE_FILE, 'version.txt': '1.0.0', 'applied.sql': '' });
    project.write('migrations/1.1.0.sql', UNSAFE);
    project.write('migrations/1.2.0.sql', "SET lock_timeout = '1s';\nALTER TABLE orders ADD COLUMN gift text;\n");
  });
  afterEach(() => project.remove());

  test('check prints each finding with its place, statement, why and safe way, and ends with 1', async () => {
    const ran = await project.run(['migrate', 'check', 'migrations/1.1.0.sql']);
    expect(ran.stdout).toBe(
      [
        'migrations/1.1.0.sql:1: warning no-down',
        '  why: when the release fails, nothing but a restore of the backup takes the schema back',
        '  safe way:',
        '    -- migrate:down',
        '    …',
        '    -- or, if there is none: -- shipway: irreversible WHY',
        '',
        'migrations/1.1.0.sql:2: error drop-column',
        '    ALTER TABLE orders DROP COLUMN note',
        '  why: queries of the version that runs fail when orders.note is gone, and its data is gone for good',
        '  safe way:',
        '    -- now: let the new version neither read nor write it; if it is NOT NULL:',
        '    ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;',
        '    -- in a later release, when the version that runs does not use it any more:',
        '    ALTER TABLE orders DROP COLUMN note;',
        '',
        '2 statements in 1 migration: 1 error, 1 warning',
        '',
      ].join('\n'),
    );
    expect(ran.exitCode).toBe(1);
  });

  test('warnings alone end with 0, and with 1 where --strict is given', async () => {
    expect((await project.run(['migrate', 'check', 'migrations/1.2.0.sql'])).exitCode).toBe(0);
    expect((await project.run(['migrate', 'check', 'migrations/1.2.0.sql', '--strict'])).exitCode).toBe(1);
  });

  test('--version judges what the preview of the release file prints, and runs nothing of it', async () => {
    const ran = await project.run(['migrate', 'check', '--version', '1.2.0']);
    expect([ran.exitCode, ran.stdout, ran.stderr]).toEqual([
      0,
      'ok  2 statements in 1 migration: nothing unsafe found\n',
      '',
    ]);
    const bad = await project.run(['migrate', 'check', '--version', '1.1.0', '--json']);
    expect(bad.exitCode).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      good: false,
      errors: 1,
      migrations: [{ name: 'preview', dialect: 'postgresql', findings: [{ rule: 'drop-column', line: 2 }] }],
    });
    expect(project.read('applied.sql')).toBe('');
  });

  test('the plan of a release shows what is unsafe before anybody approves it', async () => {
    const unsafe = await project.run(['plan', '1.1.0']);
    expect(unsafe.stdout).toContain(
      [
        'warning: migration: error drop-column, line 2: queries of the version that runs fail when orders.note is gone, and its data is gone for good',
        'warning: migration: the statements and the safe ways: shipway migrate check --env production --version 1.1.0',
      ].join('\n'),
    );
    expect((await project.run(['plan', '1.2.0'])).stdout).not.toContain('migration:');
    expect(project.read('applied.sql')).toBe('');
  });

  test('a preview that fails is a warning of the plan: what is not seen is not judged good', async () => {
    const ran = await project.run(['plan', '1.3.0']);
    expect(ran.stdout).toContain(
      'warning: the migration is not judged, because what it would run is not known: migrate preview of 1.3.0 failed with exit code 1',
    );
  });

  test('files of one migration belong together, folders are read in order, and facts make rules milder', async () => {
    const folder = createTemporaryProject({
      'm/1_note.up.sql': "SET lock_timeout = '1s';\nALTER TABLE orders DROP COLUMN note;",
      'm/1_note.down.sql': 'ALTER TABLE orders ADD COLUMN note text;',
      'm/2_safe.up.sql': "SET lock_timeout = '1s';\nALTER TABLE orders ADD COLUMN gift text;",
      'm/2_safe.down.sql': 'SELECT 1;',
      'facts.json': '{"unused": ["orders.note"]}',
    });
    try {
      const ran = await folder.run(['migrate', 'check', 'm', '--facts', 'facts.json', '--json']);
      const { migrations } = JSON.parse(ran.stdout) as { migrations: { name: string; findings: object[] }[] };
      expect(migrations).toMatchObject([
        { name: 'm/1_note.up.sql', findings: [{ rule: 'drop-column', severity: 'note' }] },
        { name: 'm/2_safe.up.sql', findings: [{ rule: 'down-does-not-undo', severity: 'error' }] },
      ]);
    } finally {
      await folder.remove();
    }
  });

  test('standard input is judged as one migration', () => {
    const argv = [PROGRAM, 'migrate', 'check', '-', '--dialect', 'sqlite'];
    const ran = spawnSync(process.execPath, argv, { cwd: project.directory, input: 'DROP TABLE a;', encoding: 'utf8' });
    expect(ran.stdout).toContain('standard input:1: error drop-table');
    expect(ran.status).toBe(1);
  });

  test.each([
    [['check'], 'shipway: neither SQL files nor a version are named'],
    [['check', 'nowhere.sql'], 'shipway: there is no file nowhere.sql'],
    [['check', 'nowhere'], 'shipway: there is no .sql file in nowhere'],
    [['check', 'a.sql', '--version', '1.1.0'], 'shipway: --version asks the release file'],
    [['check', 'a.sql', '--dialect', 'oracle'], "shipway: option '--dialect <name>' argument 'oracle' is invalid"],
  ])('migrate %j says what is wrong', async (args, message) => {
    const ran = await project.run(['migrate', ...args]);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toContain('  next: ');
    expect(ran.exitCode).not.toBe(0);
  });

  test('without a preview command it is said what to write', async () => {
    project.write('shipway.yaml', RELEASE_FILE.replace(/ {8}preview:.*\n/, ''));
    const ran = await project.run(['migrate', 'check', '--version', '1.1.0']);
    expect(ran.stderr).toContain('shipway: the migration of production cannot be seen before it runs');
    expect(ran.exitCode).toBe(2);
  });

  test("status prints the revision and what the project's tool tells", async () => {
    const ran = await project.run(['migrate', 'status', '1.1.0']);
    expect(ran.stdout).toBe('revision of production: 0\n  1.1.0.sql\n  1.2.0.sql\n');
    expect(ran.exitCode).toBe(0);
  });
});
