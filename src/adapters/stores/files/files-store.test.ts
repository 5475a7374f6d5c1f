import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { storeKinds } from '../index.ts';
import { describeStore, IN_PROJECT_FILES, touchFile } from '../store.suite.ts';
import type { FilesSettings } from './settings.ts';
import { parseIndex } from './file-index.ts';
import { matchGlobs } from './match-glob.ts';

const FILES = 12;

describeStore({
  kind: 'files',
  place: IN_PROJECT_FILES,
  hasGap: true,
  settings: { paths: ['uploads', 'other'], exclude: [] },
  touchStaged: touchFile,
  copyFile: 'files.tar',
  write: (project, word) => {
    for (const folder of ['uploads/a', 'other']) {
      mkdirSync(join(project, folder), { recursive: true });
      for (let n = 0; n < FILES; n += 1) writeFileSync(join(project, folder, `${n}.txt`), word);
      // A file that only this state has: it must not survive in the other.
      for (const name of readdirSync(join(project, folder)))
        if (name.startsWith('only-')) rmSync(join(project, folder, name));
      writeFileSync(join(project, folder, `only-${word}`), word);
    }
  },
  read: (project) => {
    const words = ['uploads/a', 'other'].map((folder) => readState(join(project, folder)));
    // Two paths are two renames: between them each is whole, but they may be of different states.
    const present = words.filter((word) => word !== null);
    return present.length < 2 ? null : present[0] === present[1] ? (present[0] ?? null) : null;
  },
});

function readState(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const names = readdirSync(folder);
  const words = new Set(names.map((name) => readFileSync(join(folder, name), 'utf8')));
  const [word] = words;
  if (words.size !== 1 || names.length !== FILES + 1 || !names.includes(`only-${word}`))
    throw new Error(`mixed: ${names.join()}`);
  return word ?? null;
}

describe('a store of files', () => {
  let project: string;
  let copy: string;
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-files-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
    mkdirSync(join(project, 'uploads'));
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));
  const open = (settings: Partial<FilesSettings> = {}): ReturnType<typeof storeKinds.files.open> =>
    storeKinds.files.open({ paths: ['uploads'], exclude: [], ...settings }, { projectDirectory: project });
  const restored = async (settings?: Partial<FilesSettings>): Promise<string> => {
    const store = open(settings);
    const effect = createEffect(project);
    const capture = await store.capture(copy, effect);
    return (await store.stage(copy, capture, 'bk', effect)).place;
  };

  it('keeps rights, times, empty folders, links, long names and empty files', async () => {
    const long = `${'n'.repeat(180)}-ü.txt`;
    mkdirSync(join(project, 'uploads/empty'));
    writeFileSync(join(project, 'uploads', long), 'x');
    writeFileSync(join(project, 'uploads/nothing'), '', { mode: 0o640 });
    writeFileSync(join(project, 'uploads/run.sh'), 'hi');
    chmodSync(join(project, 'uploads/run.sh'), 0o755);
    chmodSync(join(project, 'uploads/empty'), 0o500);
    utimesSync(join(project, 'uploads/run.sh'), 1_000_000_000.123, 1_000_000_000.123);
    symlinkSync('run.sh', join(project, 'uploads/link'));
    const place = await restored();
    expect(readdirSync(place)).toEqual(readdirSync(join(project, 'uploads')));
    expect(readFileSync(join(place, long), 'utf8')).toBe('x');
    expect(statSync(join(place, 'run.sh')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(place, 'run.sh')).mtimeMs).toBeCloseTo(1_000_000_000_123, -1);
    expect(statSync(join(place, 'empty')).mode & 0o7777).toBe(0o500);
    expect(statSync(join(place, 'nothing')).mode & 0o7777).toBe(0o640);
    expect(readlinkSync(join(place, 'link'))).toBe('run.sh');
  });

  it('writes an archive that the tar of the system reads', async () => {
    writeFileSync(join(project, 'uploads', `${'d'.repeat(120)}`), 'long');
    symlinkSync('x', join(project, 'uploads/link'));
    await restored();
    const listed = execFileSync('tar', ['-tf', join(copy, 'files.tar')], { encoding: 'utf8' });
    expect(listed.trim().split('\n')).toEqual(['uploads/', `uploads/${'d'.repeat(120)}`, 'uploads/link']);
  });

  it('stores a link that leaves the tree as a link, says so, and reads nothing through it', async () => {
    writeFileSync(join(project, 'secret'), 'do not copy');
    symlinkSync(join(project, 'secret'), join(project, 'uploads/out'));
    const effect = createEffect(project);
    const capture = await open().capture(copy, effect);
    expect(effect.lines.join()).toMatch(
      /uploads\/out is a link to .*: the link is in the backup, what it leads to is not/,
    );
    expect(readFileSync(join(copy, 'files.tar')).includes('do not copy')).toBe(false);
    const { place } = await open().stage(copy, capture, 'bk', effect);
    expect(lstatSync(join(place, 'out')).isSymbolicLink()).toBe(true);
  });

  it('leaves out pipes with a note', async () => {
    execFileSync('mkfifo', [join(project, 'uploads/pipe')]);
    const effect = createEffect(project);
    const capture = await open().capture(copy, effect);
    expect(effect.lines).toEqual(['uploads/pipe is a socket, pipe or device and is not in the backup']);
    expect(capture.counters).toMatchObject({ files: 0, directories: 1 });
  });

  it('leaves out what the settings exclude', async () => {
    mkdirSync(join(project, 'uploads/cache'));
    writeFileSync(join(project, 'uploads/cache/x'), '1');
    writeFileSync(join(project, 'uploads/a.tmp'), '1');
    writeFileSync(join(project, 'uploads/a.txt'), '1');
    const place = await restored({ paths: ['uploads'], exclude: ['*.tmp', 'uploads/cache'] });
    expect(readdirSync(place)).toEqual(['a.txt']);
  });

  it('names a file that changes during every read as torn, and captures it once it rests', async () => {
    const log = join(project, 'uploads/log');
    writeFileSync(log, 'x'.repeat(100));
    let changes = 0;
    // The pause between two tries is when this writer writes: the next read must notice or be clean.
    const busy = createEffect(project);
    const timer = setInterval(() => {
      appendFileSync(log, 'y'.repeat(1000));
      changes += 1;
    }, 0);
    writeFileSync(log, Buffer.alloc(64 * 1024 * 1024));
    try {
      await expect(open().capture(copy, busy)).rejects.toThrow(
        'uploads/log is torn: it changed during each of 4 reads',
      );
    } finally {
      clearInterval(timer);
    }
    expect(changes).toBeGreaterThan(0);
    await open().verify(copy, await open().capture(copy, busy), busy);
  });

  it('replaces the tree: a file created since does not survive, unlike with tar over a live folder', async () => {
    writeFileSync(join(project, 'uploads/old'), 'old');
    const store = open();
    const effect = createEffect(project);
    const capture = await store.capture(copy, effect);
    writeFileSync(join(project, 'uploads/created-since'), 'new');
    execFileSync('tar', ['-xf', join(copy, 'files.tar'), '-C', project]);
    expect(existsSync(join(project, 'uploads/created-since')), 'control: tar leaves it').toBe(true);
    await store.swap(await store.stage(copy, capture, 'bk', effect), effect);
    expect(readdirSync(join(project, 'uploads'))).toEqual(['old']);
  });

  it.each([
    ['..', 'leaves the folder'],
    ['/etc/passwd', 'leaves the folder'],
    ['uploads/../../x', 'leaves the folder'],
    ['a//b', 'leaves the folder'],
    ['a/', 'leaves the folder'],
  ])('refuses an index with the path %j', (path, message) => {
    const line = JSON.stringify({ gid: 0, mode: 420, mtimeMs: 0, path, type: 'directory', uid: 0 });
    expect(() => parseIndex(`${line}\n`, 'index')).toThrow(message);
  });

  it('refuses an index with an entry below a link', () => {
    const shared = { gid: 0, mode: 420, mtimeMs: 0, uid: 0 };
    const lines = [
      { ...shared, path: 'a', type: 'link', target: '/etc' },
      { ...shared, path: 'a/passwd', type: 'directory' },
    ];
    expect(() => parseIndex(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), 'index')).toThrow(
      /"a\/passwd" lies below "a", which is a link/,
    );
  });

  it('refuses a path that is a link, holds the state folder, or holds the backups', async () => {
    symlinkSync('uploads', join(project, 'current'));
    const effect = createEffect(project);
    await expect(open({ paths: ['current'] }).probe(effect)).rejects.toThrow('current is a link');
    mkdirSync(join(project, 'data/.shipway'), { recursive: true });
    const inside = createEffect(project, { stateDirectory: join(project, 'data/.shipway') });
    await expect(open({ paths: ['data'] }).probe(inside)).rejects.toThrow('holds the state');
    mkdirSync(join(project, 'uploads/bk'));
    await expect(open().capture(join(project, 'uploads/bk'), effect)).rejects.toThrow('kept inside uploads');
  });

  it.each([[['../x']], [['/x']], [['.']], [['a/']], [['a', 'a/b']], [['a', 'a']], [[]]])(
    'refuses the paths %j in the release file',
    (paths) => {
      expect(storeKinds.files.settings.safeParse({ paths }).success).toBe(false);
    },
  );

  it('matches patterns as documented', () => {
    const isExcluded = matchGlobs(['*.tmp', 'uploads/*/thumbs', 'uploads/deep/**', 'x?']);
    expect(
      ['a.tmp', 'q/b.tmp', 'uploads/1/thumbs', 'uploads/deep/a/b', 'uploads/xy'].filter((path) => !isExcluded(path)),
    ).toEqual([]);
    expect(['a.tmpx', 'uploads/1/2/thumbs', 'uploads/deep', 'x', 'ab+'].filter(isExcluded)).toEqual([]);
  });
});
