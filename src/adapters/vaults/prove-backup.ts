import type { StoreManifest } from '../../core/backup/manifest.ts';
import type { StoreProof } from '../../core/backup/proof-run.ts';
import {
  checkedAt,
  notCheckedAt,
  RESTORE_LEVEL,
  type VerificationLevel,
} from '../../core/backup/verification-level.ts';
import { isProblem, problem } from '../../core/release/problem.ts';
import type { ProvenCopy, Store } from '../stores/store.ts';
import { verifyContext } from './backup-context.ts';
import { withCopy } from './copy-of-store.ts';
import type { RestoreOrder } from './restore-backup.ts';
import type { Sealed } from './vault.ts';

export interface ProofOrder extends RestoreOrder {
  level: VerificationLevel;
  /** Folder for restores to scratch, absolute. */
  scratch: string;
}

type Look = Pick<StoreProof, 'outcome' | 'fault'> & { seconds: number; seen: ProvenCopy };

/**
 * Looks at a backup, store by store: at what was sealed (V0, V1), at the copy (V2), or at a restored copy of it (V3). What it finds is returned
 * and not thrown, also that it could not look. Throws for a backup or a store that is not there.
 */
export async function proveBackup(order: ProofOrder): Promise<{ proofs: StoreProof[]; isComplete: boolean }> {
  const sealed = await openSealed(order);
  if (typeof sealed === 'string') {
    const found = { outcome: 'fail' as const, fault: sealed, seconds: 0, seen: { checked: [], notChecked: [] } };
    return { proofs: [proofOf(null, found, order)], isComplete: true };
  }
  const wanted = storesOf(sealed, order);
  const whole = await look(order, () => checkSealed(sealed, order, order.storeNames));
  const share = whole.seconds / wanted.length;
  const proofs: StoreProof[] = [];
  for (const saved of wanted) {
    const own = await look(order, async () => {
      // What is wrong somewhere is the fault of the store it belongs to; the others are looked at all the same.
      if (whole.outcome !== 'pass') await checkSealed(sealed, order, [saved.name]);
      return checkStore(saved, sealed, order);
    });
    proofs.push(proofOf(saved.name, { ...own, seconds: own.seconds + share }, order));
  }
  // It lies in what belongs to no store.
  if (whole.outcome !== 'pass' && proofs.every(({ outcome }) => outcome === 'pass')) {
    proofs.push(proofOf(null, { ...whole, seconds: 0 }, order));
  }
  return { proofs, isComplete: wanted.length === sealed.manifest.stores.length };
}

/** Or what is wrong with its manifest. */
async function openSealed({ vault, id, service, environment }: ProofOrder): Promise<Sealed | string> {
  try {
    return await vault.show(id, { service, environment });
  } catch (error) {
    if (isProblem(error) && error.kind === 'backup-invalid') return error.message;
    throw error;
  }
}

function proofOf(store: string | null, found: Look, { level, manifestSha256 }: ProofOrder): StoreProof {
  const { outcome, fault, seconds, seen } = found;
  const unknown =
    manifestSha256 === undefined
      ? ['the manifest against the one that was sealed: this memory does not know the backup']
      : [];
  const isPass = outcome === 'pass';
  const checked = isPass ? [...checkedAt(level), ...seen.checked] : [];
  return {
    store,
    outcome,
    fault,
    seconds,
    checked,
    notChecked: [...seen.notChecked, ...unknown, ...notCheckedAt(level)],
  };
}

function storesOf({ manifest }: Sealed, { storeNames }: ProofOrder): StoreManifest[] {
  if (storeNames === undefined) return manifest.stores;
  return storeNames.map((name) => {
    const found = manifest.stores.find((saved) => saved.name === name);
    if (found !== undefined) return found;
    const next = `It holds: ${manifest.stores.map((saved) => saved.name).join(', ')}`;
    throw problem('not-found', `the backup has no store "${name}"`, { where: manifest.id, next });
  });
}

/** The manifest is the recorded one, and its parts, or those of the named stores, are there: by size alone, or read to the end. */
async function checkSealed(
  sealed: Sealed,
  { vault, level, manifestSha256 }: ProofOrder,
  stores: readonly string[] | undefined,
): Promise<void> {
  const { manifest } = sealed;
  if (manifestSha256 !== undefined && manifestSha256 !== sealed.manifestSha256) {
    throw invalid('the manifest is not the one that was recorded when the backup was sealed', manifest.id);
  }
  if (level < 1) return vault.verifySizes(sealed, stores);
  await vault.verifyParts(sealed, stores);
  if (level >= 2 && stores === undefined) await verifyContext(vault, sealed);
}

async function checkStore(saved: StoreManifest, sealed: Sealed, order: ProofOrder): Promise<ProvenCopy> {
  const nothing = { checked: [], notChecked: [] };
  const { effect, level, scratch, vault } = order;
  if (level < 2) return nothing;
  const store = storeNow(saved, sealed.manifest.id, order);
  return withCopy(vault, sealed, { saved, store }, async (copy) => {
    if (level >= RESTORE_LEVEL) return copy.prove(scratch, effect);
    await copy.verify(effect);
    return nothing;
  });
}

function storeNow(saved: StoreManifest, id: string, { stores }: ProofOrder): Store {
  const open = stores.find((entry) => entry.name === saved.name);
  if (open !== undefined && open.kind === saved.kind) return open.store;
  const now = open?.kind ?? 'not in the release file';
  throw problem('refused', `"${saved.name}" was a store of kind ${saved.kind} and is now ${now}`, {
    where: id,
    next: 'Look at it with the release file of that version, or at other stores: --store NAME.',
  });
}

/** What is wrong with the backup, told apart from what kept us from looking. */
async function look({ effect }: ProofOrder, check: () => Promise<ProvenCopy | void>): Promise<Look> {
  const startedMs = effect.clock.nowMs();
  const since = (): number => (effect.clock.nowMs() - startedMs) / 1000;
  const nothing = { checked: [], notChecked: [] };
  try {
    const seen = await check();
    return { outcome: 'pass', fault: null, seconds: since(), seen: seen ?? nothing };
  } catch (error) {
    effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    const outcome = error.kind === 'backup-invalid' ? 'fail' : 'could-not-measure';
    return { outcome, fault: error.message, seconds: since(), seen: nothing };
  }
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
