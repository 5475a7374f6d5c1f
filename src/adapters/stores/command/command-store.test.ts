import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import type { Capture, Store } from '../store.ts';
import { describeStore, IN_PROJECT_FILES, touchFile } from '../store.suite.ts';
import { openCommandStore } from './command-store.ts';
import { commandStoreSettings } from './settings.ts';

const TOOL = [process.execPath, resolve('test/fixtures/stores/words-store.mjs')];
const SERVER_TOOL = [process.execPath, resolve('test/fixtures/stores/words-server.mjs')];
const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };
const WORDS = {
  backup: [...TOOL, 'backup'],
  restore: [...TOOL, 'restore'],
  check: [...TOOL, 'check'],
  fingerprint: [...TOOL, 'fingerprint'],
  size: [...TOOL, 'size'],
  'ends-with': { file: 'dump.txt', text: '-- end of the dump' },
  path: 'data',
};
const SERVER = {
  backup: [...SERVER_TOOL, 'backup'],
  restore: [...SERVER_TOOL, 'restore'],
  check: [...SERVER_TOOL, 'check'],
  swap: [...SERVER_TOOL, 'swap'],
  'swap-back': [...SERVER_TOOL, 'swap-back'],
  discard: [...SERVER_TOOL, 'discard'],
};

function writeWords(project: string, word: string): void {
  mkdirSync(join(project, 'data'), { recursive: true });
  writeFileSync(join(project, 'data/words.txt'), `${word}\n`.repeat(ROWS[word] ?? 0));
  writeFileSync(join(project, 'data/count.txt'), String(ROWS[word]));
}

function readWords(project: string): string | null {
  if (!existsSync(join(project, 'data'))) return null;
  const lines = readFileSync(join(project, 'data/words.txt'), 'utf8').trimEnd().split('\n');
  const [word] = lines;
  if (new Set(lines).size !== 1 || lines.length !== ROWS[word ?? '']) throw new Error(`mixed: ${lines.join()}`);
  return word ?? null;
}

describeStore({
  kind: 'command',
  place: {
    ...IN_PROJECT_FILES,
    names: async (project) => (await IN_PROJECT_FILES.names(project)).filter((name) => !name.startsWith('.shipway')),
  },
  settings: commandStoreSettings.parse(WORDS),
  touchStaged: touchFile,
  copyFile: 'data/dump.txt',
  hasGap: true,
  write: writeWords,
  read: readWords,
});

describe('a store of kind command', () => {
  let project: string;
  let copy: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-command-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    writeWords(project, 'old');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));
  const open = (change: Record<string, unknown> = {}): Store =>
    openCommandStore(commandStoreSettings.parse({ ...WORDS, ...change }), { projectDirectory: project });
  const withFault = (fault: string, change: Record<string, unknown> = {}): Store =>
    open({ env: { FAULT: fault }, ...change });
  const capture = (store: Store): Promise<Capture> => store.capture(copy, createEffect(project));

  it.each([
    ['fails', 'backup failed with exit code 3; it printed last:\n  the database is not reachable'],
    ['nothing', 'backup ended with success and wrote no file, at least 1 are expected'],
    ['cut', 'dump.txt does not end with "-- end of the dump": it ends with "old"'],
    ['link', 'passwd of the copy is neither file nor folder'],
    ['restores half', 'check failed with exit code 3; it printed last:\n  25 words instead of 50'],
    ['size', 'size printed "many" as its last line'],
  ])('refuses a backup that went wrong: %s', async (fault, message) => {
    await expect(capture(withFault(fault))).rejects.toMatchObject({ kind: 'backup-failed', message });
    expect(readScratch(project)).toEqual([]);
  });

  it('would have taken the cut dump for a backup without the end marker, had its restore not failed', async () => {
    await expect(capture(withFault('cut', { 'ends-with': undefined }))).rejects.toThrow('the dump has no end');
    const believing = withFault('cut', {
      'ends-with': undefined,
      restore: ['true'],
      check: ['true'],
      fingerprint: undefined,
    });
    expect((await capture(believing)).counters).toEqual({ bytes: 100, files: 1 });
  });

  it('refuses a copy below the size that is expected', async () => {
    await expect(capture(open({ 'at-least': '1KB' }))).rejects.toThrow('wrote 220 bytes, at least 1000 are expected');
  });

  it('finds the marker by a regular expression, and names the one it missed', async () => {
    expect((await capture(open({ 'ends-with': { file: 'dump.txt', matches: '^-- end' } }))).counters['files']).toBe(1);
    const missed = open({ 'ends-with': { file: 'other.txt', matches: '^-- end' } });
    await expect(capture(missed)).rejects.toThrow(
      'other.txt does not end with /^-- end/: the file is empty or missing',
    );
  });

  it('stops a backup at its limit, and everything it started', async () => {
    const hanging = withFault('hangs', { timeout: '500ms' });
    await expect(hanging.capture(copy, createEffect(project, { token: 'hang/s/1' }))).rejects.toMatchObject({
      kind: 'backup-failed',
      message: expect.stringContaining('backup did not end within 0.5 s and was stopped') as string,
    });
    expect(findByEnvironment('SHIPWAY_STEP', (token) => token === 'hang/s/1')).toEqual([]);
  });

  it('keeps what the command wrote readable by this user alone', async () => {
    await capture(open());
    expect(statSync(join(copy, 'data/dump.txt')).mode & 0o777).toBe(0o600);
    expect(statSync(join(copy, 'data')).mode & 0o777).toBe(0o700);
  });

  it('stages nothing when the data does not pass its check, and leaves the live data alone', async () => {
    const found = await capture(open());
    await expect(withFault('restores half').stage(copy, found, 'bk_1', createEffect(project))).rejects.toMatchObject({
      kind: 'restore-failed',
      message: 'check failed with exit code 3; it printed last:\n  25 words instead of 50',
    });
    expect(readdirSync(project).sort()).toEqual(['.copy', '.shipway', 'data']);
  });

  it('compares the files of the copy where there is no command for a fingerprint', async () => {
    const plain = open({ fingerprint: undefined });
    const found = await capture(plain);
    expect(found.fingerprint).toMatch(/^command-files-1:[0-9a-f]{64}$/);
    await plain.verify(copy, found, createEffect(project));
    expect(await plain.changesSince(found, createEffect(project))).toEqual({ contentDiffers: null });
  });

  it('tells equal sizes with another content apart', async () => {
    const store = open();
    const found = await capture(store);
    expect(await store.changesSince(found, createEffect(project))).toEqual({ contentDiffers: false });
    writeFileSync(join(project, 'data/words.txt'), 'odd\n'.repeat(50));
    expect(await store.changesSince(found, createEffect(project))).toEqual({ contentDiffers: true });
  });

  it('says what is missing when it cannot put data in place, and still restores into a folder', async () => {
    const store = open({ path: undefined });
    const found = await capture(store);
    await expect(store.stage(copy, found, 'bk_1', createEffect(project))).rejects.toMatchObject({
      message: 'this store has no way to put restored data in place',
      next: expect.stringContaining('Declare `path`, or `swap`, `swap-back` and `discard`') as string,
    });
    mkdirSync(join(project, 'elsewhere'));
    await store.extract(copy, found, join(project, 'elsewhere'), createEffect(project));
    expect(readFileSync(join(project, 'elsewhere/count.txt'), 'utf8')).toBe('50');
  });

  it.each([
    [{ swap: ['true'] }, 'belongs to another way of restoring'],
    [{ path: undefined, swap: ['true'], discard: ['true'] }, 'belongs to another way of restoring'],
    [{ 'ends-with': { file: 'a' } }, 'needs text or matches'],
    [{ 'ends-with': { file: 'a', matches: '(' } }, 'is not a regular expression'],
  ])('refuses settings that contradict themselves: %j', (change, message) => {
    expect(() => commandStoreSettings.parse({ ...WORDS, ...change })).toThrow(message);
  });
});

it('a copy is tried in the scratch folder that the release file names', async () => {
  const project = mkdtempSync(join(tmpdir(), 'shipway-command-'));
  try {
    writeWords(project, 'old');
    const [copy, scratch] = [join(project, '.copy'), join(project, 'elsewhere')];
    mkdirSync(copy);
    const store = openCommandStore(commandStoreSettings.parse(WORDS), { projectDirectory: project, scratch });
    await store.verify(copy, await store.capture(copy, createEffect(project)), createEffect(project));
    expect(readdirSync(scratch)).not.toEqual([]);
    expect(existsSync(join(project, '.shipway/scratch'))).toBe(false);
  } finally {
    rmSync(project, { recursive: true });
  }
});

function readScratch(project: string): string[] {
  const folder = join(project, '.shipway/scratch');
  if (!existsSync(folder)) return [];
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => /proof-/.test(name));
}

describe('a store of kind command whose data is swapped by commands', () => {
  let project: string;
  let copy: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-command-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    mkdirSync(join(project, 'server'));
    writeFileSync(join(project, 'server/live.txt'), 'old');
    writeFileSync(join(project, 'server/current'), 'live');
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));
  const settings = (change: Record<string, unknown> = {}) => commandStoreSettings.parse({ ...SERVER, ...change });
  const open = (change: Record<string, unknown> = {}): Store =>
    openCommandStore(settings(change), { projectDirectory: project });
  const effect = () => createEffect(project);
  const inUse = (): string =>
    readFileSync(join(project, 'server', `${readFileSync(join(project, 'server/current'), 'utf8')}.txt`), 'utf8');
  const sets = (): string[] =>
    readdirSync(join(project, 'server'))
      .filter((name) => name.endsWith('.txt'))
      .sort();
  const stageOld = async (store: Store) => {
    const found = await store.capture(copy, effect());
    writeFileSync(join(project, 'server/live.txt'), 'new');
    return store.stage(copy, found, 'bk_1', effect());
  };

  it('swaps, swaps back and discards, each twice without harm', async () => {
    const store = open();
    const staged = await stageOld(store);
    expect([inUse(), sets()]).toEqual(['new', ['live.txt', 'r_bk_1.txt']]);
    const record = await store.swap(staged, effect());
    expect(await store.swap(staged, effect())).toEqual(record);
    expect(inUse()).toBe('old');
    await store.swapBack(record, effect());
    await store.swapBack(record, effect());
    expect(inUse()).toBe('new');
    await store.discard(record, effect());
    await store.discard(record, effect());
    expect([inUse(), sets()]).toEqual(['new', ['live.txt']]);
  });

  it('keeps the replaced data until it is discarded', async () => {
    const store = open();
    const record = await store.swap(await stageOld(store), effect());
    expect(sets()).toEqual(['live.txt', 'r_bk_1.txt']);
    await store.discard(record, effect());
    expect([inUse(), sets()]).toEqual(['old', ['r_bk_1.txt']]);
  });

  it('unstages what was not swapped in', async () => {
    const store = open();
    const staged = await stageOld(store);
    await store.unstage(staged, effect());
    expect([inUse(), sets()]).toEqual(['new', ['live.txt']]);
  });

  it('undoes a swap that failed', async () => {
    const staged = await stageOld(open());
    const journal = staged.place.replace('.restore-', '.swap-');
    const broken = open({ swap: ['false'] });
    await expect(broken.swap(staged, effect())).rejects.toMatchObject({ kind: 'restore-failed' });
    expect(readFileSync(`${journal}.json`, 'utf8')).toContain('"swapping"');
    await broken.swapBack({ keptAt: staged.place.replace('.restore-', '.replaced-') }, effect());
    expect(inUse()).toBe('new');
  });

  it.each(['stores.command.swapping', 'stores.command.swapped'])(
    'killed at %s, finishes by swapping again, or goes back',
    async (gapName) => {
      const store = open();
      const staged = await stageOld(store);
      const act = {
        kind: 'command',
        settings: settings(),
        projectDirectory: project,
        act: { name: 'swap', place: staged.place },
      };
      const end = await runGapped('test/fixtures/processes/store-act.ts', act, gapName);
      expect(end.signal, end.stderr).toBe('SIGKILL');
      expect(['old', 'new']).toContain(inUse());
      const record = await store.swap(staged, effect());
      expect(inUse()).toBe('old');
      await store.swapBack(record, effect());
      expect(inUse()).toBe('new');
    },
  );
});
