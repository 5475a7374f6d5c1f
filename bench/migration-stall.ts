/**
 * How long a query of somebody else waits while a migration of a millisecond waits for a lock: an idle transaction has read the table, the
 * migration alters it, and an unrelated connection reads it all the while. The tool by itself is the control; the same tool as shipway
 * runs it is judged. Run: npm run bench:migration-stall   Needs PostgreSQL and alembic of Debian; installs them when it is root.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { realClock } from '../src/platform/clock.ts';
import type { LockManners } from '../src/core/release/lock-manners.ts';
import { createEffect } from '../test/support/create-effect.ts';
import { migrationTools, openTool, type MigrationTool } from '../test/support/migration-tools.ts';
import { migratorPostgres } from '../test/support/migrator-postgres.ts';

const GOAL_MS = 250;
const ROUNDS = 5; // the worst of them counts
const HOLD_MS = 4000; // from the moment somebody waits for the table
const READ_PAUSE_MS = 2;
const DEFAULTS: LockManners = { lockTimeoutMs: 'safe', retrySeconds: 60, statementTimeoutMs: null };

process.env['SHIPWAY_TEST_FULL'] ??= '1'; // may install what it needs
const postgres = migratorPostgres();
const tools = migrationTools().filter((tool) => postgres.reason === '' && tool.reason === '');
if (tools.length === 0) {
  console.log(
    `not run: ${
      postgres.reason ||
      migrationTools()
        .map((tool) => tool.reason)
        .join('; ')
    }`,
  );
  process.exit(1);
}
await postgres.begin();
let isMet = true;
try {
  console.log('| tool | worst stall of a SELECT, the tool by itself | as shipway runs it | tries | goal | |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const tool of tools) isMet = (await compare(tool)) && isMet;
} finally {
  await postgres.end();
}
process.exit(isMet ? 0 : 1);

async function compare(tool: MigrationTool): Promise<boolean> {
  const control = await measure(tool, runPlain);
  const polite = [];
  for (let round = 0; round < ROUNDS; round++) polite.push(await measure(tool, runPolite));
  const worst = Math.max(...polite.map((one) => one.stallMs));
  const tries = polite.map((one) => one.tries).join(', ');
  const verdict = worst <= GOAL_MS ? 'PASS' : 'FAIL';
  console.log(
    `| ${tool.kind} | ${control.stallMs.toFixed(0)} ms | ${worst.toFixed(0)} ms | ${tries} | <= ${GOAL_MS} ms | ${verdict} |`,
  );
  return worst <= GOAL_MS;
}

type Run = (tool: MigrationTool, directory: string) => Promise<number>;

async function measure(tool: MigrationTool, run: Run): Promise<{ stallMs: number; tries: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'shipway-stall-'));
  await postgres.create(directory);
  try {
    tool.write(directory);
    const url = postgres.url(directory);
    await openTool(tool, { directory, url }, null).up('1.0.0', createEffect(directory));
    tool.add(directory, ['ALTER TABLE notes ADD COLUMN third text']);
    const reader = await readAllTheWhile(url);
    const holder = await holdTable(directory);
    const going = run(tool, directory);
    const released = holder.releaseSoon();
    const tries = await going;
    await released;
    const stallMs = await reader.stop();
    const columns = await postgres.tablesAndColumns(directory);
    if (!columns.includes('notes.third')) throw new Error(`${tool.kind} did not migrate`);
    return { stallMs, tries };
  } finally {
    await postgres.drop(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** As a person would run it. */
async function runPlain(tool: MigrationTool, directory: string): Promise<number> {
  const settings = tool.settings(directory, postgres.url(directory)) as {
    env: Record<string, string>;
    directory: string;
  };
  const migrator = openTool(tool, { directory, url: postgres.url(directory) }, null);
  const [argv = []] = migrator.commandsFor('up');
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    cwd: resolve(directory, settings.directory),
    env: { ...process.env, ...settings.env },
    stdio: 'ignore',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${tool.kind} ended with ${code}`);
  return 1;
}

async function runPolite(tool: MigrationTool, directory: string): Promise<number> {
  const effect = createEffect(directory);
  await openTool(tool, { directory, url: postgres.url(directory) }, DEFAULTS).up('1.0.0', effect);
  return 1 + effect.lines.filter((line) => line.includes('tries again')).length;
}

/** Reads the table on a connection of its own; the longest answer is the stall. */
async function readAllTheWhile(url: string): Promise<{ stop(): Promise<number> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SELECT count(*) FROM notes');
  let isOver = false;
  let worstMs = 0;
  const reading = (async () => {
    while (!isOver) {
      const sinceMs = performance.now();
      await client.query('SELECT count(*) FROM notes');
      worstMs = Math.max(worstMs, performance.now() - sinceMs);
      await realClock.sleep(READ_PAUSE_MS);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await reading;
      await client.end();
      return worstMs;
    },
  };
}

/** A transaction that has read the table and idles, until some seconds after somebody waits for it. */
async function holdTable(directory: string): Promise<{ releaseSoon(): Promise<void> }> {
  const holder = new pg.Client({ connectionString: postgres.url(directory) });
  await holder.connect();
  await holder.query('BEGIN; SELECT count(*) FROM notes');
  const waits = `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'`;
  return {
    async releaseSoon() {
      for (;;) {
        const [row] = await postgres.query<{ n: number }>(directory, waits);
        if ((row?.n ?? 0) > 0) break;
        await realClock.sleep(5);
      }
      await realClock.sleep(HOLD_MS);
      await holder.end();
    },
  };
}
