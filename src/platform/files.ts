import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, statfsSync } from 'node:fs';
import {
  copyFile,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  rename as renamePath,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { problem } from '../core/release/problem.ts';
import { errorCode } from './error-code.ts';
import { randomId } from './ids.ts';

/** What a write leaves behind when it is killed; such a file is never content. */
const HALF_WRITTEN = /^\..*\.[a-z2-7]{10}\.new$/;

/** A new name in the same folder for what is being written. 50 characters are 200 bytes at most: the whole stays under the 255 bytes of every file system. */
export function nameBeside(path: string): string {
  return join(dirname(path), `.${basename(path).slice(-50)}.${randomId()}.new`);
}

/** Replaces the file as a whole: whoever dies or loses power at any moment leaves the old or the new content, never half of it. */
export async function writeAtomically(path: string, data: string | Buffer, mode = 0o600): Promise<void> {
  const beside = nameBeside(path);
  await named(path, 'written', async () => {
    try {
      const file = await open(beside, 'wx', mode);
      try {
        await file.writeFile(data);
        await file.chmod(mode); // the umask may have taken rights away
        await file.sync();
      } finally {
        await file.close();
      }
      await renamePath(beside, path);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncDirectory(dirname(path));
  });
}

/** The whole file as UTF-8, or null when there is none. */
export async function readText(path: string): Promise<string | null> {
  return named(path, 'read', async () => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  });
}

/** Creates the folder and those above it; one that exists is left as it is. */
export async function ensureDirectory(path: string, mode = 0o700): Promise<void> {
  await named(path, 'created', () => makeDirectories(path, mode));
}

/** One by one: `recursive` of Node 20 asks for ever where a folder that exists lets nobody make another in it and says there is none (/proc). */
async function makeDirectories(path: string, mode: number): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isMadeOrThere(at, mode)); at = dirname(at)) missing.push(at);
  for (const at of missing.toReversed()) {
    if (await isMadeOrThere(at, mode)) continue;
    throw problem('not-permitted', `${path} could not be created: nobody can make a folder in ${dirname(at)}`, {
      where: path,
      next: 'Choose another folder.',
    });
  }
}

/** False when what is above it is not there. */
async function isMadeOrThere(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && dirname(path) !== path) return false;
    const isThere = await stat(path).then(
      (facts) => facts.isDirectory(),
      () => null,
    );
    if (isThere === true) return true;
    if (errorCode(error) !== 'EEXIST') throw error;
    throw problem('not-found', `${path} could not be created: a file of that name is there`, {
      where: path,
      next: `Move the file away (ls -ld ${path}) or choose another folder.`,
    });
  }
}

/** Deletes a file or a folder with everything in it; nothing there is fine. Links are deleted, never followed. */
export async function removeTree(path: string): Promise<void> {
  await named(path, 'deleted', () => rm(path, { recursive: true, force: true, maxRetries: 3 }));
}

/** Deletes a folder that holds nothing; one that holds something stays, and nothing there is fine. */
export async function removeEmptyDirectory(path: string): Promise<void> {
  await named(path, 'deleted', async () => {
    try {
      await rmdir(path);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
    }
  });
}

/** Returns when the content of the file is on the disk. */
export async function syncFile(path: string): Promise<void> {
  await syncPath(path);
}

/** Returns when names created, renamed or deleted in the folder are on the disk. */
export async function syncDirectory(path: string): Promise<void> {
  await syncPath(path);
}

async function syncPath(path: string): Promise<void> {
  await named(path, 'synced', async () => {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

/** Renames on the same disk, replacing a file of the new name, and returns when both folders are on the disk. */
export async function rename(from: string, to: string): Promise<void> {
  await named(to, 'written', () => renamePath(from, to));
  await syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
}

/** Whether something of this name is there (a link that leads nowhere is not). */
export function exists(path: string): boolean {
  return existsSync(path);
}

/** Names in the folder, sorted by code unit; none when there is no such folder. Half-written files of killed writers are left out. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !HALF_WRITTEN.test(name))
      .sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw fileProblem(path, 'read', error);
  }
}

const HASH_PIECE_BYTES = 1024 * 1024;

/** Size and SHA-256 (hex) of a file, read in pieces into one and the same memory: new memory for each takes more of the CPU than the hash. */
export async function sha256OfFile(path: string): Promise<{ sha256: string; bytes: number }> {
  return named(path, 'read', async () => {
    const hash = createHash('sha256');
    let bytes = 0;
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const piece = Buffer.allocUnsafeSlow(Math.max(1, Math.min(HASH_PIECE_BYTES, size)));
      for (let count = -1; count !== 0; bytes += count) {
        count = (await file.read(piece, 0, piece.length, bytes)).bytesRead;
        hash.update(piece.subarray(0, count));
      }
    } finally {
      await file.close();
    }
    return { sha256: hash.digest('hex'), bytes };
  });
}

/** Bytes an ordinary user may still write on the disk of this path. */
export function freeBytes(path: string): number {
  try {
    const disk = statfsSync(path);
    return disk.bavail * disk.bsize;
  } catch (error) {
    throw fileProblem(path, 'read', error);
  }
}

/** Looks that are not handed to another thread and back, which takes four times the CPU; everybody else has a turn in between. */
const LOOKS_AT_ONCE = 64;

/** Bytes of all files below the path, links not followed; 0 when there is nothing. Files and folders that vanish meanwhile are left out. */
export async function treeBytes(path: string): Promise<number> {
  return named(path, 'read', async () => {
    const top = await unlessVanished(lstat(path));
    if (!top?.isDirectory()) return top?.size ?? 0;
    let bytes = 0;
    const folders = [path];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const entries = (await unlessVanished(readdir(folder, { withFileTypes: true }))) ?? [];
      for (const entry of entries) if (entry.isDirectory()) folders.push(join(folder, entry.name));
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      for (let at = 0; at < files.length; at += LOOKS_AT_ONCE) {
        for (const place of files.slice(at, at + LOOKS_AT_ONCE))
          bytes += lstatSync(place, { throwIfNoEntry: false })?.size ?? 0;
        await setImmediate();
      }
    }
    return bytes;
  });
}

async function unlessVanished<Result>(looking: Promise<Result>): Promise<Result | null> {
  try {
    return await looking;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Copies a file with its rights and returns when the copy and its name are on the disk; a half copy is removed. */
export async function copyFileSynced(from: string, to: string): Promise<void> {
  const beside = nameBeside(to);
  await named(to, 'written', async () => {
    try {
      await copyFile(from, beside);
      await syncFile(beside);
      await renamePath(beside, to);
    } catch (error) {
      await rm(beside, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncDirectory(dirname(to));
  });
}

async function named<Result>(path: string, deed: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw fileProblem(path, deed, error);
  }
}

/** What to throw for a failed file operation: a full disk, missing rights and a file in the way are for a person to solve; everything else stays the error it is. */
export function fileProblem(path: string, deed: string, error: unknown): unknown {
  const said = { where: path, retry: false, cause: error };
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return problem('disk-full', `${path} could not be ${deed}: the disk is full`, {
        ...said,
        next: `Make room on the disk of ${dirname(path)} (df -h ${dirname(path)}) and run the command again.`,
      });
    case 'EACCES':
    case 'EPERM':
      return problem('not-permitted', `${path} could not be ${deed}: this user has no permission`, {
        ...said,
        next: `Give this user the right (ls -ld ${dirname(path)}) or choose another folder.`,
      });
    case 'EROFS':
      return problem('not-permitted', `${path} could not be ${deed}: the disk is mounted read-only`, {
        ...said,
        next: `Mount ${dirname(path)} writable or choose another folder.`,
      });
    case 'ENOTDIR':
      return problem(
        'not-found',
        `${path} could not be ${deed}: it, or something above it, is a file and not a folder`,
        {
          ...said,
          next: `Move the file away (ls -ld ${path}) or choose another folder.`,
        },
      );
    default:
      return error;
  }
}
