import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gap } from '../../../platform/gap.ts';
import { withScratchPlace, type ScratchPlace } from '../scratch/scratch-place.ts';
import type { ProvenCopy } from '../store.ts';
import { describeAddress } from './address.ts';
import { nameOfProof } from './database-names.ts';
import { withControl } from './session.ts';
import { dropDatabase, extractDatabase, type Restore } from './stage-database.ts';

/** Restores into a new database of its own, on the live server or another one, compares it there with the capture, and drops it. */
export async function proveDatabase(
  restore: Restore,
  { scratch, live }: { scratch: string; live: string },
): Promise<ProvenCopy> {
  const { tools, recorded, effect } = restore;
  const failure = { kind: 'restore-failed', what: 'the scratch database cannot be dropped' } as const;
  const nameAt = ({ id }: ScratchPlace): string => nameOfProof(live, id);
  const root = {
    // By server: what a killed proof left is dropped where it was made.
    folder: join(scratch, `postgres-${digestOf(describeAddress(tools.address))}`),
    clear: (place: ScratchPlace) =>
      // Also when the proof is aborted: nobody else knows of the database.
      withControl(
        { address: tools.address, effect: { ...effect, signal: new AbortController().signal }, failure },
        (control) => dropDatabase(control, nameAt(place), describeAddress(tools.address, nameAt(place))),
      ),
  };
  return withScratchPlace(root, effect, async (place, inner) => {
    await extractDatabase({ ...restore, effect: inner }, nameAt(place), { withStatistics: false });
    await gap('stores.postgres.restored');
    const tables = Object.keys(recorded.counters).length;
    const where = describeAddress(tools.address, nameAt(place));
    return {
      checked: [`restored as ${where}: schema, rows and content of ${tables} tables as captured`],
      notChecked: [],
    };
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
