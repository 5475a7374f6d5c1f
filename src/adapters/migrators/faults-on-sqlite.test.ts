import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrationTools, openTool, type MigrationTool } from '../../../test/support/migration-tools.ts';
import { tablesAndColumns } from '../../../test/support/read-sqlite.ts';
import { testEffect } from '../../../test/support/test-effect.ts';

const LIMIT_MS = 300_000; // each question starts the tool, on a machine that may do other things too
const tools = migrationTools().filter((tool) => tool.kind !== 'prisma');
const ALTER = 'ALTER TABLE notes ADD COLUMN third text';

/** Takes the write lock of the file and keeps it until its standard input ends. */
const HOLDER = `const Database = require(process.argv[1]); const database = new Database(process.argv[2]);
database.exec('BEGIN IMMEDIATE'); console.log('held'); process.stdin.resume(); process.stdin.on('end', () => process.exit(0));`;

describe.each(tools)('$kind on SQLite, $reason', { timeout: LIMIT_MS }, (tool: MigrationTool) => {
  let directory: string;
  let holder: ChildProcess | null = null;

  const file = () => join(directory, 'app.db');
  const effect = () => testEffect(directory);
  const open = (more: object = {}) => {
    const settings = tool.settings(directory, `sqlite:///${file()}`) as { env: Record<string, string> };
    const { DATABASE_URL: url = '', ...rest } = settings.env;
    const env = tool.kind === 'knex' ? { ...rest, DATABASE_FILE: file() } : { ...rest, DATABASE_URL: url };
    return openTool(tool, { directory, url: '', more: { env, ...more } }, null);
  };

  beforeEach(async () => {
    if (tool.reason !== '') return;
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-faults-')));
    tool.write(directory);
    await open().up('1.0.0', effect());
  }, LIMIT_MS);
  afterEach(async () => {
    if (tool.reason !== '') return;
    await release();
    rmSync(directory, { recursive: true, force: true });
  });

  async function hold(): Promise<void> {
    const argv = ['-e', HOLDER, resolve('node_modules/libsql'), file()];
    holder = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (holder.stdout !== null) await once(holder.stdout, 'data');
  }
  async function release(): Promise<void> {
    const held = holder;
    holder = null;
    if (held === null) return;
    const ended = once(held, 'exit');
    held.stdin?.end();
    await ended;
  }

  test.skipIf(tool.reason !== '')(
    'a migration that fails half way leaves nothing, and the revision is the one before',
    async () => {
      tool.add(directory, [ALTER, 'ALTER TABLE nowhere ADD COLUMN x text']);
      await expect(open().up('1.0.0', effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringContaining('no such table: nowhere'),
        next: 'Correct the migration; the revision tells whether a part of it has been applied.',
      });
      expect(tablesAndColumns(file())).not.toContain('notes.third');
      expect(await open().revision('1.0.0', effect())).toBe(tool.revisions[0]);
    },
  );

  test.skipIf(tool.reason !== '')(
    'a database that somebody else writes ends it with that reason, and it goes up when the lock is free',
    async () => {
      tool.add(directory, [ALTER]);
      await hold();
      await expect(open({ timeout: '60s' }).up('1.0.0', effect())).rejects.toMatchObject({
        kind: 'migration-failed',
        message: expect.stringMatching(/database is locked/),
      });
      await release();
      expect(tablesAndColumns(file())).not.toContain('notes.third');
      expect(await open().revision('1.0.0', effect())).toBe(tool.revisions[0]);
      await open().up('1.0.0', effect());
      expect(tablesAndColumns(file())).toContain('notes.third');
    },
  );
});
