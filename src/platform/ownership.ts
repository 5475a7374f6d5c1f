import { access, chmod, chown, constants, cp, realpath, stat, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from './error-code.ts';
import { factsOf } from './file-tree.ts';

/** A user of the operating system by number. */
export interface UserIds {
  uid: number;
  gid: number;
}

export interface Entry extends UserIds {
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits only. */
  mode: number;
}

/** What lies at the path, links not followed; null when nothing does. */
export async function look(path: string): Promise<Entry | null> {
  const facts = await factsOf(path);
  if (facts === null) return null;
  const { type, uid, gid, mode } = facts;
  return { kind: type === 'directory' ? 'folder' : type, uid, gid, mode };
}

/** Whether another user may pass through every folder down to and including this one. Group membership beyond the main group is ignored. */
export async function mayEnter(folder: string, user: UserIds): Promise<boolean> {
  for (let at = await realpath(folder); ; at = dirname(at)) {
    const { uid, gid, mode } = await stat(at);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Whether this process may make files in the folder; asked of the system, which knows groups, access lists and disks that are read-only. */
export async function mayWriteIn(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    (error: unknown) => {
      if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error))) return false;
      throw error;
    },
  );
}

/** Makes the user the owner of this one file or folder. Needs root. */
export async function giveTo(path: string, user: UserIds): Promise<void> {
  await chown(path, user.uid, user.gid);
}

/** Lets everybody pass through the folder; what is in it stays as readable as each file says. */
export async function letPass(folder: string): Promise<void> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) await chmod(folder, (mode & 0o7777) | 0o001);
}

/** Makes a symbolic link unless something has that name already. */
export async function ensureLink(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
}

/** Copies a folder with everything in it; links stay links as they are written. */
export async function copyTree(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
}
