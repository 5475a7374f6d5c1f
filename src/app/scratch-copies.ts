import { join } from 'node:path';
import type { Store } from '../adapters/stores/store.ts';
import type { withCopy } from '../adapters/vaults/copy-of-store.ts';
import type { Sealed, Vault } from '../adapters/vaults/vault.ts';
import type { StoreManifest } from '../core/backup/manifest.ts';
import { variablesOfStore } from '../core/rehearsal/scratch-variable.ts';
import { problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { ensureDirectory } from '../platform/files.ts';
import { gap } from '../platform/gap.ts';
import { randomId } from '../platform/ids.ts';

/** Restored copies of stores, for a program to be led to. */
export interface Copies {
  /** `$SCRATCH_DATABASE_URL` and the like. */
  variables: Record<string, string>;
  /** Takes away what does not lie in the folder. */
  remove(effect: Effect): Promise<void>;
}

export interface CopyOrder {
  vault: Vault;
  withCopy: typeof withCopy;
  sealed: Sealed;
  /** As the release file has them now. */
  stores: readonly { name: string; store: Store }[];
  /** Names of those that are restored. */
  wanted: readonly string[];
  /** Gets the copies that are files. */
  folder: string;
}

/** Restores stores of a backup, each verified at its place; when one cannot be, what was made for the others is removed again. */
export async function restoreCopies(order: CopyOrder, effect: Effect): Promise<Copies> {
  const variables: Record<string, string> = {};
  const removals: ((effect: Effect) => Promise<void>)[] = [];
  const remove = async (given: Effect): Promise<void> => {
    for (const one of removals.toReversed()) await one(given);
  };
  try {
    for (const name of order.wanted) {
      const copy = await restoreCopy(order, name, effect);
      Object.assign(variables, variablesOfStore(name, copy.variables));
      removals.push((given) => copy.remove(given));
      await gap('scratch.restored');
    }
    return { variables, remove };
  } catch (error) {
    await remove({ ...effect, signal: new AbortController().signal });
    throw error;
  }
}

async function restoreCopy(order: CopyOrder, name: string, effect: Effect): Promise<Copies> {
  const { sealed, stores } = order;
  const saved = sealed.manifest.stores.find((one) => one.name === name);
  const store = stores.find((one) => one.name === name)?.store;
  if (saved === undefined || store === undefined || store.kind !== saved.kind) {
    const now = store?.kind ?? 'not in the release file';
    throw problem('refused', `"${name}" was a store of kind ${saved?.kind ?? 'none'} and is now ${now}`, {
      where: sealed.manifest.id,
      next: 'Use the release file of that version.',
    });
  }
  return placeCopy(order, { saved, store }, effect);
}

async function placeCopy(
  { vault, sealed, withCopy: use, folder }: CopyOrder,
  { saved, store }: { saved: StoreManifest; store: Store },
  effect: Effect,
): Promise<Copies> {
  const { capture, name } = saved;
  if (store.placeIn !== undefined) {
    const into = join(folder, 'data', name);
    await ensureDirectory(into);
    await use(vault, sealed, { saved, store }, (copy) => copy.extract(into, effect));
    // The folder goes with everything else.
    return { variables: { SCRATCH_PATH: await store.placeIn(into, effect) }, remove: () => Promise.resolve() };
  }
  const server = store.rehearsing ?? store.serving;
  if (server !== undefined) {
    const id = randomId();
    // By this token the next use ends what a killed restore has left.
    const own = { ...effect, token: `rehearsal/${id}/restore` };
    return vault.opened(sealed, name, (copy) => server.restore({ folder: copy, capture }, id, own));
  }
  throw problem('refused', `a copy of "${name}" (${store.kind}) is nothing that a program can be led to`, {
    where: 'scratch',
    next: `If the version can do without it, write scratch: without: [${name}].`,
  });
}
