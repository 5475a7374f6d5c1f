// Document P: uploads of an app, its backups, its rollback, its seven days. Compose is a later part; the process target stands in.
// The project is examples/pbjrag. `tar xzf` over a live folder, which keeps newer files, is tried in src/adapters/stores/files/files-store.test.ts.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createExampleProject, type ExampleProject } from '../support/example-project.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // several releases one after the other, on a machine that does other things too

interface Listed {
  id: string;
  reason: string;
  proof: { outcome: string } | null;
}

let project: ExampleProject;
const upload = (name: string, text: string): Promise<object> => project.ask('POST', '/uploads', { name, text });
const list = async (): Promise<Listed[]> =>
  (JSON.parse(await project.shipway(0, 'backup', 'list', '--json')) as { backups: Listed[] }).backups;
const create = async (): Promise<string> =>
  (JSON.parse(await project.shipway(0, 'backup', 'create', '--json')) as { backup: { id: string } }).backup.id;

/** SHA-256 of every upload, live or in a folder that a backup was written into. */
function sums(folder = 'uploads'): Record<string, string> {
  const names = readdirSync(project.path(folder)).sort();
  const sumOf = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(project.path(folder, name)))
      .digest('hex');
  return Object.fromEntries(names.map((name) => [name, sumOf(name)]));
}

beforeAll(async () => {
  project = await createExampleProject('pbjrag');
  for (const name of ['a.py', 'b.py', 'c.py']) project.write(`uploads/${name}`, `print('${name}') # of the team\n`);
  for (const version of ['2.9.0', '3.0.0']) project.write(`releases/${version}/server.mjs`, project.read('server.mjs'));
  await project.shipway(0, 'release', '2.9.0');
});
afterAll(() => project.remove());

describe('Deployment', () => {
  test('deploy with backup: taken before the new version is started, and with nothing of it', async () => {
    const before = sums();
    await project.shipway(0, 'release', '3.0.0');
    await upload('d.py', "print('d') # the first of 3.0.0\n");
    await project.shipway(0, 'backup', 'restore', 'before:r-0002', '--into', 'look');
    expect(sums('look/uploads/uploads')).toEqual(before);
  });

  test('auto-rollback on failure: a version that does not start leaves version and uploads as they were', async () => {
    const before = sums();
    project.write('releases/3.0.1/server.mjs', 'process.exit(1);\n');
    expect(await project.shipway(20, 'release', '3.0.1')).toContain('ROLLED BACK to 3.0.0');
    expect([await project.version(), sums()]).toEqual(['3.0.0', before]);
  });
});

describe('Rollback', () => {
  test('it backs up the current state first, and loses exactly what it announced', async () => {
    const good = sums('look/uploads/uploads');
    await project.ask('POST', '/index');
    await upload('e.py', 'print(5)\n');
    const spoilt = sums();
    const changed = Object.keys(good).filter((name) => spoilt[name] !== good[name]).length;
    const added = Object.keys(spoilt).filter((name) => good[name] === undefined).length;
    expect([changed, added]).toEqual([3, 2]);

    const { asked, goOn } = await project.askToRestore('comments are gone');
    expect(sums()).toEqual(spoilt);
    expect(asked).toContain(`uploads files: 3 in the backup, ${3 + added} now`);
    expect(asked).toContain(`uploads: ${changed + added} files were written since the backup`);
    await goOn();
    expect([await project.version(), sums()]).toEqual(['2.9.0', good]);

    const [newest] = await list();
    expect(newest?.reason).toBe('pre-rollback');
    await project.shipway(0, 'backup', 'restore', newest?.id ?? '', '--into', 'current');
    expect(sums('current/uploads/uploads')).toEqual(spoilt);
  });

  test('to a specific version: code alone, and every upload stays', async () => {
    await project.shipway(0, 'unlock', 'pbjrag', '--version', '3.0.0', '--reason', 'tried again', '--yes');
    await project.shipway(0, 'release', '3.0.0');
    await upload('f.py', 'print(6)\n');
    const before = sums();
    await project.shipway(0, 'rollback', '--to', '2.9.0', '--yes', '--reason', 'p99 latency');
    expect([await project.version(), sums()]).toEqual(['2.9.0', before]);
  });
});

describe('Backup and Recovery', () => {
  test('create backup only, Backup Naming: an id with time and service, every part with size and SHA-256, for nobody else to read', async () => {
    const id = await create();
    expect(id).toMatch(/^bk_\d{8}T\d{6}Z_pbjrag_production_manual_/);
    expect(await project.shipway(0, 'backup', 'list')).toContain(id);
    const manifest = project.read('backups', id, 'manifest.json');
    expect(manifest).toMatch(/"sha256":"[0-9a-f]{64}"/);
    const paths = (readdirSync(project.path('backups', id), { recursive: true }) as string[]).map((name) =>
      statSync(project.path('backups', id, name)),
    );
    expect(paths.filter((facts) => (facts.mode & 0o077) !== 0)).toEqual([]);
    expect(paths.length).toBeGreaterThan(2);
  });

  test('Manual Restore: into a folder at any time; over the uploads of a running version it is refused', async () => {
    const before = sums();
    const id = await create();
    await upload('since.py', 'print(7)\n');
    expect(await project.shipway(30, 'backup', 'restore', id, '--yes')).toContain('runs in production');
    await project.shipway(0, 'backup', 'restore', id, '--into', 'by-hand');
    expect(sums('by-hand/uploads/uploads')).toEqual(before);
    expect(Object.keys(sums())).toContain('since.py');
  });

  test('a backup that was damaged on its disk is found, and is not restored', async () => {
    const id = await create();
    const part = (readdirSync(project.path('backups', id), { recursive: true }) as string[])
      .map((name) => project.path('backups', id, name))
      .filter((path) => statSync(path).isFile() && !/manifest/.test(path))
      .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    if (part === undefined) throw new Error('the backup has no part');
    const bytes = readFileSync(part);
    bytes.writeUInt8((bytes[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1);
    writeFileSync(part, bytes);
    await project.shipway(1, 'backup', 'verify', id);
    await project.shipway(1, 'backup', 'restore', id, '--into', 'damaged');
    expect((await list()).find((one) => one.id === id)?.proof?.outcome).toBe('fail');
  });
});

describe('Best Practices, keep backup retention: maintain last 7 days of backups', () => {
  test('what failed its check pushes no good backup out, and what a rollback may lead to stays', async () => {
    project.amend('keep: { for: 7 days }', 'keep: { for: 0s, last: 0, daily: 0, weekly: 0, monthly: 0 }');
    const before = await list();
    await project.shipway(0, 'backup', 'prune', '--explain');
    const left = await list();
    expect(left.length).toBeLessThan(before.length);
    expect(left.filter(({ proof }) => proof?.outcome === 'pass').length).toBeGreaterThanOrEqual(3);
    expect(left.filter(({ reason }) => reason === 'pre-release').map(({ id }) => id)).toEqual(
      expect.arrayContaining([before.filter(({ reason }) => reason === 'pre-release').at(-1)?.id]),
    );
    expect(left.filter(({ proof }) => proof?.outcome === 'fail')).toEqual([]);
  });

  test('control: deleting what is older than seven days leaves nothing good after a week of backups that fail', () => {
    const folder = project.path('control');
    const now = Date.now() / 1000;
    for (let day = 0; day <= 8; day += 1) {
      const dump = join(folder, `day-${day}`, 'uploads.tar.gz');
      mkdirSync(join(folder, `day-${day}`), { recursive: true });
      writeFileSync(dump, day === 8 ? 'the last whole one' : '');
      utimesSync(join(folder, `day-${day}`), now - day * 86_400 - 60, now - day * 86_400 - 60);
    }
    execFileSync('find', [folder, '-mindepth', '1', '-maxdepth', '1', '-mtime', '+7', '-exec', 'rm', '-r', '{}', '+']);
    const left = readdirSync(folder).map((name) => readFileSync(join(folder, name, 'uploads.tar.gz'), 'utf8'));
    expect([left.length, new Set(left)]).toEqual([8, new Set([''])]);
  });
});
