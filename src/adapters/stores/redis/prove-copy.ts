import { join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import { withScratchPlace } from '../scratch/scratch-place.ts';
import type { Capture, ProvenCopy } from '../store.ts';
import { checkCopy } from './check-copy.ts';
import { COPY, readDescription } from './description.ts';
import { noteSocketIn, removeNotedSocket } from './socket-note.ts';

export interface Proof {
  folder: string;
  recorded: Capture;
  settings: { server: string; timeoutSeconds: number };
  scratch: string;
}

/** Writes the copy to a scratch folder as a restore would, and loads it from there with a server of our own. */
export async function proveCopy(proof: Proof, effect: Effect): Promise<ProvenCopy> {
  const { folder, recorded, settings, scratch } = proof;
  const root = {
    folder: join(scratch, 'redis'),
    clear: (place: { folder: string }) => removeNotedSocket(place.folder),
  };
  return withScratchPlace(root, effect, async (place, inner) => {
    const description = await readDescription(folder);
    requireRoom(place.folder, (await factsOf(join(folder, COPY)))?.bytes ?? 0, 'the Redis data');
    const copy = join(place.folder, COPY);
    await copyFileSynced(join(folder, COPY), copy);
    await gap('stores.redis.restored');
    const noteFolder = noteSocketIn(place.folder);
    await checkCopy(copy, { recorded, description }, { ...settings, noteFolder }, inner);
    return {
      checked: ['restored copy loaded by a server of its own: every key of every database as captured'],
      notChecked: [],
    };
  });
}
