import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { errorCode } from './error-code.ts';
import { randomId } from './ids.ts';

// Three ways in which exactly one of several processes wins, without a lock that a killed process could leave behind.

/** Writes the file whole unless it exists. True for the one process that made it. */
export async function createOnce(path: string, text: string, mode = 0o600): Promise<boolean> {
  const beside = `${path}.${randomId()}`;
  await writeFile(beside, text, { mode, flush: true });
  try {
    await link(beside, path); // unlike rename, link refuses when the name is taken
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
}

/** Makes the folder unless it exists. True for the one process that made it. */
export async function createFolderOnce(path: string, mode = 0o700): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a finished folder to its final name unless a filled one is there. True for the one process whose folder it is. */
export async function claimByRename(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) return false;
    throw error;
  }
}
