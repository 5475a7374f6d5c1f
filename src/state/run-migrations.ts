import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type pg from 'pg';
import { problem } from '../core/release/problem.ts';
import { listDirectory, readText } from '../platform/files.ts';
import { programFolder } from '../platform/package-folder.ts';

interface Migration {
  number: number;
  name: string;
  sql: string;
  sha256: string;
}

interface AppliedMigration {
  number: number;
  name: string;
  sha256: string;
}

const LOCK_KEY = '7311414251012802'; // any number, the same in every version of shipway
const WAIT_SECONDS = 60; // another process migrates at this moment; ours take well under a second each

/** Brings the schema `shipway` to what this program knows, all or nothing; of several programs at once one does it, the others wait. */
export async function runMigrations(client: pg.ClientBase, folder = ownFolder()): Promise<void> {
  const known = await readMigrations(folder);
  if (pending(known, await readApplied(client)).length === 0) return; // the usual case: two quick questions, no lock
  // Locked before the transaction begins: one that waits inside would go on with what its catalog cache remembered from before, and
  // make a schema that another program has just made.
  await client.query(`SET lock_timeout = '${WAIT_SECONDS}s'`);
  await client.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
  try {
    await migrateLocked(client, known);
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${LOCK_KEY})`).catch(() => undefined);
    await client.query('RESET lock_timeout').catch(() => undefined);
  }
}

/** In src, and copied by the build in dist. */
function ownFolder(): string {
  return join(programFolder(), 'state', 'migrations');
}

async function migrateLocked(client: pg.ClientBase, known: Migration[]): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('CREATE SCHEMA IF NOT EXISTS shipway');
    await client.query(`CREATE TABLE IF NOT EXISTS shipway.migration (
      number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    for (const migration of pending(known, await readApplied(client))) {
      await client.query(migration.sql);
      const { number, name, sha256 } = migration;
      await client.query('INSERT INTO shipway.migration (number, name, sha256) VALUES ($1, $2, $3)', [
        number,
        name,
        sha256,
      ]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for (const name of listDirectory(folder)) {
    const number = Number(/^(\d{4})_[a-z_]+\.sql$/.exec(name)?.[1]);
    if (Number.isNaN(number)) continue;
    const sql = (await readText(join(folder, name))) ?? '';
    migrations.push({ number, name, sql, sha256: createHash('sha256').update(sql).digest('hex') });
  }
  const gap = migrations.findIndex((migration, position) => migration.number !== position + 1);
  if (migrations.length === 0 || gap >= 0) {
    throw problem(
      'internal',
      `the migrations of this program are incomplete: number ${gap < 0 ? 1 : gap + 1} is missing`,
      {
        where: folder,
        next: 'Install shipway again.',
      },
    );
  }
  return migrations;
}

async function readApplied(client: pg.ClientBase): Promise<AppliedMigration[]> {
  const found = await client.query<{ table: string | null }>(`SELECT to_regclass('shipway.migration') AS table`);
  if (found.rows[0]?.table === null) return [];
  return (await client.query<AppliedMigration>('SELECT number, name, sha256 FROM shipway.migration ORDER BY number'))
    .rows;
}

/** What is left to do. Refuses a database that a newer program has changed, and one whose past differs from ours. */
function pending(known: Migration[], applied: AppliedMigration[]): Migration[] {
  const newest = applied.at(-1);
  if (newest !== undefined && newest.number > known.length) {
    throw problem(
      'database-unavailable',
      `the database was changed by a newer shipway: it has migration ${newest.number}, this program knows ${known.length}`,
      {
        where: `shipway.migration, ${newest.name}`,
        next: 'Use the newest shipway that runs on this database.',
      },
    );
  }
  for (const done of applied) {
    const ours = known[done.number - 1];
    if (ours?.sha256 === done.sha256) continue;
    throw problem('database-unavailable', `migration ${done.name} of the database is not the one of this program`, {
      where: `shipway.migration, ${done.name}`,
      next: 'Use the shipway that made this database; a migration is never edited after it was applied.',
    });
  }
  return known.slice(applied.length);
}
