/**
 * A PostgreSQL server of 1 GiB copied by its files (`physical`): backup by the command itself and restore in place, against pg_basebackup through
 * zstd and its extraction. Our own acts are measured with little data first, so that what they take for themselves and what they take for the data
 * can be told apart; the first command of a project, which makes the database of shipway, is a row of its own. Run: npm run bench:backup-postgres-files (SHIPWAY_BENCH_MB: its size)
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { installDebian } from '../test/support/debian-program.ts';
import { freePort } from '../test/support/free-port.ts';
import {
  createTemplate,
  dataOf,
  physicalSettingsOf,
  queryPhysical,
  removeTemplate,
  startPhysical,
  stopPhysical,
} from '../test/support/physical-postgres.ts';
import { findPostgres } from '../test/support/postgres-server.ts';
import { createTemporaryProject } from '../test/support/temporary-project.ts';
import { measureCommand, serverCpuS } from './measure-command.ts';
import { gibOf, goal, goalOfSize, heading, isGood, loadNow, row, type Cost, type Sized } from './postgres-figures.ts';

const SIZE_MB = Number(process.env['SHIPWAY_BENCH_MB'] ?? 1024);
const SMALL_MB = Math.max(16, Math.ceil(SIZE_MB / 8));
const PROGRAM = resolve('bin/shipway.js');
const ACT = resolve('bench/backup-postgres-act.mjs');

const postgres = findPostgres();
if ('reason' in postgres) {
  console.log(`not measured: needs ${postgres.reason}`);
  process.exit(1);
}
installDebian(['zstd']);
const server = await createTemplate(postgres.bin, await freePort());
const project = createTemporaryProject();
const folder = project.directory;
const { url, physical } = physicalSettingsOf(server, 'shop') as { url: string; physical: Record<string, unknown> };
const env = { DATABASE_URL: url, SHIPWAY_ACTOR: 'bench', PATH: `${postgres.bin}:${process.env['PATH'] ?? ''}` };

try {
  await startPhysical(folder, server);
  await queryPhysical(server, 'postgres', 'CREATE DATABASE shop');
  await run();
} finally {
  stopPhysical(folder, server);
  removeTemplate(server);
  await project.remove();
}
process.exit(isGood ? 0 : 1);

/** A third text that packs well, a third documents with an index, a third that does not pack at all. */
async function fill(megabytes: number): Promise<void> {
  const rows = (perMib: number): string => `generate_series(1, ${Math.ceil(megabytes * perMib)}) AS n`;
  await queryPhysical(
    server,
    'shop',
    `CREATE TABLE IF NOT EXISTS notes (id int, body text);
     CREATE TABLE IF NOT EXISTS visits (id int, body jsonb); CREATE INDEX IF NOT EXISTS visits_id ON visits (id);
     CREATE TABLE IF NOT EXISTS pictures (id int, content bytea); ALTER TABLE pictures ALTER content SET STORAGE EXTERNAL;
     INSERT INTO notes SELECT n, repeat(md5((n % 9973)::text), 4) FROM ${rows(1900)};
     INSERT INTO visits SELECT n, jsonb_build_object('page', n % 50, 'token', md5(n::text)) FROM ${rows(2200)};
     INSERT INTO pictures SELECT n, (SELECT string_agg(sha512((n * 128 + j)::text::bytea), '') FROM generate_series(1, 128) j) FROM ${rows(42)}`,
  );
  await queryPhysical(server, 'shop', 'VACUUM ANALYZE');
  await queryPhysical(server, 'shop', 'CHECKPOINT');
}

/** Measured, with what the server took for it as long as it lives. */
async function measure(argv: string[]): Promise<Cost> {
  const before = serverCpuS(postmaster());
  const measured = await measureCommand(argv, { cwd: folder, env });
  if (measured.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${measured.exitCode}: ${measured.stderr}`);
  // A restore in place ends it and starts another one, of which only a part is known.
  return { ...measured, serverS: Math.max(0, serverCpuS(postmaster()) - before) };
}

function postmaster(): number {
  return Number(readFileSync(join(dataOf(folder), 'postmaster.pid'), 'utf8').split('\n')[0]);
}

function shipway(...words: string[]): string[] {
  return [process.execPath, PROGRAM, ...words];
}

interface Acts {
  backup: Cost;
  restore: Cost;
}

async function run(): Promise<void> {
  await fill(SMALL_MB);
  console.log(`${availableParallelism()} cores, ${loadNow()}, Node ${process.version}`);
  console.log(heading());
  await makeProject();
  const small = await ours();
  await fill(SIZE_MB - SMALL_MB);
  const large = await ours();
  await peers(`${large.gib.toFixed(2)} GiB`);
  console.log('');
  console.log(`with all of what an act takes for itself (and beside it: that, and what a GiB takes), ${loadNow()}`);
  const sizes: [Sized<Acts>, Sized<Acts>] = [small, large];
  goalOfSize('backup, CPU s with the server, a GiB', sizes, {
    limit: 6,
    of: ({ backup }) => backup.cpuS + backup.serverS,
  });
  goal('backup, most memory of it and the copy, MiB', large.acts.backup.peakMiB, 256, large.acts.backup.peakOf);
  goalOfSize('restore, wall s, a GiB', sizes, { limit: 5, of: ({ restore }) => restore.wallS });
}

async function sizeNow(): Promise<number> {
  const sql = 'SELECT sum(pg_database_size(oid)) AS bytes FROM pg_database';
  const [size] = await queryPhysical<{ bytes: string }>(server, 'postgres', sql);
  return gibOf(Number(size?.bytes));
}

async function peers(of: string): Promise<void> {
  const from = [
    '-h',
    '127.0.0.1',
    '-p',
    String(server.port),
    '-U',
    'keeper',
    '-X',
    'fetch',
    '-c',
    'fast',
    '-Ft',
    '-D',
    '-',
  ];
  const login = new URL(url);
  Object.assign(env, { PGPASSWORD: decodeURIComponent(login.password) });
  const packed = await measure([
    'bash',
    '-c',
    'set -o pipefail; pg_basebackup "$@" | zstd -q -3 -o base.tar.zst',
    'x',
    ...from,
  ]);
  row(`${of}: pg_basebackup | zstd -3`, packed, statSync(join(folder, 'base.tar.zst')).size);
  mkdirSync(join(folder, 'extracted'));
  row(
    `${of}: its extraction`,
    await measure(['bash', '-c', 'set -o pipefail; zstd -q -d -c base.tar.zst | tar x -C extracted; sync']),
    0,
  );
  for (const name of ['base.tar.zst', 'extracted']) rmSync(join(folder, name), { recursive: true });
}

/** A project that has its own database, as every project has after its first command. */
async function makeProject(): Promise<void> {
  const made = await measure(shipway('backup', 'keygen', join(folder, 'identity'), '--json'));
  const { recipient } = JSON.parse(made.stdout) as { recipient: string };
  writeFileSync(join(folder, 'shipway.yaml'), releaseFile(recipient));
  writeFileSync(join(folder, 'version.txt'), '1.0.0\n');
  row('shipway: first backup of all of a project', await measure(shipway('backup', 'create')), 0);
}

async function ours(): Promise<Sized<Acts>> {
  const gib = await sizeNow();
  const of = `${gib.toFixed(2)} GiB`;
  const backup = await measure(shipway('backup', 'create', '--json'));
  const { id } = (JSON.parse(backup.stdout) as { backup: { id: string } }).backup;
  row(`${of}: shipway backup create, encrypted`, backup, bytesOf(join(folder, '.shipway/backups', id)));
  // Not by the command, which would want the service stopped first.
  const restore = await measure([process.execPath, ACT, JSON.stringify({ project: folder, id, physical })]);
  row(`${of}: restored beside, read, swapped`, restore, 0);
  return { gib, acts: { backup, restore } };
}

function releaseFile(recipient: string): string {
  return `service: shop
stores: { database: { postgres: { url: $DATABASE_URL, physical: ${JSON.stringify(physical)} } } }
backups: { encryption: { recipients: [${recipient}], identity: ${join(folder, 'identity')} } }
environments:
  production:
    target: { command: { deploy: [touch, deployed], observe: [cat, version.txt] } }
`;
}

function bytesOf(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, inner) => sum + bytesOf(join(path, inner)), 0);
}
