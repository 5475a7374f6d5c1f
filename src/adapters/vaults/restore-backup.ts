import { problem } from '../../core/release/problem.ts';
import type { JsonObject } from '../../core/release/json.ts';
import { effectToCleanUp, type Effect } from '../../platform/effect.ts';
import { ensureDirectory } from '../../platform/files.ts';
import { namesIn } from '../../platform/file-tree.ts';
import type { StoreManifest } from '../../core/backup/manifest.ts';
import type { Staged, Store } from '../stores/store.ts';
import { extractContext, verifyContext } from './backup-context.ts';
import { withCopy } from './copy-of-store.ts';
import type { NamedOpenStore } from './create-backup.ts';
import type { Sealed, Vault } from './vault.ts';

export interface RestoreOrder {
  /** Id, unique prefix, `latest` or `before:<release>`. */
  id: string;
  service: string;
  environment: string;
  /** Of the backup; default all of it. */
  storeNames?: string[];
  /** As the release file names them now. */
  stores: NamedOpenStore[];
  vault: Vault;
  effect: Effect;
  /** The digest that the journal recorded when the backup was sealed, where it is known. */
  manifestSha256?: string;
}

/** One store of a restore, ready to be swapped in. */
export interface StagedStore {
  name: string;
  staged: Staged;
}

/** A store of a backup, and the same store as it is opened now. */
export interface Pair {
  saved: StoreManifest;
  store: Store;
}

/** Everything a later proof needs: signature and stored hashes re-read, then every part opened, then every store's copy opened and compared. Throws `backup-invalid` at the first fault. */
export async function verifyBackup(order: RestoreOrder): Promise<Sealed> {
  const sealed = await trustedBackup(order);
  for (const { saved, store } of pairsOf(sealed, order)) {
    await withCopy(order.vault, sealed, { saved, store }, (copy) => copy.verify(order.effect));
  }
  await verifyContext(order.vault, sealed);
  return sealed;
}

/** The backup whose manifest is the recorded one, and signed, and whose parts all (of the named stores) lie there unchanged. Needs no identity. */
export async function trustedBackup(order: Omit<RestoreOrder, 'stores'>): Promise<Sealed> {
  const sealed = await order.vault.show(order.id, order);
  const recorded = order.manifestSha256 ?? sealed.manifestSha256;
  await order.vault.verifyParts({ ...sealed, manifestSha256: recorded }, order.storeNames);
  return sealed;
}

/** Throws when one is not in the backup, or is of another kind now. */
export function pairsOf({ manifest }: Sealed, order: RestoreOrder): Pair[] {
  const names = order.storeNames ?? manifest.stores.map((saved) => saved.name);
  return names.map((name) => {
    const saved = manifest.stores.find((entry) => entry.name === name);
    const open = order.stores.find((entry) => entry.name === name);
    if (saved === undefined) {
      const next = `It holds: ${manifest.stores.map((entry) => entry.name).join(', ')}`;
      throw problem('not-found', `the backup has no store "${name}"`, { where: manifest.id, next });
    }
    if (open === undefined || open.kind !== saved.kind) {
      throw problem(
        'refused',
        `"${name}" was a store of kind ${saved.kind} and is now ${open?.kind ?? 'not in the release file'}`,
        {
          where: manifest.id,
          next: 'Restore the release file of that version first, or name other stores.',
        },
      );
    }
    return { saved, store: open.store };
  });
}

/** Restores every store beside its live data and verifies it there. A store that fails takes the copies of the others away again. */
export async function stageRestore(order: RestoreOrder): Promise<StagedStore[]> {
  const sealed = await trustedBackup(order);
  const { id } = sealed.manifest;
  const done: (Pair & StagedStore)[] = [];
  try {
    for (const pair of pairsOf(sealed, order)) {
      const staged = await withCopy(order.vault, sealed, pair, (copy) => copy.stage(id, order.effect));
      done.push({ ...pair, name: pair.saved.name, staged });
    }
  } catch (error) {
    const cleaning = effectToCleanUp(order.effect);
    for (const { store, staged } of done) await store.unstage(staged, cleaning).catch(() => undefined); // the first error says what is wrong
    throw error;
  }
  return done.map(({ name, staged }) => ({ name, staged }));
}

export function storeOf(name: string, stores: NamedOpenStore[]): Store {
  const found = stores.find((entry) => entry.name === name);
  if (found) return found.store;
  throw problem('not-found', `there is no store "${name}" in the release file any more`, {
    where: name,
    next: 'Put the store back into the release file; its data still lies beside the live data.',
  });
}

/** Writes one store of a backup into a new place of its own kind; the store says what that is. Touches nothing else. */
export async function restoreIntoNew(order: RestoreOrder, place: string): Promise<string> {
  const sealed = await trustedBackup(order);
  const [pair, second] = pairsOf(sealed, order);
  if (pair === undefined || second !== undefined) {
    throw problem('usage', 'several stores do not go into one place', {
      where: sealed.manifest.id,
      next: `Name one with --store: ${sealed.manifest.stores.map((saved) => saved.name).join(', ')}`,
    });
  }
  const { saved, store } = pair;
  const restoreInto = store.restoreInto?.bind(store);
  if (restoreInto === undefined) {
    throw problem('usage', `"${saved.name}" is a store of kind ${saved.kind}, which is written into a folder`, {
      where: sealed.manifest.id,
      next: 'Name a new folder with --into.',
    });
  }
  const made = await order.vault.opened(sealed, saved.name, (copy) =>
    restoreInto(copy, saved.capture, place, order.effect),
  );
  return made.place;
}

/** Into an empty folder, one folder a store inside it. Live data is not touched. */
export async function extractBackup(order: RestoreOrder & { into: string; withContext?: boolean }): Promise<void> {
  const { into } = order;
  const sealed = await trustedBackup(order);
  await ensureDirectory(into);
  if ((await namesIn(into)).length > 0) {
    throw problem('refused', 'the folder to restore into is not empty', { where: into, next: 'Name a new folder.' });
  }
  for (const { saved, store } of pairsOf(sealed, order)) {
    const folder = `${into}/${saved.name}`;
    await ensureDirectory(folder);
    await withCopy(order.vault, sealed, { saved, store }, (copy) => copy.extract(folder, order.effect));
  }
  if (order.withContext === true) await extractContext(order.vault, sealed, into);
}

/** What a restore would throw away, by store; shown and confirmed before anything is swapped. */
export async function describeLoss(
  order: RestoreOrder,
): Promise<{ since: string; stores: Record<string, JsonObject> }> {
  const sealed = await order.vault.show(order.id, order);
  const stores: Record<string, JsonObject> = {};
  for (const { saved, store } of pairsOf(sealed, order))
    stores[saved.name] = await store.changesSince(saved.capture, order.effect);
  return { since: consistentSince(pairsOf(sealed, order)), stores };
}

/** The earliest moment that one of the stores is of: whatever was written after it may be gone. */
function consistentSince(pairs: readonly Pair[]): string {
  const moments = pairs.map(({ saved }) => saved.capture.consistentAt);
  return moments.reduce((first, one) => (Date.parse(one) < Date.parse(first) ? one : first));
}
