import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { waitUntil } from './wait-until.ts';

export const OWNER = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures/processes/duckdb-owner.mjs');

/** A running service that holds a database and writes it. */
export interface Owner {
  pid: number;
  address: string;
  /** Number of the last round that is committed for certain. */
  committed(): Promise<number>;
  end(): Promise<void>;
}

/** Starts a service that creates the database if need be, and returns when it writes. */
export async function startOwner(database: string): Promise<Owner> {
  const child = spawn(process.execPath, [OWNER, 'run', database], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitUntil('the owner to answer', () => existsSync(`${database}.owner.json`));
  const owner = ownerOf(database);
  await waitUntil('the owner to write', async () => (await owner.committed()) > 5);
  return { ...owner, end: () => ended(child) };
}

/** The running owner of a database, whoever started it. */
export function ownerOf(database: string): Omit<Owner, 'end'> {
  const { pid, port } = JSON.parse(readFileSync(`${database}.owner.json`, 'utf8')) as { pid: number; port: number };
  const address = `http://127.0.0.1:${port}/`;
  return { pid, address, committed: async () => Number(await (await fetch(address)).text()) };
}

/** Runs one act of the fixture to its end. */
export async function runOwnerAct(act: 'start' | 'stop' | 'commit-and-die', database: string): Promise<void> {
  const child = spawn(process.execPath, [OWNER, act, database], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Null for a good copy: it opens, adds up, and has every round committed before the copy began. */
export async function judgeOwnersCopy(copy: string, committedBefore: number): Promise<string | null> {
  try {
    const [balance, round] = await queryDuckdb(
      copy,
      'SELECT (SELECT sum(balance) FROM accounts), (SELECT max(id) FROM rounds)',
    );
    if (Number(balance) !== 0) return 'out of balance';
    return Number(round ?? 0) < committedBefore ? 'lacks committed rounds' : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs statements in a database of nobody else, creating it if need be; the first row of the last one, as the library gives it. */
export async function queryDuckdb(path: string, ...statements: string[]): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(path, { threads: '1' });
  const connection = await instance.connect();
  try {
    let row: unknown[] | undefined;
    for (const sql of statements) row = (await connection.runAndReadAll(sql)).getRows()[0];
    return row ?? [];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
