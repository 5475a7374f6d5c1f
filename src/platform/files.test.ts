import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { isProblem, type Problem } from '../core/release/problem.ts';
import * as files from './files.ts';

let folder = '';
const isRoot = process.getuid?.() === 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!isProblem(error)) throw new Error(`expected a problem, got ${String(error)}`);
  return error;
}

describe('writeAtomically', () => {
  it('writes text and bytes, for the owner only unless told otherwise, and replaces what was there', async () => {
    const path = join(folder, 'state.json');
    await files.writeAtomically(path, 'old');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await files.writeAtomically(path, Buffer.from([0, 255, 1]), 0o666);
    expect([...readFileSync(path)]).toEqual([0, 255, 1]);
    expect(statSync(path).mode & 0o777).toBe(0o666);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('writes names as long as the file system allows', async () => {
    const path = join(folder, 'é'.repeat(127));
    await files.writeAtomically(path, 'x');
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('leaves the old content and nothing else when it fails', async () => {
    mkdirSync(join(folder, 'taken'));
    await expect(files.writeAtomically(join(folder, 'taken'), 'x')).rejects.toThrow('EISDIR');
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  it('ends with one whole content when many write at once', async () => {
    const path = join(folder, 'f');
    const contents = Array.from({ length: 20 }, (_, at) => String(at).repeat(50_000));
    await Promise.all(contents.map((content) => files.writeAtomically(path, content)));
    expect(contents).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(folder)).toEqual(['f']);
  });

  it('leaves the old or the new content, never half of it, when the writer is killed at any moment', async () => {
    const path = join(folder, 'f');
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const writer = startTypescript(
        `import { writeAtomically } from '@/src/platform/files.ts';
         console.log('ready');
         for (let n = 0; ; n++) await writeAtomically(${JSON.stringify(path)}, (n + ';').repeat(200_000));`,
      );
      await waitUntil('the writer', () => writer.stdout() !== '' && existsSync(path), { limitSeconds: 25 });
      await waitUntil('a write under way', () => readdirSync(folder).length > 1, { everyMs: 1 });
      writer.child.kill('SIGKILL');
      await writer.ended;
      const content = readFileSync(path, 'utf8');
      const first = content.slice(0, content.indexOf(';') + 1);
      expect(content === first.repeat(200_000)).toBe(true);
      seen.add(first);
    }
    expect(seen.size).toBeGreaterThan(0);
    // What a killed writer leaves beside is not taken for content.
    expect(files.listDirectory(folder)).toEqual(['f']);
  });
});

describe('reading', () => {
  it('returns null for a file that is not there, and fails for what is no file', async () => {
    expect(await files.readText(join(folder, 'none'))).toBeNull();
    expect(await files.readText(join(folder, 'no', 'folder'))).toBeNull();
    await expect(files.readText(folder)).rejects.toThrow('EISDIR');
  });

  it('lists names sorted, and nothing for a folder that is not there', () => {
    for (const name of ['b', 'a10', 'a9', 'B']) writeFileSync(join(folder, name), '');
    expect(files.listDirectory(folder)).toEqual(['B', 'a10', 'a9', 'b']);
    expect(files.listDirectory(join(folder, 'none'))).toEqual([]);
  });

  it('tells whether something is there', () => {
    symlinkSync('nowhere', join(folder, 'link'));
    expect([folder, join(folder, 'none'), join(folder, 'link')].map(files.exists)).toEqual([true, false, false]);
  });

  it('computes SHA-256 and size, also of an empty and of a large file', async () => {
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'large'), Buffer.alloc(3_000_001, 'x'));
    expect(await files.sha256OfFile(join(folder, 'empty'))).toEqual({
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      bytes: 0,
    });
    const { sha256, bytes } = await files.sha256OfFile(join(folder, 'large'));
    expect(bytes).toBe(3_000_001);
    expect(sha256).toBe(execFileSync('sha256sum', [join(folder, 'large')], { encoding: 'utf8' }).slice(0, 64));
  });

  it('adds up the files of a tree without following links', async () => {
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'a', 'one'), 'x'.repeat(10));
    writeFileSync(join(folder, 'a', 'b', 'two'), 'x'.repeat(7));
    symlinkSync('/usr', join(folder, 'a', 'usr'));
    expect(await files.treeBytes(folder)).toBe(17);
    expect(await files.treeBytes(join(folder, 'a', 'one'))).toBe(10);
    expect(await files.treeBytes(join(folder, 'none'))).toBe(0);
  });

  it('leaves out folders that vanish while it counts', async () => {
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 300; n++) mkdirSync(join(folder, 'uploads', String(n)), { recursive: true });
      const counting = files.treeBytes(folder);
      const gone = rm(join(folder, 'uploads'), { recursive: true });
      expect(await counting).toBe(0);
      await gone;
    }
  });

  it('tells how much room the disk has', () => {
    const free = files.freeBytes(folder);
    const blocks = Number(execFileSync('df', ['--output=avail', '-B1', folder], { encoding: 'utf8' }).split('\n')[1]);
    // Other programs write meanwhile.
    expect(Math.abs(free - blocks)).toBeLessThan(1024 ** 3);
  });
});

describe('folders', () => {
  it.skipIf(!existsSync('/proc/self'))(
    'cannot be made in a place like /proc, which is a problem and not a wait',
    async () => {
      expect(await problemOf(files.ensureDirectory('/proc/shipway/x'))).toMatchObject({
        kind: 'not-permitted',
        message: '/proc/shipway/x could not be created: nobody can make a folder in /proc',
      });
    },
  );

  it('cannot have the name that a file has', async () => {
    expect(await problemOf(files.ensureDirectory('/dev/null'))).toMatchObject({ kind: 'not-found' });
  });

  it('creates a folder for its owner only and does not mind one that exists', async () => {
    const path = join(folder, 'a', 'b');
    await files.ensureDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    chmodSync(path, 0o755);
    await files.ensureDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o755);
  });

  it('deletes a tree and what a link is, not what it leads to', async () => {
    mkdirSync(join(folder, 'a', 'b'), { recursive: true });
    writeFileSync(join(folder, 'precious'), 'x');
    symlinkSync(join(folder, 'precious'), join(folder, 'a', 'link'));
    symlinkSync(folder, join(folder, 'a', 'up'));
    await files.removeTree(join(folder, 'a'));
    await files.removeTree(join(folder, 'a'));
    expect(readdirSync(folder)).toEqual(['precious']);
  });
});

describe('rename and copyFileSynced', () => {
  it('rename moves a file between folders, replacing one of that name', async () => {
    mkdirSync(join(folder, 'to'));
    writeFileSync(join(folder, 'a'), 'new');
    writeFileSync(join(folder, 'to', 'a'), 'old');
    await files.rename(join(folder, 'a'), join(folder, 'to', 'a'));
    expect(readFileSync(join(folder, 'to', 'a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['to']);
  });

  it('rename says ENOENT when there is nothing to move', async () => {
    await expect(files.rename(join(folder, 'none'), join(folder, 'x'))).rejects.toThrow('ENOENT');
  });

  it('copyFileSynced keeps content and rights and leaves nothing beside', async () => {
    writeFileSync(join(folder, 'a'), 'data', { mode: 0o640 });
    await files.copyFileSynced(join(folder, 'a'), join(folder, 'b'));
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('data');
    expect(lstatSync(join(folder, 'b')).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['a', 'b']);
    await expect(files.copyFileSynced(join(folder, 'none'), join(folder, 'c'))).rejects.toThrow('ENOENT');
    expect(readdirSync(folder)).toEqual(['a', 'b']);
  });
});

describe('a full disk', () => {
  it('is a problem that names the file, keeps the old content and leaves no half file', async (context) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    if (!mount(disk, 'size=1m')) return context.skip('a small tmpfs cannot be mounted here (needs root)');
    try {
      const path = join(disk, 'f');
      await files.writeAtomically(path, 'old');
      writeFileSync(join(folder, 'big'), Buffer.alloc(2_000_000));
      const problem = await problemOf(files.writeAtomically(path, Buffer.alloc(2_000_000)));
      expect(problem.kind).toBe('disk-full');
      expect(problem.message).toBe(`${path} could not be written: the disk is full`);
      expect(problem.next).toBe(`Make room on the disk of ${disk} (df -h ${disk}) and run the command again.`);
      const copied = await problemOf(files.copyFileSynced(join(folder, 'big'), join(disk, 'copy')));
      expect(copied.kind).toBe('disk-full');
      expect(readFileSync(path, 'utf8')).toBe('old');
      expect(readdirSync(disk)).toEqual(['f']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('mounted read-only is a problem of its own', async (context) => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    if (!mount(disk, 'size=1m,ro')) return context.skip('a small tmpfs cannot be mounted here (needs root)');
    try {
      const problem = await problemOf(files.writeAtomically(join(disk, 'f'), 'x'));
      expect(problem.kind).toBe('not-permitted');
      expect(problem.message).toBe(`${join(disk, 'f')} could not be written: the disk is mounted read-only`);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

function mount(disk: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('missing rights', () => {
  it('are a problem that names the file', async () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    writeFileSync(join(locked, 'f'), 'x');
    chmodSync(locked, 0o000);
    chmodSync(folder, 0o755);
    // Root may do anything, so the test becomes an ordinary user in a process of its own.
    const script = startTypescript(
      `import * as files from '@/src/platform/files.ts';
       ${isRoot ? 'process.setgid(65534); process.setuid(65534);' : ''}
       const say = (e) => console.log(e.kind, e.message.replace(${JSON.stringify(locked)}, 'LOCKED'));
       await files.writeAtomically(${JSON.stringify(join(locked, 'f'))}, 'y').catch(say);
       await files.readText(${JSON.stringify(join(locked, 'f'))}).catch(say);
       await files.ensureDirectory(${JSON.stringify(join(locked, 'd'))}).catch(say);
       try { files.listDirectory(${JSON.stringify(locked)}) } catch (e) { say(e) }`,
    );
    await script.ended;
    chmodSync(locked, 0o700);
    expect((script.stdout() + script.stderr()).trim().split('\n')).toEqual([
      'not-permitted LOCKED/f could not be written: this user has no permission',
      'not-permitted LOCKED/f could not be read: this user has no permission',
      'not-permitted LOCKED/d could not be created: this user has no permission',
      'not-permitted LOCKED could not be read: this user has no permission',
    ]);
  });
});
