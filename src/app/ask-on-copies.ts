import { isProblem } from '../core/release/problem.ts';
import { askVersion, requireLedAway, unmeasured, type VersionOnCopies, type VersionVerdict } from './ask-version.ts';
import { restoreCopies, type CopyOrder } from './scratch-copies.ts';
import { withScratchRun } from './scratch-run.ts';

export interface CopiesOrder {
  from: Pick<CopyOrder, 'vault' | 'withCopy' | 'sealed' | 'stores'>;
  /** Absolute folder in which copies are made. */
  place: string;
  version: Omit<VersionOnCopies, 'folder' | 'id' | 'variables'>;
  /** Copies that are there already, by the name of their store: their variables. */
  ready: Record<string, Record<string, string>>;
}

/**
 * Restores what the version needs, starts it there and asks it; takes everything away again. What kept us from looking is returned, with what
 * to write. The caller holds the lock of rehearsals.
 */
export async function askOnCopies({ from, place, version, ready }: CopiesOrder): Promise<VersionVerdict> {
  const { effect, stores } = version;
  try {
    requireLedAway(version);
    return await withScratchRun(place, effect, async (folder, id) => {
      const wanted = stores.filter((name) => !Object.hasOwn(ready, name));
      const copies = await restoreCopies({ ...from, wanted, folder }, { ...effect, token: `rehearsal/${id}/restore` });
      try {
        const variables = Object.assign({}, copies.variables, ...Object.values(ready)) as Record<string, string>;
        return await askVersion({ ...version, folder, id, variables });
      } finally {
        await copies.remove({ ...effect, signal: new AbortController().signal });
      }
    });
  } catch (error) {
    effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    return unmeasured(error);
  }
}
