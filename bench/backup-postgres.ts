/**
 * A database of 1 GiB on a real PostgreSQL: backup against `pg_dump | gzip` and `pg_dump -Fd -j2`, restore, what a client sees of a swap, and
 * a rehearsal; beside them what reading, hashing and packing alone take. Our own acts are measured on a small database too, so that what they
 * take for themselves and what they take for the data can be told apart. The first command of a project makes the database of shipway; that is
 * a row of its own, and everything else is measured after it. Run: npm run bench:backup-postgres (SHIPWAY_BENCH_MB: its size)
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { installDebian } from '../test/support/debian-program.ts';
import { findPostgres, startPostgres } from '../test/support/postgres-server.ts';
import { createTemporaryProject } from '../test/support/temporary-project.ts';
import { waitUntil } from '../test/support/wait-until.ts';
import { measureCommand, serverCpuS } from './measure-command.ts';
import { gibOf, goal, goalOfSize, heading, isGood, loadNow, row, type Cost, type Sized } from './postgres-figures.ts';

const MIB = 1024 * 1024;
const SIZE_MB = Number(process.env['SHIPWAY_BENCH_MB'] ?? 1024);
const PROGRAM = resolve('bin/shipway.js');
const SMALL_MB = Math.max(16, Math.ceil(SIZE_MB / 8));
const ACT = resolve('bench/backup-postgres-act.mjs');
const TOOL = resolve('test/fixtures/migrators/migrate-sql.mjs');
// As a server of a team is set up: what is committed is on the disk. The server of tests does without.
const SERVER = ['fsync=on', 'full_page_writes=on', 'shared_buffers=256MB', 'max_wal_size=2GB'];

const postgres = findPostgres();
if ('reason' in postgres) {
  console.log(`not measured: needs ${postgres.reason}`);
  process.exit(1);
}
installDebian(['zstd']);
const server = await startPostgres(postgres.bin, SERVER);
const project = createTemporaryProject();
const folder = project.directory;
const postmaster = Number(readFileSync(join(server.socketFolder, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
const urlOf = (database: string): string => server.url(database).replaceAll("'", '%27');
const env: Record<string, string> = {
  PATH: `${postgres.bin}:${process.env['PATH'] ?? ''}`,
  PGHOST: server.socketFolder,
  PGPORT: String(server.port),
  PGUSER: 'postgres',
  SHIPWAY_ACTOR: 'bench',
};

try {
  await fill('small', SMALL_MB);
  await fill('shop', SIZE_MB);
  await run();
} finally {
  await project.remove();
  await server.stop();
}
process.exit(isGood ? 0 : 1);

/** Text that packs well, documents, numbers, and a third that does not pack at all; the same on every machine. */
async function fill(database: string, megabytes: number): Promise<void> {
  await server.query('postgres', `CREATE DATABASE ${database}`);
  const rows = (perMib: number): number => Math.ceil(megabytes * perMib);
  await server.query(
    database,
    `CREATE TABLE schema_version (n int); INSERT INTO schema_version VALUES (1);
     CREATE TABLE leads (id bigint PRIMARY KEY, email text NOT NULL, name text, note text, score int, created timestamptz);
     INSERT INTO leads SELECT i, 'lead' || i || '@example.org', 'Lead number ' || i, repeat(md5((i % 9973)::text) || ' ', 3), i % 100,
       timestamptz '2026-01-01' + i * interval '1 second' FROM generate_series(1, ${rows(1200)}) i;
     CREATE TABLE events (id bigint PRIMARY KEY, lead bigint, body jsonb);
     INSERT INTO events SELECT i, i % ${rows(1200)} + 1, jsonb_build_object('kind', 'opened', 'source', 'mail ' || i % 50, 'token', md5(i::text), 'tries', i % 7)
       FROM generate_series(1, ${rows(1600)}) i;
     CREATE TABLE attachments (id bigint PRIMARY KEY, lead bigint, content bytea);
     ALTER TABLE attachments ALTER content SET STORAGE EXTERNAL;
     INSERT INTO attachments SELECT i, i, (SELECT string_agg(sha512((i * 128 + j)::text::bytea), '') FROM generate_series(1, 128) j)
       FROM generate_series(1, ${rows(42)}) i;
     CREATE INDEX ON events (lead)`,
  );
  await server.query(database, 'VACUUM ANALYZE');
  await server.query(database, 'CHECKPOINT');
}

/** Measured, with what the server took for it. */
async function measure(argv: string[]): Promise<Cost> {
  const before = serverCpuS(postmaster);
  const measured = await measureCommand(argv, { cwd: folder, env });
  if (measured.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${measured.exitCode}: ${measured.stderr}`);
  // What a connection took is known when it has ended.
  const OTHERS = `SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  await waitUntil('connections to end', async () => (await server.query('postgres', OTHERS)).length === 0);
  return { ...measured, serverS: serverCpuS(postmaster) - before };
}

function shell(script: string): string[] {
  return ['bash', '-c', `set -o pipefail; ${script}`];
}

function shipway(...words: string[]): string[] {
  return [process.execPath, PROGRAM, ...words];
}

interface Acts {
  backup: Cost;
  restore: Cost;
  rehearsal: Cost;
  gapMs: number;
}

async function run(): Promise<void> {
  const gib = await sizeOf('shop');
  const machine = `${availableParallelism()} cores, ${loadNow()}, Node ${process.version}`;
  console.log(`database of ${gib.toFixed(2)} GiB, ${machine}`);
  console.log(heading());
  await peers();
  await limits();
  await makeProject();
  const small = await ours('small');
  const large = await ours('shop');
  console.log('');
  console.log(`with all of what an act takes for itself (and beside it: that, and what a GiB takes), ${loadNow()}`);
  const sizes: [Sized<Acts>, Sized<Acts>] = [small, large];
  const cpuOf = ({ cpuS, serverS }: Cost): number => cpuS + serverS;
  goalOfSize('backup, CPU s with the server, a GiB', sizes, { limit: 10, of: ({ backup }) => cpuOf(backup) });
  goal('backup, most memory, MiB', large.acts.backup.peakMiB, 256, large.acts.backup.peakOf);
  goalOfSize('restore, wall s, a GiB', sizes, { limit: 12, of: ({ restore }) => restore.wallS });
  goal('longest gap of a client at the swap, ms', large.acts.gapMs, 500);
  goalOfSize('rehearsal, wall s, a GiB', sizes, { limit: 30, of: ({ rehearsal }) => rehearsal.wallS });
}

async function sizeOf(database: string): Promise<number> {
  const [size] = await server.query<{ bytes: string }>(database, `SELECT pg_database_size('${database}') AS bytes`);
  return gibOf(Number(size?.bytes));
}

async function peers(): Promise<void> {
  const gzip = await measure(shell('pg_dump shop | gzip > dump.sql.gz'));
  row('pg_dump | gzip', gzip, bytesOf('dump.sql.gz'));
  const directory = await measure(shell('pg_dump -Fd -j2 -f dump.dir shop'));
  row('pg_dump -Fd -j2', directory, bytesOf('dump.dir'));
  for (const name of ['dump.sql.gz', 'dump.dir']) rmSync(join(folder, name), { recursive: true });
}

async function limits(): Promise<void> {
  const plain = await measure(shell('pg_dump -Fc -Z0 -f dump shop'));
  row('limit: pg_dump -Fc -Z0, nothing packed', plain, bytesOf('dump'));
  row('limit: the same through zstd -3', await measure(shell('zstd -q -3 -T0 dump -o dump.zst')), bytesOf('dump.zst'));
  const before = process.cpuUsage();
  const startedMs = performance.now();
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(join(folder, 'dump'), { highWaterMark: MIB }))
    hash.update(chunk as Buffer);
  const { user, system } = process.cpuUsage(before);
  const cpuS = (user + system) / 1e6;
  const none = { exitCode: 0, stdout: hash.digest('hex'), stderr: '', peakMiB: 0, peakOf: '', serverS: 0 };
  row('limit: SHA-256 of it in Node', { ...none, wallS: (performance.now() - startedMs) / 1000, cpuS }, 0);
  for (const name of ['dump', 'dump.zst']) rmSync(join(folder, name));
}

/** A project that has its own database, as every project has after its first command. */
async function makeProject(): Promise<void> {
  env['DATABASE_URL'] = urlOf('small');
  const made = await measure(shipway('backup', 'keygen', join(folder, 'identity'), '--json'));
  const { recipient } = JSON.parse(made.stdout) as { recipient: string };
  writeFileSync(join(folder, 'shipway.yaml'), releaseFile(recipient));
  writeFileSync(join(folder, 'version.txt'), '1.0.0\n');
  mkdirSync(join(folder, 'migrations'));
  writeFileSync(join(folder, 'migrations/2.up.sql'), 'ALTER TABLE leads ADD COLUMN tag text;\n');
  writeFileSync(join(folder, 'migrations/2.down.sql'), 'ALTER TABLE leads DROP COLUMN tag;\n');
  row('shipway: first backup of all of a project', await measure(shipway('backup', 'create')), 0);
}

async function ours(database: string): Promise<Sized<Acts>> {
  env['DATABASE_URL'] = urlOf(database);
  const gib = await sizeOf(database);
  const of = `${gib.toFixed(2)} GiB`;
  const backup = await measure(shipway('backup', 'create', '--json'));
  const { id } = (JSON.parse(backup.stdout) as { backup: { id: string } }).backup;
  row(`${of}: shipway backup create, encrypted`, backup, bytesOf(join('.shipway/backups', id)));
  const restore = await measure([process.execPath, ACT, JSON.stringify({ project: folder, id })]);
  row(`${of}: restored beside, verified, swapped`, restore, 0);
  const rehearsal = await measure(shipway('rehearse', '1.1.0', '--env', 'production'));
  row(`${of}: shipway rehearse`, rehearsal, 0);
  const { gapMs } = JSON.parse(restore.stdout.trim().split('\n').at(-1) ?? '{}') as { gapMs: number };
  return { gib, acts: { backup, restore, rehearsal, gapMs } };
}

function releaseFile(recipient: string): string {
  return `service: shop
stores: { database: { postgres: { url: $DATABASE_URL } } }
backups: { encryption: { recipients: [${recipient}], identity: ${join(folder, 'identity')} } }
environments:
  production:
    target: { command: { deploy: [touch, deployed], observe: [cat, version.txt] } }
    migrate:
      command:
        up: [${process.execPath}, ${TOOL}, up]
        down: [${process.execPath}, ${TOOL}, down, $REVISION]
        revision: [${process.execPath}, ${TOOL}, revision]
        env: { DATABASE_URL: $DATABASE_URL }
    rehearsal:
      env: { DATABASE_URL: $SCRATCH_URL }
`;
}

function bytesOf(name: string): number {
  const path = join(folder, name);
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, inner) => sum + bytesOf(join(name, inner)), 0);
}
