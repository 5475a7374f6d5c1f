// `shipway backup create` and `shipway backup restore`, killed with SIGKILL at random moments, again and again, on SQLite, files and PostgreSQL.
// After each kill: what was listed is listed, live data is whole, and nothing that was there before is lost; at the end every backup verifies.
// SHIPWAY_SOAK_ROUNDS (500) is the number of kills. Run: npm run soak -- backup-kills. The result goes to docs/reference/backup-kills.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { readSqlite } from '../support/read-sqlite.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const KILLS = Number(process.env['SHIPWAY_SOAK_ROUNDS'] ?? 500);
// Each waits for the disk and for other processes half of its time.
const LANES = Number(process.env['SHIPWAY_SOAK_WORKERS'] ?? cpus().length);
const FILLER_BYTES = 4 * 1024 * 1024; // so that copying, packing and hashing take long enough to be met
const KEEP_REPLACED = 10; // replaced copies that lie beside the data, before they are discarded
const REPORT = new URL('../../docs/reference/backup-kills.md', import.meta.url);
const postgres = findPostgres();

type Act = 'create' | 'restore';
interface Row {
  act: Act;
  /** How it ended: killed, or done before the kill came. */
  end: 'killed' | 'done';
  faults: string[];
}

test.skipIf('reason' in postgres)(`${KILLS} random kills of backup and restore lose nothing`, async () => {
  const server = await startPostgres('bin' in postgres ? postgres.bin : '');
  const rows: Row[] = [];
  let left = KILLS;
  try {
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const scene = await createScene(server, `shop_${lane}`);
        try {
          while ((left -= 1) >= 0) rows.push(await strike(scene));
          rows.push({ act: 'create', end: 'done', faults: await lastLook(scene) });
        } finally {
          await scene.project.remove();
        }
      }),
    );
  } finally {
    await server.stop();
  }
  writeFileSync(REPORT, report(rows));
  expect(rows.flatMap(({ faults }) => faults)).toEqual([]);
});

/** A project whose three stores hold the same number: as many rows, rows and bytes. */
interface Scene {
  project: TemporaryProject;
  server: TestPostgres;
  database: string;
  number: number;
  /** What each sealed backup holds; null: what a killed restore had left in the stores, which is no state of all of them. */
  sealed: Map<string, number | null>;
  /** How long each act takes when it is left alone, ms. */
  takes: Record<Act, number>;
  strikes: number;
}

async function createScene(server: TestPostgres, database: string): Promise<Scene> {
  await server.query('postgres', `CREATE DATABASE ${database}`);
  await server.query(
    database,
    'CREATE TABLE t (n int); CREATE TABLE filler AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 4000) i',
  );
  const project = createTemporaryProject({
    'shipway.yaml': `service: shop
stores:
  rows: { sqlite: { path: app.db } }
  uploads: { files: { paths: [data] } }
  orders: { postgres: { url: '${server.socketUrl(database)}' } }
environments: { production: { target: { command: { deploy: [touch, deployed], observe: [echo, none] } } } }
`,
  });
  project.write('data/filler', 'x'.repeat(FILLER_BYTES));
  const scene: Scene = {
    project,
    server,
    database,
    number: 0,
    sealed: new Map(),
    takes: { create: 0, restore: 0 },
    strikes: 0,
  };
  await write(scene, 1);
  await shipway(scene, argumentsOf(scene, 'create', '')); // the first command makes our own memory, which takes long
  for (const act of ['create', 'restore'] as const) {
    const [id = ''] = manifests(scene).keys();
    const startedMs = performance.now();
    await shipway(scene, argumentsOf(scene, act, id));
    scene.takes[act] = performance.now() - startedMs;
  }
  await noteSealed(scene, 1);
  return scene;
}

async function write(scene: Scene, number: number): Promise<void> {
  scene.number = number;
  const { project, server, database } = scene;
  const app = new Database(join(project.directory, 'app.db'));
  app.exec('CREATE TABLE IF NOT EXISTS t(n); BEGIN; DELETE FROM t');
  app.exec(
    `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${number}) INSERT INTO t SELECT n FROM c; COMMIT`,
  );
  app.close();
  project.write('data/numbers', 'x'.repeat(number));
  await server.query(database, `BEGIN; DELETE FROM t; INSERT INTO t SELECT generate_series(1, ${number}); COMMIT`);
}

/** What lives in each store; null where there is nothing to read: between two renames, until the restore is done again. */
async function live({ project, server, database }: Scene): Promise<(number | null)[]> {
  const path = (name: string): string => join(project.directory, name);
  const rows = existsSync(path('app.db'))
    ? Number(readSqlite(path('app.db'), 'SELECT count(*) FROM t')[0]?.[0]?.[0])
    : null;
  const bytes = existsSync(path('data/numbers')) ? readFileSync(path('data/numbers')).length : null;
  const hasDatabase = (await server.databases()).includes(database);
  const [row] = hasDatabase ? await server.query<{ n: string }>(database, 'SELECT count(*) AS n FROM t') : [];
  return [rows, bytes, row === undefined ? null : Number(row.n)];
}

function argumentsOf({ project }: Scene, act: Act, id: string): string[] {
  if (act === 'create') return ['backup', 'create'];
  const manifest = readFileSync(join(project.directory, '.shipway/backups', id, 'manifest.json'), 'utf8');
  const { stores } = JSON.parse(manifest) as { stores: { capture: { consistentAt: string } }[] };
  const [since = ''] = stores.map(({ capture }) => capture.consistentAt).toSorted();
  return ['backup', 'restore', id, '--yes-lose-data-since', since];
}

async function shipway(scene: Scene, args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await scene.project.run(args, { limitSeconds: 300 });
  if (exitCode !== 0) throw new Error(`shipway ${args.join(' ')} ended with ${exitCode}: ${stdout}${stderr}`);
  return stdout;
}

/** Sealed backups by id, with what their manifests say is in the three stores. */
function manifests({ project }: Scene): Map<string, number[]> {
  const folder = join(project.directory, '.shipway/backups');
  const ids = readdirSync(folder).filter((name) => /^bk_[^.]+$/.test(name));
  return new Map(
    ids.map((id) => {
      const { stores } = JSON.parse(readFileSync(join(folder, id, 'manifest.json'), 'utf8')) as {
        stores: { name: string; capture: { counters: Record<string, number> } }[];
      };
      const counter = (name: string, key: string): number =>
        stores.find((store) => store.name === name)?.capture.counters[key] ?? -1;
      const bytes = counter('uploads', 'bytes') - FILLER_BYTES;
      return [id, [counter('rows', 't'), bytes, counter('orders', 'public.t')]];
    }),
  );
}

/** Remembers new backups; each must hold that number in all stores, and none may have gone. */
async function noteSealed(scene: Scene, number: number): Promise<string[]> {
  const found = manifests(scene);
  const faults: string[] = [];
  for (const id of scene.sealed.keys()) if (!found.has(id)) faults.push(`${id} has gone`);
  for (const [id, numbers] of found) {
    if (scene.sealed.has(id)) continue;
    scene.sealed.set(id, number);
    if (numbers.some((one) => one !== number)) faults.push(`${id} holds ${numbers.join(', ')} instead of ${number}`);
  }
  return faults;
}

/** One act, killed at a random moment of the time it takes, and everything that should not be afterwards. */
async function strike(scene: Scene): Promise<Row> {
  scene.strikes += 1;
  const act: Act = Math.random() < 0.4 ? 'create' : 'restore';
  const targets = [...scene.sealed].flatMap(([id, one]) => (one === null ? [] : [{ id, held: one }]));
  const { id: target, held } = targets[Math.floor(Math.random() * targets.length)] ?? { id: '', held: 0 };
  // Never what a backup holds already: otherwise nobody could tell which data it is.
  await write(scene, scene.number + 1);
  const { number } = scene;
  const command = scene.project.start(argumentsOf(scene, act, target), { limitSeconds: 300 });
  await Promise.race([wait(Math.random() * 1.1 * scene.takes[act]), command.ended]);
  command.kill('SIGKILL');
  const end = (await command.ended).signal === null ? 'done' : 'killed';
  const faults =
    act === 'create' ? await afterCreate(scene, number) : await afterRestore(scene, { target, held, number });
  if (scene.strikes % KEEP_REPLACED === 0) await shipway(scene, ['backup', 'discard', '--all', '--yes']);
  return { act, end, faults: faults.map((fault) => `${act} ${scene.strikes}: ${fault}`) };
}

async function afterCreate(scene: Scene, number: number): Promise<string[]> {
  const now = await live(scene);
  const changed = now.some((one) => one !== number) ? [`live data is ${now.join(', ')} instead of ${number}`] : [];
  return [...changed, ...(await noteSealed(scene, number))];
}

async function afterRestore(
  scene: Scene,
  { target, held, number }: { target: string; held: number; number: number },
): Promise<string[]> {
  const half = await live(scene);
  const strange = half.filter((one) => one !== null && one !== held && one !== number);
  const faults = strange.length === 0 ? [] : [`live data is ${half.join(', ')}, neither ${number} nor ${held}`];
  const sealedBefore = await noteSealed(scene, number);
  const isKept = [...scene.sealed.values()].includes(number);
  if (!isKept && half.some((one) => one !== number))
    faults.push(`${number} is in no backup, and live is ${half.join(', ')}`);
  await shipway(scene, argumentsOf(scene, 'restore', target));
  const now = await live(scene);
  if (now.some((one) => one !== held)) faults.push(`restored again, live data is ${now.join(', ')} instead of ${held}`);
  // The second restore backed up what the first had left: in each store one or the other.
  for (const [id, numbers] of manifests(scene)) {
    if (scene.sealed.has(id)) continue;
    scene.sealed.set(id, numbers.every((one) => one === number) ? number : null);
    if (numbers.some((one) => one !== number && one !== held)) faults.push(`${id} holds ${numbers.join(', ')}`);
  }
  if (![...scene.sealed.values()].includes(number)) faults.push(`${number} is lost`);
  return [...faults, ...sealedBefore];
}

/** Everything verifies, and nothing half is left. */
async function lastLook(scene: Scene): Promise<string[]> {
  await shipway(scene, ['backup', 'create']);
  await shipway(scene, ['backup', 'discard', '--all', '--yes']);
  const { exitCode, stdout } = await scene.project.run(['backup', 'verify'], { limitSeconds: 3600 });
  const faults = exitCode === 0 ? [] : [`backup verify ended with ${exitCode}: ${stdout.slice(-500)}`];
  const left = readdirSync(join(scene.project.directory, '.shipway/backups')).filter((name) =>
    /partial|opened/.test(name),
  );
  const databases = (await scene.server.databases()).filter((name) => name.startsWith(`${scene.database}__`));
  return [...faults, ...[...left, ...databases].map((name) => `${name} is left`)];
}

function report(rows: Row[]): string {
  const count = (act: Act, end: Row['end']): number => rows.filter((row) => row.act === act && row.end === end).length;
  const faults = rows.flatMap((row) => row.faults);
  return [
    '# Backup and restore, killed at random',
    '',
    'Written by `npm run soak -- backup-kills`: the command is killed with SIGKILL at a random moment of the time it takes, on SQLite, files and PostgreSQL.',
    '',
    '| act | killed | done before the kill came |',
    '| --- | --- | --- |',
    `| backup create | ${count('create', 'killed')} | ${count('create', 'done')} |`,
    `| backup restore | ${count('restore', 'killed')} | ${count('restore', 'done')} |`,
    '',
    `${faults.length} faults.`,
    '',
    ...faults.map((fault) => `- ${fault}`),
    '',
  ].join('\n');
}
