import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSqlite } from '../support/read-sqlite.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';
import { said } from '../support/service-project.ts';

const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
const LIMIT_MS = 240_000; // a dozen commands one after the other, on a machine that does other things too
const OPTIONS = { limitSeconds: 120, environment: { DATABASE_PATH: 'app.db', SHIPWAY_ACTOR: 'ana' } };

const releaseFile = (rehearsal: string): string => `service: shop
stores: { database: { sqlite: { path: app.db } }, uploads: { files: { paths: [uploads] } } }
environments:
  production:
    target: { command: { deploy: [touch, deployed], observe: [cat, version.txt] } }
    migrate:
      command:
        up: [node, ${TOOL}, up]
        down: [node, ${TOOL}, down, $REVISION]
        revision: [node, ${TOOL}, revision]
        env: { DATABASE_PATH: $DATABASE_PATH }
${rehearsal}
`;
const LED = `    rehearsal:
      env: { DATABASE_PATH: $SCRATCH_PATH }
      checks:
        - Users have a nick: { run: [node, check.mjs], env: { DATABASE_PATH: $SCRATCH_PATH } }
`;
const CHECK = `import Database from ${JSON.stringify(resolve('node_modules/libsql/promise.js'))};
const database = new Database(process.env.DATABASE_PATH);
const statement = await database.prepare('SELECT count(*) AS n FROM users WHERE nick IS NOT NULL');
const { n } = await statement.get();
console.log(n, 'users have a nick');
process.exit(n === 50 ? 0 : 1);
`;

let project: TemporaryProject;
beforeEach(() => {
  project = createTemporaryProject({ 'shipway.yaml': releaseFile(LED), 'version.txt': '1.0.0', 'check.mjs': CHECK });
  const database = new Database(join(project.directory, 'app.db'));
  database.exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO users SELECT i, i || '@example.org' FROM n;
    CREATE TABLE schema_version (n INTEGER); INSERT INTO schema_version VALUES (1)`);
  database.close();
  project.write('migrations/2.up.sql', `ALTER TABLE users ADD COLUMN nick TEXT; UPDATE users SET nick = 'n' || id`);
  project.write('migrations/2.down.sql', 'ALTER TABLE users DROP COLUMN nick');
});
afterEach(() => project.remove());

const shipway = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.run(args, OPTIONS));
const revision = (): unknown =>
  readSqlite(join(project.directory, 'app.db'), 'SELECT max(n) FROM schema_version')[0]?.[0];
const left = (): string[] => {
  const folder = join(project.directory, '.shipway/rehearsals');
  return existsSync(folder) ? readdirSync(folder) : [];
};

test(
  'a release in production waits for the rehearsal of its migration, which the plan then shows',
  async () => {
    expect(await shipway(30, 'plan', '1.1.0')).toContain('migration: not rehearsed');
    const refused = await shipway(30, 'release', '1.1.0');
    expect(refused).toContain('the migration of shop 1.1.0 in production: not rehearsed');
    expect(refused).toContain('shipway rehearse 1.1.0 --env production');
    expect(await shipway(30, 'rehearse', '1.1.0')).toContain('there is no backup of database of shop production');
    project.write('uploads/a.txt', 'a');
    await shipway(0, 'backup', 'create');
    expect(await shipway(0, 'rehearse', '1.1.0', '--dry-run')).toContain('would try the migration of shop 1.1.0');

    const passed = await shipway(0, 'rehearse', '1.1.0');
    expect(passed).toMatch(/took +restore \S+, up \S+, down \S+, up again \S+/);
    expect(passed).toContain('pass: Users have a nick');
    expect(passed).toContain('warning discards: down throws away column users.nick: 50 values');
    expect(passed).toContain('passed     the migration of 1.1.0 may be released to production');
    expect(revision()).toEqual([1]);
    expect(left()).toEqual([]);

    expect(await shipway(0, 'plan', '1.1.0')).toMatch(/migration: rehearsed \S+ ago: up \S+, down \S+/);
    expect(await shipway(30, 'plan', '1.2.0')).toContain('migration: not rehearsed');
    const history = await shipway(0, 'verify');
    expect(history).not.toContain('invalid');
  },
  LIMIT_MS,
);

test(
  'a way down that loses data fails the rehearsal, names it, and the release stays refused',
  async () => {
    project.write('uploads/a.txt', 'a');
    await shipway(0, 'backup', 'create');
    project.write(
      'migrations/2.down.sql',
      `ALTER TABLE users DROP COLUMN nick; UPDATE users SET email = NULL WHERE id > 40; CREATE INDEX forgotten ON users (email)`,
    );
    const { rehearsal } = JSON.parse(await shipway(1, 'rehearse', '1.1.0', '--json')) as {
      rehearsal: { outcome: string; findings: { kind: string; sentence: string }[] };
    };
    expect(rehearsal.outcome).toBe('failed');
    expect(rehearsal.findings.map((one) => one.sentence)).toEqual([
      'after down: column users.email has 40 values, 50 before',
      'after down: left behind in the schema: index forgotten on users as create index forgotten on users ( email )',
      'down throws away column users.nick: 50 values',
    ]);
    expect(await shipway(30, 'plan', '1.1.0')).toMatch(
      /rehearsed \S+ ago, and it failed: after down: column users.email/,
    );
    expect(revision()).toEqual([1]);
    expect(left()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'what a rehearsal left that was killed is removed by the next one, and the live data is as it was',
  async () => {
    project.write('uploads/a.txt', 'a');
    await shipway(0, 'backup', 'create');
    project.write('gaps/do', 'kill');
    project.write('gaps/at', '["rehearse.up"]');
    const environment = { ...OPTIONS.environment, SHIPWAY_GAPS: join(project.directory, 'gaps') };
    const killed = await project.run(['rehearse', '1.1.0'], { ...OPTIONS, environment });
    expect(killed.signal).toBe('SIGKILL');
    expect(left()).toHaveLength(1);
    expect(revision()).toEqual([1]);
    expect(await shipway(0, 'rehearse', '1.1.0')).toContain('removed what a rehearsal left');
    expect(left()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a rehearsal that would meet the live data is refused before anything runs',
  async () => {
    project.write('uploads/a.txt', 'a');
    await shipway(0, 'backup', 'create');
    project.write('shipway.yaml', releaseFile('    rehearsal: { env: { OTHER_PATH: $SCRATCH_PATH } }'));
    const refused = await shipway(30, 'rehearse', '1.1.0');
    expect(refused).toContain(
      'asked for the revision of a database that does not exist, the migration tool answers 1, which is that of the live data',
    );
    expect(revision()).toEqual([1]);
    expect(left()).toEqual([]);
  },
  LIMIT_MS,
);

test.each([
  ['', [], 2, 'the release file does not say how the migration of production is led to a copy of the data'],
  ['    rehearsal: { env: { DATABASE_PATH: app.db } }', [], 2, 'leads nowhere but to the live data'],
  [LED, ['--store', 'uploads'], 2, '"uploads" is a store of kind files, of which no scratch copy can be made'],
  [LED, ['--store', 'cache'], 2, 'there is no store "cache" in this environment'],
])(
  'what cannot be rehearsed is said with the reason: %s%s',
  async (rehearsal, args, code, message) => {
    project.write('shipway.yaml', releaseFile(rehearsal));
    expect(await shipway(code, 'rehearse', '1.1.0', ...args)).toContain(message);
  },
  LIMIT_MS,
);

test(
  'without a rehearsal in the release file nothing is asked for, and it can be asked for anywhere or nowhere',
  async () => {
    project.write('shipway.yaml', releaseFile(''));
    expect(await shipway(0, 'plan', '1.1.0')).not.toContain('rehearsed');
    project.write('shipway.yaml', releaseFile(`${LED}      required: false\n`));
    expect(await shipway(0, 'plan', '1.1.0')).toContain('migration: not rehearsed (not required here)');
    project.write('shipway.yaml', releaseFile(`${LED}      required: true\n`).replace('production:', 'staging:'));
    expect(await shipway(30, 'plan', '1.1.0')).toContain('migration: not rehearsed');
  },
  LIMIT_MS,
);
