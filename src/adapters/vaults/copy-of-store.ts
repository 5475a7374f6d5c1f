import type { StoreManifest } from '../../core/backup/manifest.ts';
import { problem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import type { ObjectSource, ProvenCopy, SharedCopies, Staged, Store } from '../stores/store.ts';
import type { Sealed, Vault } from './vault.ts';

/** A store's own acts on a copy of it that is opened, whichever way the copy was written. */
export interface StoreCopy {
  verify(effect: Effect): Promise<void>;
  extract(into: string, effect: Effect): Promise<void>;
  prove(scratch: string, effect: Effect): Promise<ProvenCopy>;
  stage(tag: string, effect: Effect): Promise<Staged>;
}

/** Opens what a backup holds of a store and lets it be used. */
export async function withCopy<Result>(
  vault: Vault,
  sealed: Sealed,
  { saved, store }: { saved: StoreManifest; store: Store },
  use: (copy: StoreCopy) => Promise<Result>,
): Promise<Result> {
  return vault.opened(sealed, saved.name, (folder, objects) => use(copyOf(store, saved, { folder, objects })));
}

function copyOf(store: Store, saved: StoreManifest, at: { folder: string; objects: ObjectSource }): StoreCopy {
  const { capture } = saved;
  if (saved.objects === undefined) {
    return {
      verify: (effect) => store.verify(at.folder, capture, effect),
      extract: (into, effect) => store.extract(at.folder, capture, into, effect),
      prove: (scratch, effect) => store.prove(at.folder, capture, scratch, effect),
      stage: (tag, effect) => store.stage(at.folder, capture, tag, effect),
    };
  }
  const shared = sharedOf(store, saved);
  const copy = { ...at, capture };
  return {
    verify: (effect) => shared.verify(copy, effect),
    extract: (into, effect) => shared.extract(copy, into, effect),
    prove: (scratch, effect) => shared.prove(copy, scratch, effect),
    stage: (tag, effect) => shared.stage(copy, tag, effect),
  };
}

function sharedOf({ shared, kind }: Store, { name }: StoreManifest): SharedCopies {
  if (shared !== undefined) return shared;
  throw problem('backup-invalid', `${name} has objects, and a store of kind ${kind} writes none`, {
    where: name,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
