import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const SCRATCH =
  '    scratch: { env: { DATABASE_PATH: $SCRATCH_DATABASE_PATH, NOTES_PATH: $SCRATCH_NOTES_PATH, MAIL: none }, without: [data] }';
const VERIFY = `      - Public: { get: $PUBLIC/health, timeout: 2s, expect: { status: 200, json: { version: $VERSION } } }
      - Notes: { get: $PUBLIC/notes, expect: { status: 200, json: { notes: [kept] } } }
      - Words: { get: $PUBLIC/words, expect: { status: 200, json: { words: 3 } } }
      - Smoke: { run: [node, -e, ''] }`;
const TOP = `stores:
  data: { files: { paths: [data] } }
  database: { sqlite: { path: app.db } }
  notes: { files: { paths: [notes] } }`;
const LIMIT_MS = 600_000; // a dozen commands one after the other, on a machine that does other things too
const PATIENT = { limitSeconds: 300 };

let project: ServiceProject;
let file: string;

beforeAll(async () => {
  project = await createServiceProject({
    top: TOP,
    component: '            env: { DATABASE_PATH: ../../app.db, NOTES_PATH: ../../notes, MAIL: smtp }',
    watch: '',
    verify: VERIFY,
    environment: `    env-file: .env\n${SCRATCH}`,
  });
  project.write('.env', `PUBLIC=http://127.0.0.1:${project.port}\n`);
  project.write('data/a.txt', 'a');
  project.write('notes/kept', 'dear reader');
  file = project.read('shipway.yaml');
  change("CREATE TABLE t(word); INSERT INTO t VALUES ('a'), ('b'), ('c')");
  project.addVersion('1.0.0', 'reads-sqlite');
  said(0, await project.release('1.0.0', [], PATIENT));
}, LIMIT_MS);
afterAll(() => project.remove());

function change(sql: string): void {
  const database = new Database(join(project.directory, 'app.db'));
  database.exec(sql);
  database.close();
}

const backup = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['backup', ...args], PATIENT));
const createBackup = async (): Promise<string> =>
  (JSON.parse(await backup(0, 'create', '--json')) as { backup: { id: string } }).backup.id;

interface Look {
  outcome: string;
  fault: string | null;
  stores: { store: string; checked: string[]; notChecked: string[] }[];
}
async function start(code: number, id: string): Promise<Look> {
  const ended = await project.shipway(['backup', 'verify', id, '--level', '4', '--json'], PATIENT);
  said(code, ended);
  const [look] = (JSON.parse(ended.stdout) as { backups: Look[] }).backups;
  if (look === undefined) throw new Error('no backup was looked at');
  return look;
}

/** Programs that were led to a copy. */
function running(): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${project.directory}/.shipway/scratch`)
      );
    } catch {
      return false; // ended meanwhile
    }
  }).length;
}

function leftovers(): string[] {
  const folder = join(project.directory, '.shipway/scratch/starts');
  return existsSync(folder) ? readdirSync(folder) : [];
}

test(
  'the version of then is started on the restored data and asked what verify asks; the live service does not notice',
  async () => {
    const id = await createBackup();
    change("INSERT INTO t VALUES ('later')"); // the live service would answer 4
    project.write('notes/later', 'dear writer');
    const look = await start(0, id);
    change("DELETE FROM t WHERE word = 'later'");
    rmSync(join(project.directory, 'notes/later'));
    expect(look).toMatchObject({ outcome: 'pass', fault: null });
    expect(look.stores.map(({ store }) => store)).toEqual(['data', 'database', 'notes']);
    const [{ checked, notChecked } = { checked: [], notChecked: [] }] = look.stores;
    expect(checked).toContain('the version of then runs on it');
    expect(checked).toContain('1.0.0 was started on it');
    expect(checked.find((clause) => clause.startsWith('Words: '))).toContain('GET /words 200');
    expect(checked.find((clause) => clause.startsWith('Notes: '))).toContain('GET /notes 200');
    expect(notChecked.join()).toContain('"Smoke" of verify, which may ask the live service');
    expect(await backup(0, 'list')).toMatch(new RegExp(`${id}.* V4 \\S+ ago`));
    expect(await backup(0, 'show', id)).toMatch(/proven {3}V4 \S+ ago/);
    expect(await project.publicVersion()).toBe('1.0.0');
    expect(said(0, await project.shipway(['status']))).not.toContain('scratch');
    expect(leftovers()).toEqual([]);
    said(0, await project.shipway(['verify']));
  },
  LIMIT_MS,
);

test(
  'data on which the version does not work fails, though it was restored as it was captured; what the version wrote is told',
  async () => {
    change('ALTER TABLE t RENAME TO words');
    const id = await createBackup();
    change('ALTER TABLE words RENAME TO t');
    const look = await start(1, id);
    expect(look.outcome).toBe('fail');
    expect(look.fault).toMatch(/^data: Words: GET \S+ 500[\s\S]*its last output:\n {2}no such table: t/);
    expect(await backup(0, 'list')).toContain('FAILED');
    expect(await backup(0, 'show', id)).toMatch(/look {5}V3 .*: good/);
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test.each([
  ['nothing is declared', (text: string) => text.replace(SCRATCH, ''), 'Write scratch: { env: {'],
  [
    'a store is not led to a copy',
    (text: string) => text.replace(', without: [data]', ''),
    'nothing leads the version to the copy of "data", so it would open the live data',
  ],
  [
    'the program is not told by the variable',
    (text: string) => text.replace('{ DATABASE_PATH: $SCR', '{ OTHER: $SCR'),
    'no component (api) is given OTHER in a release',
  ],
])(
  'it is not started where it could open live data, and the answer says what to write: %s',
  async (_, edit, message) => {
    const id = await createBackup();
    project.write('shipway.yaml', edit(file));
    try {
      const look = await start(1, id);
      expect(look.outcome).toBe('could-not-measure');
      expect(look.fault).toContain(message);
    } finally {
      project.write('shipway.yaml', file);
    }
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'another variable that still leads to the live data is found before anything is started',
  async () => {
    project.addVersion('1.0.1', 'reads-sqlite');
    project.write('shipway.yaml', file.replace('MAIL: smtp', 'BACKUP_OF: ../../app.db, MAIL: smtp'));
    said(0, await project.release('1.0.1', [], PATIENT));
    const look = await start(1, await createBackup());
    project.write('shipway.yaml', file);
    expect(look.outcome).toBe('could-not-measure');
    expect(look.fault).toContain('api would be led to the live data of "database" by BACKUP_OF');
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a program that opens the live file all the same is ended, and that is told',
  async () => {
    const live = join(project.directory, 'app.db');
    project.addVersion('1.1.0', 'reads-sqlite', { OPENS: live });
    said(0, await project.release('1.1.0', [], PATIENT));
    const look = await start(1, await createBackup());
    expect(look.outcome).toBe('could-not-measure');
    expect(look.fault).toContain(`the version opened the LIVE data of "database" (${live}); it was ended`);
    expect(leftovers()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'what a killed one left, the program too, is ended and removed by the next; a drill starts versions where it is asked to',
  async () => {
    project.addVersion('1.2.0', 'reads-sqlite');
    said(0, await project.release('1.2.0', [], PATIENT));
    const id = await createBackup();
    project.write('gaps/do', 'kill');
    project.write('gaps/at', '["scratch.started"]');
    const environment = { SHIPWAY_GAPS: join(project.directory, 'gaps') };
    const killed = await project.shipway(['backup', 'verify', id, '--level', '4'], { ...PATIENT, environment });
    expect(killed.signal).toBe('SIGKILL');
    expect(leftovers()).toHaveLength(1);
    expect(running()).toBe(1);
    const asked = file.replace(
      'environments:',
      "backups: { drill: { every: 'every 7 days', level: 4 } }\nenvironments:",
    );
    project.write('shipway.yaml', asked);
    expect(await backup(0, 'drill', '--dry-run')).toContain(`would restore ${id} and start its version on it`);
    const drilled = await project.shipway(['backup', 'drill', '--json'], PATIENT);
    const report = JSON.parse(drilled.stdout) as { level: number; backups: { id: string; outcome: string }[] };
    expect(report.level).toBe(4);
    expect(report.backups[0]).toMatchObject({ id, outcome: 'pass' });
    expect(leftovers()).toEqual([]);
    expect(running()).toBe(0);
    said(2, await project.shipway(['backup', 'verify', id, '--level', '4', '--store', 'data']));
    said(2, await project.shipway(['backup', 'drill', '--level', '2']));
  },
  LIMIT_MS,
);
