import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/state/open-database.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

// A server of its own plays the one of the team; the projects know nothing but its address.
let folder: string;
let server: Database;
let url: string;
let one: ServiceProject;
let two: ServiceProject;
const projects = (): ServiceProject[] => [one, two];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-team-'));
  chmodSync(folder, 0o755);
  server = await openDatabase({ stateDirectory: join(folder, 'server'), url: null, applicationName: 'team' });
  await server.pool.query('CREATE DATABASE team');
  const address = new URL(server.connectionString);
  address.pathname = '/team';
  url = address.href;
  [one, two] = await Promise.all([createServiceProject(), createServiceProject()]);
  two.write('shipway.yaml', two.read('shipway.yaml').replace('service: shop', 'service: billing'));
  for (const project of projects()) for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
}, 180_000);
afterAll(async () => {
  for (const project of projects()) await project.remove();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const inTeam = () => ({ environment: { SHIPWAY_DATABASE_URL: url } });

async function rows<T>(sql: string): Promise<T[]> {
  const database = await openDatabase({ stateDirectory: folder, url, applicationName: 'test' });
  try {
    return (await database.pool.query(sql)).rows as T[];
  } finally {
    await database.close();
  }
}

test('two projects release at once into one database, and each is run by executors of its own', async () => {
  const ended = await Promise.all(projects().map((project) => project.release('1.0.0', [], inTeam())));
  for (const each of ended) expect(said(0, each)).toContain('RELEASED 1.0.0');
  const ran = await rows<{ service: string; project: string; ran_by: string }>(
    `select distinct r.service, r.project, e.project as ran_by from shipway.step_run s
     join shipway.release r on r.id = s.release_id join shipway.executor e on e.id = s.executor order by 1`,
  );
  expect(ran.map((row) => row.service)).toEqual(['billing', 'shop']);
  for (const row of ran) expect(row.ran_by).toBe(row.project);
  expect(new Set(ran.map((row) => row.project)).size).toBe(2);
  for (const project of projects()) {
    expect(await project.publicVersion()).toBe('1.0.0');
    expect(existsSync(join(project.directory, '.shipway', 'postgres.json'))).toBe(false);
  }
  said(0, await one.shipway(['verify'], inTeam()));
}, 180_000);

test("a project's release waits for its own executor while another project's executor is awake", async () => {
  const ending = one.startRelease('1.1.0', [], inTeam());
  await waitUntil(
    'the release to begin',
    async () =>
      (await rows(`select 1 from shipway.release where service = 'shop' and version = '1.1.0' and state = 'running'`))
        .length > 0,
    { limitSeconds: 30, everyMs: 100 },
  );
  ending.kill('SIGKILL');
  await ending.ended.catch(() => undefined);
  const [executor] = await rows<{ pid: number }>(
    `select e.pid from shipway.executor e join shipway.release r on r.project = e.project where r.service = 'shop' and e.gone_at is null limit 1`,
  );
  process.kill(executor!.pid, 'SIGKILL');
  // The other project's executor lives through a whole release beside the orphan and leaves it alone.
  said(0, await two.release('1.1.0', [], inTeam()));
  const orphan = await rows<{ state: string }>(
    `select state from shipway.release where service = 'shop' and version = '1.1.0'`,
  );
  expect(orphan[0]?.state).not.toBe('stable');
  expect(said(0, await one.shipway(['attach'], inTeam()))).toContain('RELEASED 1.1.0');
  expect(await one.publicVersion()).toBe('1.1.0');
  expect(await rows('select * from shipway.release_lock')).toEqual([]);
}, 180_000);
