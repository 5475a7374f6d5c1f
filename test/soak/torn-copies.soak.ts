// Copies of data that is written without pause, one after the other, for every kind of store: each must be whole, consistent, and hold what was
// committed before it began. `cp` of a SQLite and of a DuckDB file is the negative control. SHIPWAY_SOAK_COPIES (1000) is for each kind.
// Run: npm run soak -- torn-copies. The result is printed and written to docs/reference/torn-copies.md.
import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { storeKinds } from '../../src/adapters/stores/index.ts';
import type { Capture, Store } from '../../src/adapters/stores/store.ts';
import { createEffect } from '../support/create-effect.ts';
import { judgeOwnersCopy, startOwner } from '../support/duckdb-owner.ts';
import { freePort } from '../support/free-port.ts';
import { countBadCopies } from '../support/hammered-database.ts';
import { hammer, judgeHammeredCopy } from '../support/hammered-redis.ts';
import { createPostgresProject } from '../support/postgres-project.ts';
import { findPostgres, startPostgres } from '../support/postgres-server.ts';
import { redisProgram, settingsOf, startRedis, stopRedis, withClient } from '../support/redis-project.ts';
import { waitUntil } from '../support/wait-until.ts';

const COPIES = Math.min(Number(process.env['SHIPWAY_SOAK_COPIES'] ?? 1000), 100_000);
const CONTROL_COPIES = Math.min(COPIES, 200); // enough that a plain copy is seen to break, hundreds of times over
const COPIES_A_WRITER = 100; // then it begins anew: what it counts would grow with the campaign
const REPORT = new URL('../../docs/reference/torn-copies.md', import.meta.url);

interface Row {
  what: string;
  copies: number;
  bad: number;
  refused: number;
  reason: string;
}
const rows: Row[] = [];
const postgres = findPostgres();
const redis = redisProgram();

function note(what: string, copies: number, verdicts: { bad: string[]; refused?: string[] }): void {
  const { bad, refused = [] } = verdicts;
  rows.push({ what, copies, bad: bad.length, refused: refused.length, reason: bad[0] ?? refused[0] ?? '' });
  process.stdout.write(`${what}: ${copies} copies, ${bad.length} bad, ${refused.length} refused ${bad[0] ?? ''}\n`);
}

afterAll(() => {
  const text = [
    '# Copies of data in use',
    '',
    'Written by `npm run soak -- torn-copies`. Data is written without pause while it is copied. A copy is bad when it does not open, when what belongs',
    'together does not add up, or when it lacks what was committed before it began. A refused one is an error that said so, and left nothing.',
    '',
    '| copied by | copies | bad | refused | for example |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ what, copies, bad, refused, reason }) => `| ${what} | ${copies} | ${bad} | ${refused} | ${reason} |`,
    ),
    '',
  ].join('\n');
  writeFileSync(REPORT, text);
});

/** A folder of its own for the project, deleted afterwards. */
async function inProject<Result>(act: (project: string) => Promise<Result>): Promise<Result> {
  const project = mkdtempSync(join(tmpdir(), 'shipway-torn-'));
  try {
    return await act(project);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** Captures into a new folder and asks what is wrong with it. */
async function judged(
  store: Store,
  project: string,
  judge: (copy: string, capture: Capture) => Promise<string | null>,
): Promise<string | null> {
  const copy = mkdtempSync(join(project, '.copy-'));
  try {
    return await judge(copy, await store.capture(copy, createEffect(project)));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

test.each(['wal', 'delete'] as const)('sqlite in journal mode %s', async (journalMode) => {
  const { bad, reasons } = await countBadCopies({ journalMode, copies: COPIES, method: 'store' });
  note(`sqlite (${journalMode})`, COPIES, { bad: reasons });
  const control = await countBadCopies({ journalMode, copies: CONTROL_COPIES, method: 'cp' });
  note(`control: cp of SQLite (${journalMode})`, CONTROL_COPIES, { bad: control.reasons });
  expect({ bad, reasons }).toEqual({ bad: 0, reasons: [] });
  expect(control.bad).toBeGreaterThan(0);
});

test('duckdb, copied by its owner', async () => {
  const bad: string[] = [];
  const control: string[] = [];
  for (let copies = 0; copies < COPIES; copies += COPIES_A_WRITER) {
    await inProject(async (project) => {
      const live = join(project, 'app.duckdb');
      const owner = await startOwner(live);
      const settings = storeKinds.duckdb.settings.parse({ path: 'app.duckdb', 'copy-with': { post: owner.address } });
      const store = storeKinds.duckdb.open(settings, { projectDirectory: project });
      try {
        for (let copy = 0; copy < Math.min(COPIES_A_WRITER, COPIES - copies); copy += 1) {
          const committed = await owner.committed();
          const judge = (folder: string): Promise<string | null> =>
            judgeOwnersCopy(join(folder, 'database.duckdb'), committed);
          const reason = await judged(store, project, judge);
          if (reason !== null) bad.push(reason);
          if (copies === 0 && control.length < CONTROL_COPIES) {
            const plain = join(project, 'plain.duckdb');
            copyFileSync(live, plain);
            control.push((await judgeOwnersCopy(plain, await owner.committed())) ?? 'good');
            rmSync(plain);
          }
          await waitUntil('the owner to go on', async () => (await owner.committed()) > committed);
        }
      } finally {
        await owner.end();
      }
    });
  }
  note('duckdb', COPIES, { bad });
  const broken = control.filter((verdict) => verdict !== 'good');
  note('control: cp of DuckDB', control.length, { bad: broken });
  expect(bad).toEqual([]);
  expect(broken.length).toBeGreaterThan(0);
});

test.skipIf('reason' in postgres)('postgres', async () => {
  const server = await startPostgres('bin' in postgres ? postgres.bin : '');
  const project = await createPostgresProject(server);
  const bad: string[] = [];
  let isWriting = true;
  let rounds = 0;
  await project.sql('CREATE TABLE accounts AS SELECT i AS id, 0 AS balance FROM generate_series(1, 50) i');
  await project.sql('CREATE TABLE rounds AS SELECT 0 AS round');
  const writing = (async () => {
    const client = new pg.Client({ connectionString: server.socketUrl('shop') });
    await client.connect();
    for (let round = 1; isWriting; round += 1) {
      const move = (account: number, by: number): string =>
        `UPDATE accounts SET balance = balance + ${by} WHERE id = ${(account % 50) + 1}`;
      await client.query(
        `BEGIN; ${move(round, -7)}; ${move(round * 31, 7)}; UPDATE rounds SET round = ${round}; COMMIT`,
      );
      rounds = round;
    }
    await client.end();
  })();
  try {
    const store = project.open();
    for (let copy = 0; copy < COPIES; copy += 1) {
      const acknowledged = rounds;
      const reason = await judged(store, project.directory, async (folder, capture) => {
        await store.extractInto(folder, capture, 'shop_copy', createEffect(project.directory));
        const [row] = await server.query<{ sum: string; round: number }>(
          'shop_copy',
          'SELECT (SELECT sum(balance) FROM accounts) AS sum, (SELECT round FROM rounds) AS round',
        );
        await server.query('postgres', 'DROP DATABASE shop_copy');
        if (Number(row?.sum) !== 0) return `the accounts add up to ${row?.sum}`;
        return Number(row?.round) < acknowledged ? 'lacks committed rounds' : null;
      });
      if (reason !== null) bad.push(reason);
      await waitUntil('the writer to go on', () => rounds > acknowledged);
    }
  } finally {
    isWriting = false;
    await writing;
    await project.remove();
    await server.stop();
  }
  note('postgres', COPIES, { bad });
  expect(bad).toEqual([]);
});

test.skipIf(redis.path === null)('redis', async () => {
  const program = redis.path ?? '';
  const bad: string[] = [];
  for (let copies = 0; copies < COPIES; copies += COPIES_A_WRITER) {
    await inProject(async (project) => {
      const port = await freePort();
      await startRedis(project, { program, port, configuration: ['appendonly yes'] });
      const store = storeKinds.redis.open(storeKinds.redis.settings.parse(settingsOf(program, port)), {
        projectDirectory: project,
      });
      try {
        await withClient(port, async (client) => {
          const writer = hammer(client);
          try {
            for (let copy = 0; copy < Math.min(COPIES_A_WRITER, COPIES - copies); copy += 1) {
              const acknowledged = writer.rounds();
              const judge = (folder: string): Promise<string | null> =>
                judgeHammeredCopy(join(folder, 'dump.rdb'), program, acknowledged);
              const reason = await judged(store, project, judge);
              if (reason !== null) bad.push(reason);
              await waitUntil('the writer to go on', () => writer.rounds() > acknowledged);
            }
          } finally {
            await writer.stop();
          }
        });
      } finally {
        stopRedis(project, program);
      }
    });
  }
  note('redis', COPIES, { bad });
  expect(bad).toEqual([]);
});

test('files that are rewritten in place', async () => {
  const bad: string[] = [];
  const refused: string[] = [];
  const control: string[] = [];
  await inProject(async (project) => {
    const live = (file: number): string => join(project, 'data', String(file));
    mkdirSync(join(project, 'data'));
    for (let file = 0; file < FILES; file += 1) writeFileSync(live(file), Buffer.alloc(FILE_BYTES));
    const settings = storeKinds.files.settings.parse({ paths: ['data'] });
    const store = storeKinds.files.open(settings, { projectDirectory: project });
    let round = 0;
    // In this process: a file is written as a whole, between two pieces that the copy reads.
    const rewrite = (): void => writeFileSync(live((round += 1) % FILES), Buffer.alloc(FILE_BYTES, round % 256));
    for (let copy = 0; copy < COPIES; copy += 1) {
      const writer = setInterval(rewrite, 9);
      try {
        if (control.length < CONTROL_COPIES) control.push(tornIn(await readInPieces(live)) ?? 'good');
        const reason = await judged(store, project, async (folder, capture) => {
          clearInterval(writer);
          const into = mkdtempSync(join(project, '.into-'));
          await store.extract(folder, capture, into, createEffect(project));
          const found = tornIn([...Array(FILES).keys()].map((file) => readFileSync(join(into, 'data', String(file)))));
          rmSync(into, { recursive: true });
          return found;
        });
        if (reason !== null) bad.push(reason);
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        if (!said.includes('is torn')) throw error;
        refused.push(said);
      } finally {
        clearInterval(writer);
      }
    }
  });
  note('files', COPIES, { bad, refused });
  const torn = control.filter((verdict) => verdict !== 'good');
  note('control: files read in pieces', control.length, { bad: torn });
  expect(bad).toEqual([]);
  expect(torn.length).toBeGreaterThan(0);
});

const FILES = 5;
const FILE_BYTES = 2 * 1024 * 1024;

/** As a copy program does that does not look at the times of a file. */
async function readInPieces(live: (file: number) => string): Promise<Buffer[]> {
  const copies: Buffer[] = [];
  for (let file = 0; file < FILES; file += 1) {
    const pieces: Buffer[] = [];
    for await (const piece of createReadStream(live(file))) pieces.push(piece as Buffer);
    copies.push(Buffer.concat(pieces));
  }
  return copies;
}

/** Every version of a file is one byte over and over. */
function tornIn(files: Buffer[]): string | null {
  const torn = files.findIndex((bytes) => bytes.length !== FILE_BYTES || bytes.some((byte) => byte !== bytes[0]));
  return torn === -1 ? null : `data/${torn} is half of one version and half of another`;
}
