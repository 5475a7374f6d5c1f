import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOCKET_ROOM = 70; // a socket's path may have 103 bytes on every system; the folder's name and the socket's take up to 33

/** Runs with a new folder that only this user may enter, its path short enough for a socket in it, and deletes it afterwards. */
export async function withScratchFolder<Result>(
  purpose: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const above = Buffer.byteLength(tmpdir()) <= SOCKET_ROOM ? tmpdir() : '/tmp';
  const folder = await realpath(await mkdtemp(join(above, `shipway-${purpose}-`)));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
