import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import {
  judgeOwnersCopy,
  OWNER,
  ownerOf,
  queryDuckdb,
  runOwnerAct,
  startOwner,
  type Owner,
} from '../../../../test/support/duckdb-owner.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { storeKinds } from '../index.ts';
import type { Store } from '../store.ts';
import { duckdbSettings } from './settings.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // each starts processes that load the engine
const COPIES = 3;

let project: string;
let copy: string;
let live: string;
const makeProject = (): void => {
  project = mkdtempSync(join(tmpdir(), 'shipway-duckdb-'));
  live = join(project, 'app.duckdb');
};
const removeProject = async (owner: Owner | null): Promise<void> => {
  await owner?.end();
  if (existsSync(`${live}.owner.json`)) await runOwnerAct('stop', live);
  rmSync(project, { recursive: true, force: true });
};
beforeEach(() => {
  copy = join(project, '.copy');
  mkdirSync(copy);
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));
const open = (settings: object = {}): Store =>
  storeKinds.duckdb.open(duckdbSettings.parse({ path: 'app.duckdb', ...settings }), { projectDirectory: project });
/** A clock on which every wait takes five seconds: a limit is reached by the clock, not by the test. */
const hurried = () => {
  let now = 0;
  return { speed: 1, nowMs: () => now, sleep: () => Promise.resolve(void (now += 5000)) };
};
const besideLive = (): string[] => readdirSync(project).filter((name) => name.includes('.shipway-'));
const BY_COMMAND = { 'copy-with': [process.execPath, OWNER, 'copy', '$DATABASE'] };
const BY_COMMANDS_AROUND = {
  stop: [process.execPath, OWNER, 'stop', '$DATABASE'],
  start: [process.execPath, OWNER, 'start', '$DATABASE'],
};

describe('a database that another process holds and writes', () => {
  let owner: Owner;
  beforeAll(async () => {
    makeProject();
    owner = await startOwner(live);
  });
  afterAll(() => removeProject(owner));

  it('is lost in part by cp, whose copies open without a word', async () => {
    const verdicts: (string | null)[] = [];
    for (let trial = 0; trial < COPIES; trial += 1) {
      const committed = await owner.committed();
      const plain = join(project, `plain-${trial}.duckdb`);
      copyFileSync(live, plain);
      verdicts.push(await judgeOwnersCopy(plain, committed));
      await waitUntil('the owner to go on', async () => (await owner.committed()) > committed);
    }
    expect(verdicts).toContain('lacks committed rounds');
  });

  it('cannot be opened by a second process, not even for reading', async () => {
    await expect(queryDuckdb(live, 'SELECT 1')).rejects.toThrow('Conflicting lock is held');
  });

  it.each([
    ['a command', () => BY_COMMAND],
    ['a request', () => ({ 'copy-with': { post: owner.address } })],
  ])('is copied whole by its owner, asked by %s', async (_, settingsFor) => {
    const store = open(settingsFor());
    const verdicts: (string | null)[] = [];
    for (let trial = 0; trial < COPIES; trial += 1) {
      const committed = await owner.committed();
      const found = await store.capture(copy, createEffect(project));
      await store.verify(copy, found, createEffect(project));
      expect(found.counters['accounts']).toBe(10_000);
      verdicts.push(await judgeOwnersCopy(join(copy, 'database.duckdb'), committed));
      await waitUntil('the owner to go on', async () => (await owner.committed()) > committed);
    }
    expect(verdicts).toEqual(Array.from({ length: COPIES }, () => null));
    expect(besideLive()).toEqual([]);
  });

  it('has its service started again when the copy fails', async () => {
    const settings = { stop: ['true'], start: ['sh', '-c', 'echo started >> acts.txt'] };
    await expect(open(settings).capture(copy, createEffect(project, { clock: hurried() }))).rejects.toThrow(
      'in use by',
    );
    expect(readFileSync(join(project, 'acts.txt'), 'utf8')).toBe('started\n');
  });

  it('has its service started without the mark of a step, by which it would be ended with what the step left', async () => {
    const settings = { stop: ['true'], start: ['sh', '-c', 'env > environment.txt'] };
    const effect = createEffect(project, { clock: hurried(), token: 'r-1/backup/1' });
    await expect(open(settings).capture(copy, effect)).rejects.toThrow('in use by');
    expect(readFileSync(join(project, 'environment.txt'), 'utf8')).not.toContain('r-1/backup');
  });

  it('is refused with the name of the holder and the ways out when no way is declared', async () => {
    const refused = open().capture(copy, createEffect(project, { clock: hurried() }));
    await expect(refused).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringMatching(
        new RegExp(`in use by \\S+ \\(PID ${owner.pid}\\), and only its owner can copy it meanwhile$`),
      ) as string,
      next: expect.stringMatching(/"copy-with".+"stop" and "start"/) as string,
    });
    expect(readdirSync(copy)).toEqual([]);
  });

  it.each([
    [
      'refuses by command',
      '',
      { ...BY_COMMAND, env: { HOW: 'fail' } },
      /the copy-with command failed with exit code 1[^]+no room for a copy/,
    ],
    ['refuses', 'fail', null, /answered 500 when it was asked for a copy: no room for a copy$/],
    ['says that it is done and has done nothing', 'lie', null, /there is none$/],
    ['keeps the copy open', 'hold', null, /the copy is still open in .+PID/],
    ['copies something else', '', { 'copy-with': ['cp', '/etc/passwd', '$OUT'] }, /is not a DuckDB database$/],
    [
      'copies nothing',
      '',
      { 'copy-with': ['cp', 'empty.duckdb', '$OUT'] },
      /has no table, the database has \d+ bytes$/,
    ],
  ])('is not taken for copied when its owner %s', async (_, how, settings, message) => {
    await queryDuckdb(join(project, 'empty.duckdb'), 'SELECT 1');
    const refused = open(settings ?? { 'copy-with': { post: `${owner.address}?${how}` } }).capture(
      copy,
      createEffect(project),
    );
    await expect(refused).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringMatching(message) as string,
    });
    expect(readdirSync(copy)).toEqual([]);
    expect(besideLive()).toEqual([]);
  });

  it('leaves nothing behind when the copy is aborted', async () => {
    const aborter = new AbortController();
    const store = open({ 'copy-with': ['sh', '-c', 'touch $OUT begun; exec sleep 600'] });
    const capture = store.capture(copy, createEffect(project, { signal: aborter.signal }));
    await waitUntil('the copy to begin', () => existsSync(join(project, 'begun')));
    aborter.abort();
    await expect(capture).rejects.toThrow(/abort/i);
    expect([...readdirSync(copy), ...besideLive()]).toEqual([]);
  });

  it('is counted through its owner, and with nobody to ask the holder is named', async () => {
    const asking = open({ 'copy-with': { post: owner.address } });
    const found = await asking.capture(copy, createEffect(project));
    await waitUntil('a round more', async () => (await owner.committed()) > (found.counters['rounds'] ?? 0));
    expect(await asking.changesSince(found, createEffect(project))).toMatchObject({
      tables: { rounds: { captured: found.counters['rounds'] } },
      contentDiffers: true,
    });
    expect(await open().changesSince(found, createEffect(project))).toEqual({
      tables: {},
      contentDiffers: null,
      heldBy: expect.stringContaining(`PID ${owner.pid}`) as string,
    });
    expect(besideLive()).toEqual([]);
  });
});

describe('a database whose service ends', () => {
  let owner: Owner | null = null;
  beforeAll(makeProject);
  afterEach(async () => {
    await removeProject(owner);
    owner = null;
    makeProject();
  });
  afterAll(() => removeProject(null));

  it('is copied while its service is stopped, which runs again afterwards', async () => {
    await runOwnerAct('start', live);
    await waitUntil('the service to write', async () => (await ownerOf(live).committed()) > 5);
    const { pid } = ownerOf(live);
    const committed = await ownerOf(live).committed();
    await open(BY_COMMANDS_AROUND).capture(copy, createEffect(project));
    expect(await judgeOwnersCopy(join(copy, 'database.duckdb'), committed)).toBeNull();
    expect(ownerOf(live).pid).not.toBe(pid);
    await waitUntil('the service to write again', async () => (await ownerOf(live).committed()) > committed);
    expect(readdirSync(join(project, '.shipway/paused'))).toEqual([]);
  });

  it('has its service started again after an attempt that was killed while it was stopped', async () => {
    await runOwnerAct('start', live);
    const settings = duckdbSettings.parse({ path: 'app.duckdb', ...BY_COMMANDS_AROUND });
    const act = { kind: 'duckdb', settings, projectDirectory: project, act: { name: 'capture', folder: copy } };
    const end = await runGapped('test/fixtures/processes/store-act.ts', act, 'stores.duckdb.paused');
    expect(end.signal, end.stderr).toBe('SIGKILL');
    expect(existsSync(`${live}.owner.json`)).toBe(false);
    await open(BY_COMMANDS_AROUND).capture(copy, createEffect(project));
    await waitUntil('the service to write', async () => (await ownerOf(live).committed()) > 5);
  });

  it('is told to be stopped when its service could not be started again', async () => {
    owner = await startOwner(live);
    const settings = { stop: BY_COMMANDS_AROUND.stop, start: ['sh', '-c', 'echo no port; exit 3'] };
    await expect(open(settings).capture(copy, createEffect(project))).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringMatching(
        /was not started again: the start command failed with exit code 3.+\n.+no port/,
      ) as string,
      next: 'Start it by hand: sh -c echo no port; exit 3',
    });
  });

  it('waits for a holder that is about to end', async () => {
    const ending = await startOwner(live);
    owner = ending;
    const clock = { ...hurried(), sleep: () => ending.end() };
    const found = await open({ pause: 'none' }).capture(copy, createEffect(project, { clock }));
    expect(found.counters['accounts']).toBe(10_000);
  });

  it('is not exchanged under its owner, whose log would be written beside the restored data', async () => {
    owner = await startOwner(live);
    const store = open({ 'copy-with': { post: owner.address } });
    const found = await store.capture(copy, createEffect(project));
    const staged = await store.stage(copy, found, 'bk', createEffect(project));
    await expect(store.swap(staged, createEffect(project, { clock: hurried() }))).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining(`PID ${owner.pid}`) as string,
    });
    await owner.end();
    await store.swap(staged, createEffect(project));
    expect(await queryDuckdb(live, 'SELECT count(*) FROM rounds')).toEqual([BigInt(found.counters['rounds'] ?? 0)]);
  });
});

describe('a database that nobody holds', () => {
  beforeAll(async () => {
    makeProject();
    await queryDuckdb(live, 'CREATE TABLE t AS SELECT 1');
  });
  afterAll(() => removeProject(null));

  it('is copied without stopping, starting or asking anybody', async () => {
    const note = (act: string): string[] => ['sh', '-c', `echo ${act} >> acts.txt`];
    await open({ stop: note('stop'), start: note('start') }).capture(copy, createEffect(project));
    await open({ 'copy-with': note('ask') }).capture(copy, createEffect(project));
    expect(existsSync(join(project, 'acts.txt'))).toBe(false);
  });

  it('is not taken for copied when it was written meanwhile, by somebody whose lock is not seen here', async () => {
    let asked = 0;
    const nowMs = (): number => {
      asked += 1;
      utimesSync(live, asked, asked);
      return asked;
    };
    const effect = createEffect(project, { clock: { ...hurried(), nowMs } });
    await expect(open().capture(copy, effect)).rejects.toThrow('was written while it was copied');
    expect(readdirSync(copy)).toEqual([]);
  });
});

describe('COPY FROM DATABASE', () => {
  beforeAll(makeProject);
  afterAll(() => removeProject(null));

  it('fails on a foreign key, and leaves a database without tables that opens: why an empty copy is refused', async () => {
    await queryDuckdb(live, 'CREATE TABLE p(id INT PRIMARY KEY)', 'CREATE TABLE f(p INT REFERENCES p(id))');
    await queryDuckdb(live, 'INSERT INTO p VALUES (1)', 'INSERT INTO f VALUES (1)');
    const out = join(project, 'out.duckdb');
    await expect(queryDuckdb(live, `ATTACH '${out}' AS o`, 'COPY FROM DATABASE app TO o')).rejects.toThrow(
      'foreign key',
    );
    expect(await queryDuckdb(out, 'SELECT count(*) FROM duckdb_tables()')).toEqual([0n]);
  });
});
