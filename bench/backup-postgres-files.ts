/**
 * A PostgreSQL server of 1 GiB copied by its files (`physical`): backup by the command itself and restore in place, against pg_basebackup through
 * zstd and its extraction. Run: npm run bench:backup-postgres-files (SHIPWAY_BENCH_MB: its size)
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { storeKinds } from '../src/adapters/stores/index.ts';
import { identityIn, openKeyRing, openVault } from '../src/adapters/vaults/index.ts';
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
import { restoreInPlace } from '../test/support/restore-in-place.ts';
import { createTemporaryProject } from '../test/support/temporary-project.ts';
import { testEffect } from '../test/support/test-effect.ts';
import { measureCommand, serverCpuS, type Measured } from './measure-command.ts';

const MIB = 1024 * 1024;
const SIZE_MB = Number(process.env['SHIPWAY_BENCH_MB'] ?? 1024);
const PROGRAM = resolve('bin/shipway.js');

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
let isGood = true;

try {
  await startPhysical(folder, server);
  await fill();
  await run();
} finally {
  stopPhysical(folder, server);
  removeTemplate(server);
  await project.remove();
}
process.exit(isGood ? 0 : 1);

/** A third text that packs well, a third documents with an index, a third that does not pack at all. */
async function fill(): Promise<void> {
  await queryPhysical(server, 'postgres', 'CREATE DATABASE shop');
  const rows = (perMib: number): string => `generate_series(1, ${Math.ceil(SIZE_MB * perMib)}) AS n`;
  await queryPhysical(
    server,
    'shop',
    `CREATE TABLE notes AS SELECT n AS id, repeat(md5((n % 9973)::text), 4) AS body FROM ${rows(1900)};
     CREATE TABLE visits AS SELECT n AS id, jsonb_build_object('page', n % 50, 'token', md5(n::text)) AS body FROM ${rows(2200)};
     CREATE INDEX ON visits (id);
     CREATE TABLE pictures (id int, content bytea); ALTER TABLE pictures ALTER content SET STORAGE EXTERNAL;
     INSERT INTO pictures SELECT n, (SELECT string_agg(sha512((n * 128 + j)::text::bytea), '') FROM generate_series(1, 128) j) FROM ${rows(42)}`,
  );
  await queryPhysical(server, 'shop', 'VACUUM ANALYZE');
  await queryPhysical(server, 'shop', 'CHECKPOINT');
}

/** Measured, with what the server took for it as long as it lives. */
async function measure(argv: string[]): Promise<Measured & { serverS: number }> {
  const before = serverCpuS(postmaster());
  const measured = await measureCommand(argv, { cwd: folder, env });
  if (measured.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${measured.exitCode}: ${measured.stderr}`);
  return { ...measured, serverS: Math.max(0, serverCpuS(postmaster()) - before) };
}

function postmaster(): number {
  return Number(readFileSync(join(dataOf(folder), 'postmaster.pid'), 'utf8').split('\n')[0]);
}

function shipway(...words: string[]): string[] {
  return [process.execPath, PROGRAM, ...words];
}

async function run(): Promise<void> {
  const [size] = await queryPhysical<{ bytes: string }>(
    server,
    'postgres',
    'SELECT sum(pg_database_size(oid)) AS bytes FROM pg_database',
  );
  const gib = Number(size?.bytes) / MIB / 1024;
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `server of ${gib.toFixed(2)} GiB, ${availableParallelism()} cores, load ${load}, Node ${process.version}`,
  );
  console.log(`${'what'.padEnd(46)} wall s   CPU s  server  peak MiB  stored MB`);
  await peers();
  const backup = await ours();
  const restored = await restore(backup.id);
  console.log(`${'shipway: restored beside, read, swapped'.padEnd(46)}${restored.wallS.toFixed(1).padStart(7)}`);
  console.log('');
  goal('backup, CPU s with the server, a GiB', (backup.cpuS + backup.serverS) / gib, 6);
  goal('backup, most memory of it and the copy, MiB', backup.peakMiB, 256);
  goal('restore, wall s, a GiB', restored.wallS / gib, 5);
}

/** In this process: the command would want the service stopped first. Its own CPU is that of the bench, so only the time is told. */
async function restore(id: string): Promise<{ wallS: number }> {
  const identity = join(folder, 'identity');
  const keys = openKeyRing({
    folder: join(folder, '.shipway/keys'),
    recipients: [],
    signers: [],
    identity: async () => identityIn(readFileSync(identity, 'utf8'), identity),
  });
  const kind = storeKinds.postgres;
  const store = kind.open(kind.settings.parse({ url, physical }), { projectDirectory: folder });
  const startedMs = performance.now();
  await restoreInPlace({
    id,
    service: 'shop',
    environment: 'production',
    stores: [{ name: 'database', kind: 'postgres', store }],
    vault: openVault(join(folder, '.shipway/backups'), keys),
    effect: testEffect(folder, { variables: { ...process.env, ...env } as Record<string, string> }),
  });
  return { wallS: (performance.now() - startedMs) / 1000 };
}

async function peers(): Promise<void> {
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
  row('pg_basebackup | zstd -3', packed, statSync(join(folder, 'base.tar.zst')).size);
  mkdirSync(join(folder, 'extracted'));
  row(
    'its extraction',
    await measure(['bash', '-c', 'set -o pipefail; zstd -q -d -c base.tar.zst | tar x -C extracted; sync']),
    0,
  );
  for (const name of ['base.tar.zst', 'extracted']) rmSync(join(folder, name), { recursive: true });
}

async function ours(): Promise<Measured & { serverS: number; id: string }> {
  const made = await measure(shipway('backup', 'keygen', join(folder, 'identity'), '--json'));
  const { recipient } = JSON.parse(made.stdout) as { recipient: string };
  writeFileSync(join(folder, 'shipway.yaml'), releaseFile(recipient));
  writeFileSync(join(folder, 'version.txt'), '1.0.0\n');
  await measure(shipway('status')); // its own memory is made on first use, which is not what is measured
  const backup = await measure(shipway('backup', 'create', '--json'));
  const { id } = (JSON.parse(backup.stdout) as { backup: { id: string } }).backup;
  row('shipway backup create, encrypted', backup, bytesOf(join(folder, '.shipway/backups', id)));
  return { ...backup, id };
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

function row(what: string, measured: Measured & { serverS: number }, bytes: number): void {
  const numbers = [measured.wallS, measured.cpuS, measured.serverS].map((value) => value.toFixed(1).padStart(7));
  const stored = bytes === 0 ? '-' : (bytes / 1e6).toFixed(0);
  console.log(
    `${what.padEnd(46)}${numbers.join(' ')} ${measured.peakMiB.toFixed(0).padStart(9)} ${stored.padStart(10)}`,
  );
}

function goal(what: string, measured: number, limit: number): void {
  const isMet = measured <= limit;
  isGood &&= isMet;
  console.log(`${what.padEnd(46)} ${measured.toFixed(1).padStart(7)}  goal <= ${limit}  ${isMet ? 'PASS' : 'FAIL'}`);
}
