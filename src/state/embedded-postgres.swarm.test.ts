import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import type { TypescriptProcess } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { removeServer } from './embedded-postgres.ts';
import { openDatabase } from './open-database.ts';

const PROCESSES = 8;
// `SHIPWAY_SWARM_ROUNDS=50` is the long campaign, a minute and more on two cores.
const ROUNDS = Number(process.env['SHIPWAY_SWARM_ROUNDS'] ?? 10);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-swarm-'));
  chmodSync(directory, 0o755);
});

afterEach(async () => {
  await removeServer(directory);
  rmSync(directory, { recursive: true });
});

/** Joins, writes one row, prints it when the server has confirmed it, leaves; again and again. */
function worker(name: string): TypescriptProcess {
  return startTypescript(`import pg from '${join(process.cwd(), 'node_modules/pg/esm/index.mjs')}';
    import { joinServer } from '@/src/state/embedded-postgres.ts';
    for (let round = 0; round < ${ROUNDS}; round += 1) {
      const stay = await joinServer(${JSON.stringify(directory)}, 'shipway worker');
      const client = new pg.Client({ ...stay.address, host: stay.address.socketDirectory, application_name: 'shipway worker' });
      client.on('error', () => undefined);
      const row = ${JSON.stringify(name)} + '-' + round;
      try {
        await client.connect();
        await client.query('CREATE TABLE IF NOT EXISTS written (row text)').catch(() => undefined);
        await client.query('INSERT INTO written VALUES ($1)', [row]);
        process.stdout.write(row + ' ');
      } catch (error) {
        process.stdout.write('!' + (error.code ?? error.message.replaceAll(' ', '_')) + ' ');
      }
      await client.end().catch(() => undefined);
      await stay.leave();
    }
    process.stdout.write('done ');`);
}

const wordsOf = (workers: TypescriptProcess[]): string[] =>
  workers.flatMap((one) =>
    one
      .stdout()
      .split(' ')
      .filter((word) => word !== ''),
  );
const confirmedBy = (workers: TypescriptProcess[]): string[] =>
  wordsOf(workers).filter((word) => word !== 'done' && !word.startsWith('!'));

async function rowsWritten(): Promise<Set<string>> {
  const database = await openDatabase({ stateDirectory: directory, url: null, applicationName: 'test' });
  const { rows } = await database.pool.query<{ row: string }>('SELECT row FROM written');
  await database.close();
  return new Set(rows.map((row) => row.row));
}

const isStopped = (): boolean => !existsSync(join(directory, 'postgres', 'data', 'postmaster.pid'));

test(
  `${PROCESSES} processes that come and go ${ROUNDS} times never meet a server that is stopped under them`,
  { timeout: 180_000 },
  async () => {
    const workers = Array.from({ length: PROCESSES }, (_, index) => worker(`w${index}`));
    await Promise.all(workers.map((one) => one.ended));
    expect(workers.map((one) => one.stderr()).join('')).toBe('');
    expect(wordsOf(workers).filter((word) => word.startsWith('!'))).toEqual([]);
    await waitUntil('the server to stop after the last one left', isStopped);
    expect((await rowsWritten()).size).toBe(PROCESSES * ROUNDS);
  },
);

test(
  'nothing that was confirmed is lost when processes and the server are killed all the time',
  { timeout: 180_000 },
  async () => {
    const workers = Array.from({ length: PROCESSES }, (_, index) => worker(`w${index}`));
    const everStarted = [...workers];
    let serversKilled = 0;
    const killServer = (): void => {
      const pid = Number(readFileSync(join(directory, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
      if (pid <= 0) return; // being written in this moment; 0 would mean ourselves and all our relatives
      process.kill(pid, 'SIGKILL');
      serversKilled += 1;
    };
    await waitUntil('the first rows', () => confirmedBy(workers).length > 0, { limitSeconds: 60 });
    for (let round = 0; round < 16; round += 1) {
      await delay(Math.random() * 400); // the moment is what is tried here
      try {
        if (round % 2 === 0) killServer();
      } catch {
        // It is stopped or being started in this moment.
      }
      const index = Math.floor(Math.random() * PROCESSES);
      workers[index]?.child.kill('SIGKILL');
      workers[index] = worker(`r${round}`);
      everStarted.push(workers[index]);
    }
    expect(serversKilled).toBeGreaterThan(0);
    await Promise.all(everStarted.map((one) => one.ended));
    expect(everStarted.map((one) => one.stderr()).join('')).toBe('');
    expect(wordsOf(workers).filter((word) => word === 'done')).toHaveLength(PROCESSES);
    const confirmed = confirmedBy(everStarted);
    const written = await rowsWritten();
    expect(confirmed.filter((row) => !written.has(row))).toEqual([]);
  },
);
