import { dirname, resolve } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { errorCode } from '../platform/error-code.ts';
import { syncDirectory } from '../platform/files.ts';
import { openNew } from '../platform/file-tree.ts';
import type { App } from './app.ts';

export interface BackupKeyPair {
  /** Goes into the release file. */
  recipient: string;
  /** The file that holds the identity, absolute, 0600. */
  file: string;
}

/** Makes a pair of keys and writes the identity to a new file for this user alone; it is shown nowhere, and kept nowhere else. */
export async function makeBackupKeys(app: App, path: string): Promise<BackupKeyPair> {
  const file = resolve(path);
  const tools = await app.tools();
  const { recipient, identity } = await tools.newIdentity();
  const target = await openNew(file).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') throw noFolder(file);
    throw errorCode(error) === 'EEXIST' ? taken(file) : error;
  });
  try {
    await target.write(Buffer.from(`# reads backups that are encrypted for ${recipient}\n${identity}\n`, 'utf8'), 0);
    await target.sync();
  } finally {
    await target.close();
  }
  await syncDirectory(dirname(file));
  return { recipient, file };
}

/** An identity that is written over is lost, and with it everything that was encrypted for it. */
function taken(file: string): Error {
  return problem('refused', 'there is a file of that name, and it is not written over', {
    where: file,
    next: 'Name a file that is not there yet.',
  });
}

function noFolder(file: string): Error {
  return problem('not-found', 'there is no folder for this file', {
    where: file,
    next: `Make the folder (mkdir -p ${dirname(file)}) or name a file in one that is there.`,
  });
}
