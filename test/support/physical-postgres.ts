import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { queryAt } from './postgres-server.ts';
import { waitUntil } from './wait-until.ts';

const SERVICE = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures/stores/postgres-service.mjs');
/** The role of the store: it may copy the server and read it, and nothing else. */
export const KEEPER = 'keeper';
const PASSWORD = "p$PATH'@ss:w/rd %41";

export interface PhysicalPostgres {
  programs: string;
  port: number;
  /** Empty clusters are copied from it: quicker than making each. */
  template: string;
  user: { uid: number; gid: number } | null;
}

export const dataOf = (project: string): string => join(project, 'pg/main');

/** An empty cluster with small segments of its log and sums of its pages, that nobody serves. */
export async function createTemplate(programs: string, port: number): Promise<PhysicalPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-pg-template-'));
  const user = serverUser();
  chmodSync(folder, 0o755);
  const template = join(folder, 'main');
  mkdirSync(template);
  if (user !== null) chownSync(template, user.uid, user.gid);
  const options = ['-D', template, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'];
  const own: ExecFileSyncOptions = { ...user, cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync(join(programs, 'initdb'), [...options, '--wal-segsize=1', '--data-checksums'], own);
  writeFileSync(join(template, 'pg_hba.conf'), hba('127.0.0.1/32'));
  const settings = [
    `port = ${port}`,
    `unix_socket_directories = ''`,
    `listen_addresses = '127.0.0.1'`,
    'fsync = off',
    'shared_buffers = 16MB',
    'min_wal_size = 2MB',
    'max_wal_size = 8MB',
    'max_prepared_transactions = 5',
  ];
  writeFileSync(join(template, 'postgresql.conf'), `${settings.join('\n')}\n`);
  const made = { programs, port, template, user };
  const project = join(folder, 'project');
  await startPhysical(project, made);
  const role = `CREATE ROLE ${KEEPER} LOGIN REPLICATION PASSWORD ${pg.escapeLiteral(PASSWORD)}; GRANT pg_read_all_data TO ${KEEPER}`;
  await queryPhysical(made, 'postgres', role);
  stopPhysical(project, made);
  rmSync(template, { recursive: true });
  cpSync(dataOf(project), template, { recursive: true });
  rmSync(project, { recursive: true });
  return made;
}

export function hba(replicationFrom: string): string {
  const lines = ['host all postgres 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'];
  return `${[...lines, `host replication all ${replicationFrom} scram-sha-256`].join('\n')}\n`;
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

export function removeTemplate({ template }: PhysicalPostgres): void {
  rmSync(dirname(template), { recursive: true, force: true });
}

/** Starts the server of a project unless it runs; makes its cluster when there is none. */
export async function startPhysical(project: string, server: PhysicalPostgres): Promise<void> {
  const data = dataOf(project);
  if (isRunning(project)) return;
  if (!existsSync(data)) {
    mkdirSync(dirname(data), { recursive: true });
    for (const folder of [project, dirname(data)]) chmodSync(folder, 0o755);
    cpSync(server.template, data, { recursive: true });
    chmodSync(data, 0o700);
    for (const path of [dirname(data), data, ...below(data)])
      if (server.user !== null) chownSync(path, server.user.uid, server.user.gid);
  }
  runService(project, server, 'start');
  await waitUntil('the server to answer', () => queryPhysical(server, 'postgres', 'SELECT 1'));
}

function below(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name));
}

export function stopPhysical(project: string, server: PhysicalPostgres): void {
  if (isRunning(project)) runService(project, server, 'kill');
}

/** So that it reads what can only be set at its start. */
export async function restartPhysical(project: string, server: PhysicalPostgres): Promise<void> {
  runService(project, server, 'stop');
  await startPhysical(project, server);
}

function runService(project: string, server: PhysicalPostgres, act: 'start' | 'stop' | 'kill'): void {
  const env = { ...process.env, ...variables(project, server) };
  execFileSync(process.execPath, [SERVICE, act], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
}

export function isRunning(project: string): boolean {
  return existsSync(join(dataOf(project), 'postmaster.pid'));
}

function variables(project: string, { programs }: PhysicalPostgres): Record<string, string> {
  return { POSTGRES_PROGRAMS: programs, POSTGRES_DIRECTORY: dataOf(project) };
}

/** As the superuser. */
export function queryPhysical<Row extends object>(
  { port }: PhysicalPostgres,
  database: string,
  sql: string,
): Promise<Row[]> {
  return queryAt<Row>(`postgresql://postgres@127.0.0.1:${port}/${database}`, sql);
}

/** How the release file names the server. */
export function physicalSettingsOf(server: PhysicalPostgres, database: string): Record<string, unknown> {
  const { port, programs } = server;
  return {
    url: `postgresql://${KEEPER}:${encodeURIComponent(PASSWORD).replaceAll("'", '%27')}@127.0.0.1:${port}/${database}`,
    physical: {
      directory: 'pg/main',
      stop: [process.execPath, SERVICE, 'stop'],
      start: [process.execPath, SERVICE, 'start'],
      env: { POSTGRES_PROGRAMS: programs, POSTGRES_DIRECTORY: 'pg/main' },
      programs,
      timeout: '120s',
    },
  };
}

export function rightsOf(project: string): string {
  const { mode, uid, gid } = statSync(dataOf(project));
  return `${mode} ${uid} ${gid}`;
}
