import { dirname, join } from 'node:path';
import { copyFileSynced } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { requireRoom } from '../require-room.ts';
import { readServer, requireAsCaptured } from './check-copy.ts';
import { COPY, readDescription } from './description.ts';
import type { ServedData } from './serve-copy.ts';

/** All that a backup holds of a server. */
export const copiedData: ServedData = {
  async place(folder, path) {
    requireRoom(dirname(path), (await factsOf(join(folder, COPY)))?.bytes ?? 0, 'the Redis data');
    await copyFileSynced(join(folder, COPY), path);
  },
  async check({ folder, capture }, connection) {
    const description = await readDescription(folder);
    requireAsCaptured(await readServer(connection), { recorded: capture, description }, join(folder, COPY));
  },
};
