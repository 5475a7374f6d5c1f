import { basename, join } from 'node:path';
import { readText, removeTree, writeAtomically } from '../../../platform/files.ts';

// The folder of a server's socket lies elsewhere, because its path has to be short.
const NOTE = 'socket-folder';

/** Writes down in the place of a copy where the socket of its server is, so that whoever clears the place finds it. */
export function noteSocketIn(place: string): (folder: string) => Promise<void> {
  return (folder) => writeAtomically(join(place, NOTE), folder);
}

/** Removes what was written down there, of a server that was killed; it was found by its token and ended. Harmless when there is nothing. */
export async function removeNotedSocket(place: string): Promise<void> {
  const noted = await readText(join(place, NOTE));
  if (noted !== null && basename(noted).startsWith('shipway-redis-')) await removeTree(noted);
}
