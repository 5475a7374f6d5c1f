import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSqlite } from '../support/read-sqlite.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const TOP = `stores: { data: { files: { paths: [data] } }, database: { sqlite: { path: app.db } } }
backups: { drill: every 1s, scratch: scratch }`;
// Goes up once and cannot go back.
const MIGRATE = `    migrate:
      command: { revision: [node, revision.mjs], up: [node, up.mjs] }
      reversible: false`;
const PATIENT = { limitSeconds: 300 };
const LIMIT_MS = 600_000; // a dozen commands one after the other, on a machine that does other things too

let project: ServiceProject;
const made: string[] = [];

beforeAll(async () => {
  project = await createServiceProject({ top: TOP, watch: '', verify: '      []', environment: MIGRATE });
  project.write('revision.mjs', `import { existsSync } from 'node:fs'; console.log(existsSync('migrated') ? 2 : 1);`);
  project.write('up.mjs', `import { writeFileSync } from 'node:fs'; writeFileSync('migrated', '');`);
  write('one');
  for (let count = 0; count < 3; count += 1) made.push(await createBackup());
}, LIMIT_MS);
afterAll(() => project.remove());

/** Both stores in the state of that word. */
function write(word: string): void {
  project.write('data/word.txt', word);
  const database = new Database(join(project.directory, 'app.db'));
  database.exec(`CREATE TABLE IF NOT EXISTS t(word); DELETE FROM t; INSERT INTO t VALUES ('${word}')`);
  database.close();
}

function words(): string[] {
  const [rows] = readSqlite(join(project.directory, 'app.db'), 'SELECT word FROM t');
  return [project.read('data/word.txt'), String(rows?.[0]?.[0])];
}

const backup = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['backup', ...args]));
async function json<T>(code: number, ...args: string[]): Promise<T> {
  const ended = await project.shipway(['backup', ...args, '--json']);
  said(code, ended);
  return JSON.parse(ended.stdout) as T;
}

async function createBackup(): Promise<string> {
  return (await json<{ backup: { id: string } }>(0, 'create')).backup.id;
}

interface Look {
  id: string;
  outcome: string;
  fault: string | null;
  seconds: number;
  stores: { store: string; outcome: string; checked: string[]; notChecked: string[] }[];
}
const verify = async (code: number, ...args: string[]): Promise<Look | undefined> =>
  (await json<{ backups: Look[] }>(code, 'verify', ...args)).backups[0];
const drill = async (code: number): Promise<Look[]> => (await json<{ backups: Look[] }>(code, 'drill')).backups;
const vault = (...names: string[]): string => join(project.directory, '.shipway/backups', ...names);

/** What proofs left at their scratch places. */
function leftovers(): string[] {
  const scratch = join(project.directory, 'scratch');
  if (!existsSync(scratch)) return [];
  return (readdirSync(scratch, { recursive: true }) as string[]).filter((name) => name.includes('proof-'));
}

test(
  'a new backup was verified and never restored; list, show, status and doctor say so',
  async () => {
    expect(await backup(0, 'list')).toMatch(/V2 \S+ ago, never by a restore/);
    const shown = await backup(0, 'show', made[0] ?? '');
    expect(shown).toContain('proven   never proven by a restore');
    expect(shown).toMatch(/look {5}V2 \S+ ago by shipway, \S+: good/);
    const concern = 'no backup was ever proven by a restore (backups.drill: every 1s)';
    expect(said(0, await project.shipway(['status']))).toContain(`shop production: ${concern}`);
    expect((await project.shipway(['doctor'])).stdout).toContain(concern);
    expect(said(0, await project.shipway(['plan', '1.0.0']))).toContain(`warning: ${concern}`);
  },
  LIMIT_MS,
);

test(
  'each level says what it looked at and what not',
  async () => {
    const id = made[0] ?? '';
    for (const level of [0, 1, 2, 3]) {
      const look = await verify(0, id, '--level', String(level));
      expect(look).toMatchObject({ id, outcome: 'pass', fault: null });
      expect(look?.stores.map(({ store }) => store)).toEqual(['data', 'database']);
      for (const { checked, notChecked } of look?.stores ?? []) {
        expect(checked.includes('the copy opens and is what was captured')).toBe(level >= 2);
        expect(notChecked.includes('it was not restored (V3)')).toBe(level < 3);
        expect(notChecked.some((clause) => clause.endsWith('(V4)'))).toBe(true);
      }
    }
    const printed = await backup(0, 'verify', id, '--level', '3', '--store', 'data');
    expect(printed).toContain('data: every part is there and has its size');
    expect(printed).toContain('1 files restored and read back: names, rights and content as captured');
    expect(printed).toContain('no version was started on the restored copy (V4)');
    expect(printed).not.toContain('database:');
    expect(await backup(0, 'list')).toMatch(new RegExp(`${id}.* V3 \\S+ ago  `));
    const started = await verify(1, id, '--level', '4');
    expect(started?.fault).toContain('the release file does not say how a version is started on a copy');
    said(2, await project.shipway(['backup', 'verify', id, '--level', '5']));
    said(1, await project.shipway(['backup', 'verify', id, '--store', 'nothing']));
    expect(words()).toEqual(['one', 'one']);
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a drill restores the newest and the one untried for the longest time, and is kept in the journal',
  async () => {
    write('two');
    const [newest, untried] = await drill(0);
    expect(newest).toMatchObject({ id: made[2], outcome: 'pass' });
    expect(untried).toMatchObject({ id: made[1], outcome: 'pass' });
    expect(newest?.seconds).toBeGreaterThan(0);
    expect(words()).toEqual(['two', 'two']);
    expect(leftovers()).toEqual([]);
    expect(await backup(0, 'list')).not.toContain('never by a restore');
    expect(await backup(0, 'show', made[2] ?? '')).toMatch(/proven {3}V3 \S+ ago, restored in \S+/);
    const kept = await project.rows<{ data: { store: string; level: number; outcome: string }; who: string }>(
      `select (entry::jsonb) -> 'data' as data, (entry::jsonb) -> 'actor' ->> 'id' as who from shipway.journal
       where type = 'backup.proven' and (entry::jsonb) -> 'data' ->> 'backup' = $1 order by index`,
      [made[2]],
    );
    expect(kept.map(({ data, who }) => [data.store, data.level, data.outcome, who])).toEqual([
      ['data', 2, 'pass', 'backups'],
      ['database', 2, 'pass', 'backups'],
      ['data', 3, 'pass', 'ana'],
      ['database', 3, 'pass', 'ana'],
    ]);
    said(0, await project.shipway(['verify']));
  },
  LIMIT_MS,
);

test(
  'a drill that meets a damaged backup fails and names it',
  async () => {
    const id = made[2] ?? '';
    const part = vault(id, 'data', 'index.jsonl');
    writeFileSync(part, 'damaged');
    const [newest, other] = await drill(1);
    expect(newest).toMatchObject({ id, outcome: 'fail' });
    expect(newest?.fault).toContain('part data/index.jsonl is truncated');
    expect(other).toMatchObject({ id: made[0], outcome: 'pass' });
    expect(await backup(0, 'list')).toContain('FAILED');
    expect(await backup(0, 'show', id)).toContain('data/index.jsonl is truncated');
    // A look that is less thorough clears nobody.
    expect((await verify(1, id, '--level', '0'))?.fault).toContain('data/index.jsonl has 7 instead of');
    rmSync(vault(id, 'manifest.json.sha256'));
    expect((await drill(1))[0]).toMatchObject({ id, outcome: 'fail', fault: 'its manifest is missing' });
    expect(words()).toEqual(['two', 'two']);
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a release that cannot be taken back restores its backup first, and stops before the deed when that fails',
  async () => {
    project.addVersion('1.0.0', 'healthy');
    await verify(0, made[0] ?? '', '--level', '3');
    const plan = said(0, await project.shipway(['plan', '1.0.0']));
    expect(plan).toContain('restore data, database from it to a scratch place and compare (V3), because "migrate up"');
    expect(plan).toMatch(/the last restore took \S+/);
    rmSync(join(project.directory, 'scratch'), { recursive: true });
    writeFileSync(join(project.directory, 'scratch'), 'no folder');
    expect(said(22, await project.release('1.0.0', [], PATIENT))).toContain('could not be proven by a restore');
    expect(existsSync(join(project.directory, 'migrated'))).toBe(false);
    rmSync(join(project.directory, 'scratch'));
    expect(said(0, await project.release('1.0.0', [], PATIENT))).toMatch(/proven in \S+/);
    expect(existsSync(join(project.directory, 'migrated'))).toBe(true);
    expect(leftovers()).toEqual([]);
    const { backups } = await json<{ backups: { reason: string; release: string; restored: object | null }[] }>(
      0,
      'list',
    );
    expect(backups.find((one) => one.release === 'r-0002')?.restored).toMatchObject({ level: 3 });
    expect(backups.find((one) => one.release === 'r-0001')?.restored).toBeNull();
  },
  LIMIT_MS,
);
