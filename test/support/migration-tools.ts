import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { migratorKinds } from '../../src/adapters/migrators/index.ts';
import type { Migrator } from '../../src/adapters/migrators/migrator.ts';
import type { Json } from '../../src/core/release/json.ts';
import type { LockManners } from '../../src/core/release/lock-manners.ts';
import { debianProgram, installDebian } from './debian-program.ts';
import { findPrisma, PRISMA_ENV, writePrismaProject } from './prisma-project.ts';

/** A real migration tool with a project of two migrations, to which tests add more. */
export interface MigrationTool {
  kind: 'alembic' | 'knex' | 'prisma';
  /** Why it is not here, for titles; empty when it is. */
  reason: string;
  write(directory: string): void;
  settings(directory: string, url: string): { [key: string]: unknown };
  /** A third migration of these statements; `outside` a transaction as the tool writes that. `down` takes it back. */
  add(directory: string, statements: string[], outside?: boolean, down?: string[]): void;
  /** Revision after the two migrations, and after the third. */
  revisions: [string, string];
  /** Revision after the first. */
  first: string;
}

export function openTool(
  tool: MigrationTool,
  place: { directory: string; url: string; more?: object },
  manners: LockManners | null,
): Migrator {
  const kind = migratorKinds[tool.kind];
  const settings = { ...tool.settings(place.directory, place.url), ...place.more };
  return kind.open(kind.settings.parse(settings) as Json, manners);
}

/** Why alembic cannot be tried on PostgreSQL, empty when it can; it needs a driver of Debian besides. */
export function alembicReason(): string {
  const alembic = debianProgram('alembic', 'alembic');
  if (alembic.path === null) return alembic.reason;
  const driver = '/usr/lib/python3/dist-packages/psycopg2';
  const fault = existsDriver(driver) ? null : installDebian(['python3-psycopg2']);
  return existsDriver(driver) ? '' : `needs psycopg2: ${fault ?? 'its package brought no driver'}`;
}

function existsDriver(path: string): boolean {
  return existsSync(join(path, '__init__.py'));
}

const pythonText = (text: string): string => JSON.stringify(text);

function alembicTool(): MigrationTool {
  return {
    kind: 'alembic',
    reason: alembicReason(),
    write: (directory) =>
      cpSync(resolve('test/fixtures/migrators/alembic'), join(directory, 'alembic'), { recursive: true }),
    settings: (_, url) => ({ directory: 'alembic', env: { DATABASE_URL: url, PYTHONDONTWRITEBYTECODE: '1' } }),
    add(directory, statements, outside = false, down = []) {
      const linesOf = (texts: string[]): string =>
        ['pass', ...texts.map((sql) => `op.execute(${pythonText(sql)})`)].map((line) => `        ${line}`).join('\n');
      const context = outside ? 'op.get_context().autocommit_block()' : 'contextlib.nullcontext()';
      const head = 'import contextlib\nfrom alembic import op\nrevision = "r3"\ndown_revision = "r2"\n';
      const script = `"""third"""\n${head}\ndef upgrade():\n    with ${context}:\n${linesOf(statements)}\n\ndef downgrade():\n    with ${context}:\n${linesOf(down)}\n`;
      writeFileSync(join(directory, 'alembic/versions/r3_third.py'), script);
    },
    revisions: ['r2', 'r3'],
    first: 'r1',
  };
}

function knexTool(): MigrationTool {
  const fixture = resolve('test/fixtures/migrators/knex');
  return {
    kind: 'knex',
    reason: '',
    write: (directory) => cpSync(join(fixture, 'migrations'), join(directory, 'migrations'), { recursive: true }),
    settings: (directory, url) => ({
      command: [process.execPath, resolve('node_modules/knex/bin/cli.js')],
      knexfile: 'knexfile.cjs',
      directory: fixture,
      migrations: join(directory, 'migrations'),
      env: { DATABASE_URL: url, MIGRATIONS: join(directory, 'migrations') },
    }),
    add(directory, statements, outside = false, down = []) {
      const callsOf = (texts: string[]): string =>
        texts.map((sql) => `  await knex.raw(${JSON.stringify(sql)});`).join('\n');
      const own = outside ? 'exports.config = { transaction: false };\n' : '';
      const script = `exports.up = async (knex) => {\n${callsOf(statements)}\n};\nexports.down = async (knex) => {\n${callsOf(down)}\n};\n${own}`;
      writeFileSync(join(directory, 'migrations/0003_third.cjs'), script);
    },
    revisions: ['0002_tag.cjs', '0003_third.cjs'],
    first: '0001_notes.cjs',
  };
}

function prismaTool(): MigrationTool {
  const { command, reason } = findPrisma();
  return {
    kind: 'prisma',
    reason,
    write: (directory) => writePrismaProject(join(directory, 'app')),
    settings: (_, url) => ({ command, directory: 'app', env: { ...PRISMA_ENV, DATABASE_URL: url } }),
    // Its driver adapter runs each statement by itself, so several are never one transaction.
    add(directory, statements, _outside, down = []) {
      const folder = join(directory, 'app/prisma/migrations/20260103000000_third');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'migration.sql'), `${statements.join(';\n')};\n`);
      if (down.length > 0) writeFileSync(join(folder, 'down.sql'), `${down.join(';\n')};\n`);
    },
    revisions: ['20260102000000_tag', '20260103000000_third'],
    first: '20260101000000_notes',
  };
}

export function migrationTools(): MigrationTool[] {
  return [alembicTool(), knexTool(), prismaTool()];
}
