import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { newIdentity } from '../../src/adapters/vaults/index.ts';
import { acceptLoss } from '../support/accept-loss.ts';
import { debianProgram } from '../support/debian-program.ts';
import { tablesAndColumns } from '../support/read-sqlite.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const FIXTURES = resolve('test/fixtures/migrators');
const alembic = debianProgram('alembic', 'alembic');
const LIMIT_MS = 600_000; // two releases with a tool that takes seconds to start, on a machine that does other things too

interface Tool {
  name: string;
  /** Lines of `migrate:`, for a project with the database in data/app.db. */
  migrate(directory: string): string;
  /** Of the new version alone, relative to the folder db. */
  newFile: string;
  /** How it is called in the folder db, up and down, with the database in the environment. */
  program: string[];
  up: string[];
  down: string[];
  /** What it says when the file is gone. */
  control: string;
  revisions: [string, string];
  missing: string;
}

const TOOLS: Tool[] = [
  {
    name: 'alembic',
    migrate: (directory) => `      alembic:
        directory: db
        env: { DATABASE_URL: 'sqlite:///${directory}/data/app.db', PYTHONDONTWRITEBYTECODE: '1' }`,
    newFile: 'versions/r2_tag.py',
    program: ['alembic'],
    up: ['upgrade', 'head'],
    down: ['downgrade', 'r1'],
    control: "Can't locate revision identified by 'r2'",
    revisions: ['r1', 'r2'],
    missing: alembic.reason,
  },
  {
    name: 'knex',
    migrate: (directory) => `      knex:
        command: [node, ../node_modules/knex/bin/cli.js]
        knexfile: knexfile.cjs
        directory: db
        env: { DATABASE_FILE: '${directory}/data/app.db' }`,
    newFile: 'migrations/0002_tag.cjs',
    program: ['node', '../node_modules/knex/bin/cli.js', '--knexfile', 'knexfile.cjs'],
    up: ['migrate:latest'],
    down: ['migrate:down', '0002_tag.cjs'],
    control: 'the following files are missing: 0002_tag.cjs',
    revisions: ['0001_notes.cjs', '0002_tag.cjs'],
    missing: '',
  },
  {
    name: 'command',
    migrate: (directory) => `      command:
        up: [node, ../migrate-sql.mjs, up]
        down: [node, ../migrate-sql.mjs, down, $REVISION]
        revision: [node, ../migrate-sql.mjs, revision]
        directory: db
        files: [migrations]
        env: { DATABASE_PATH: '${directory}/data/app.db' }`,
    newFile: 'migrations/2.down.sql',
    program: ['node', '../migrate-sql.mjs'],
    up: ['up'],
    down: ['down', '1'],
    control: 'no such file or directory',
    revisions: ['1', '2'],
    missing: '',
  },
];

let project: ServiceProject | null = null;
afterEach(() => project?.remove());

/** A project whose new version fails after its migration, and whose check then switches the tree to the files of the older one. */
async function createProject(tool: Tool, recipient: string | null): Promise<ServiceProject> {
  const encryption = recipient === null ? '' : `\nbackups: { encryption: { recipients: [${recipient}] } }`;
  const made = await createServiceProject({
    top: `stores: { database: { sqlite: { path: data/app.db } } }${encryption}`,
    watch: '',
    verify: '      - Agreed: { run: [node, switch-tree.mjs, $VERSION] }',
    environment: '    migrate:\nMIGRATE\n      compatible: false',
  });
  made.write('shipway.yaml', made.read('shipway.yaml').replace('MIGRATE', tool.migrate(made.directory)));
  symlinkSync(resolve('node_modules'), join(made.directory, 'node_modules'));
  made.write('data/.keep', '');
  const schema =
    tool.name === 'command'
      ? 'CREATE TABLE schema_version(n); INSERT INTO schema_version VALUES (0)'
      : 'CREATE TABLE own(n)';
  const create = `const D = require('libsql'); new D(process.argv[1]).exec(process.argv[2])`;
  execFileSync(process.execPath, ['-e', create, join(made.directory, 'data/app.db'), schema]);
  if (tool.name === 'command') {
    cpSync(join(FIXTURES, 'migrate-sql.mjs'), join(made.directory, 'migrate-sql.mjs'));
    made.write('db/migrations/1.up.sql', 'CREATE TABLE notes(word)');
    made.write('db/migrations/1.down.sql', 'DROP TABLE notes');
    made.write('db/migrations/2.up.sql', 'ALTER TABLE notes ADD COLUMN tag');
    made.write('db/migrations/2.down.sql', 'ALTER TABLE notes DROP COLUMN tag');
  } else cpSync(join(FIXTURES, tool.name), join(made.directory, 'db'), { recursive: true });
  made.write(
    'switch-tree.mjs',
    `import { rmSync } from 'node:fs';
if (process.argv[2] === '1.0.0') process.exit(0);
rmSync(${JSON.stringify(`db/${tool.newFile}`)}, { force: true });
process.exit(1);
`,
  );
  for (const version of ['1.0.0', '1.1.0']) made.addVersion(version, 'healthy');
  return made;
}

/** The plain tool in the project, as a person would call it. */
function runPlain(directory: string, tool: Tool, direction: 'up' | 'down'): string {
  const [program = '', ...words] = [...tool.program, ...tool[direction]];
  const database = join(directory, 'data/app.db');
  const url = tool.name === 'alembic' ? { DATABASE_URL: `sqlite:///${database}` } : {};
  const env = { PATH: process.env['PATH'], DATABASE_FILE: database, DATABASE_PATH: database, ...url };
  try {
    return execFileSync(program, words, { cwd: join(directory, 'db'), env, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `failed: ${stdout}${stderr}`;
  }
}

for (const tool of TOOLS) {
  describe.skipIf(tool.missing !== '')(`the way down of ${tool.name} ${tool.missing}`, () => {
    test(
      'works when the files of the new version are gone from the project, where the plain tool fails',
      async () => {
        const { recipient } = await newIdentity();
        project = await createProject(tool, tool.name === 'alembic' ? recipient : null);
        const { directory } = project;
        const columns = (): string[] => tablesAndColumns(join(directory, 'data/app.db'));
        const newFile = join(directory, 'db', tool.newFile);
        cpSync(newFile, `${directory}/copy`);
        // The first version does not have it yet; of the way up of `command`, neither.
        const newFiles = [newFile, ...(tool.name === 'command' ? [join(directory, 'db/migrations/2.up.sql')] : [])];
        for (const file of newFiles) renameSync(file, `${file}.later`);
        said(0, await project.release('1.0.0'));
        for (const file of newFiles) renameSync(`${file}.later`, file);

        const printed = said(20, await project.release('1.1.0', ['--verbose']));
        expect(existsSync(newFile)).toBe(false);
        expect(columns()).toContain('notes');
        expect(columns()).not.toContain('notes.tag');
        expect(printed).toMatch(/with the newer version's files: the files that bk_\S+ kept/);
        expect(await project.publicVersion()).toBe('1.0.0');
        expect(readdirSync(join(directory, '.shipway/way-down'))).toEqual([]);

        const { backup } = JSON.parse(
          said(0, await project.shipway(['backup', 'show', 'before:r-0002', '--json'])),
        ) as {
          backup: { downPaths: string[]; context: { migration: object } };
        };
        expect(backup.downPaths).toContain(`db/${tool.newFile}`);
        const [before, goesTo] = tool.revisions;
        const known = tool.name === 'command' ? null : goesTo;
        expect(backup.context.migration).toMatchObject({ kind: tool.name, revision: before, goesTo: known });

        // The control: the same data at the newer revision, the same file gone, and the plain tool.
        renameSync(`${directory}/copy`, newFile);
        expect(runPlain(directory, tool, 'up')).not.toMatch(/^failed/);
        expect(columns()).toContain('notes.tag');
        renameSync(newFile, `${directory}/copy`);
        expect(runPlain(directory, tool, 'down')).toMatch(new RegExp(`^failed: [^]*${tool.control}`));
        expect(columns()).toContain('notes.tag');
      },
      LIMIT_MS,
    );
  });
}

test(
  'by hand it takes the files kept before the release that migrated, when another one has brought the version that runs',
  async () => {
    project = await createProject(
      TOOLS.find(({ name }) => name === 'command')!,
      null,
    );
    const { directory } = project;
    const newFiles = ['up', 'down'].map((way) => join(directory, `db/migrations/2.${way}.sql`));
    project.write('switch-tree.mjs', '');
    project.addVersion('1.0.1', 'healthy');
    for (const file of newFiles) renameSync(file, `${file}.later`);
    for (const version of ['1.0.0', '1.0.1']) said(0, await project.release(version));
    for (const file of newFiles) renameSync(`${file}.later`, file);
    said(0, await project.release('1.1.0'));
    said(0, await project.shipway(['rollback', '--quick', '--yes', '--reason', 'bad']));
    expect(await project.publicVersion()).toBe('1.0.1');
    expect(tablesAndColumns(join(directory, 'data/app.db'))).toContain('notes.tag');

    // The checkout of the version that runs does not have them.
    for (const file of newFiles) rmSync(file);
    const words = ['rollback', '--to', '1.0.0', '--data', 'down', '--reason', 'bad', '--verbose'];
    const printed = said(0, (await acceptLoss(project, words)).ended);
    expect(printed).toMatch(/the files that bk_\S+ kept/);
    expect(await project.publicVersion()).toBe('1.0.0');
    expect(tablesAndColumns(join(directory, 'data/app.db'))).not.toContain('notes.tag');
  },
  LIMIT_MS,
);
