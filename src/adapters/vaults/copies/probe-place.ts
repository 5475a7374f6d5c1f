import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { digestOf } from '../../../platform/file-stream.ts';
import { sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { randomId } from '../../../platform/ids.ts';
import { withScratchFolder } from '../../../platform/scratch-folder.ts';
import type { Place } from '../../places/place.ts';

/** Lists the place, and writes, reads and deletes a small file there. Throws what is wrong with it. */
export async function probePlace(place: Place): Promise<void> {
  await place.names();
  await withScratchFolder('probe', async (folder) => {
    const from = join(folder, 'probe');
    const path = `.shipway-probe-${randomId()}`;
    await writeAtomically(from, `shipway looks whether this place can be written: ${path}\n`);
    const facts = await sha256OfFile(from);
    try {
      await place.send(path, { from, ...facts });
      if ((await digestOf(place.read(path))).sha256 === facts.sha256) return;
      throw problem('backup-failed', 'what was written came back as something else', {
        where: place.where,
        next: 'Do not trust this place before its disk and its network were looked at.',
      });
    } finally {
      await place.remove(path);
    }
  });
}
