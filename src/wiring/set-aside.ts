import { proveBackup, type NamedOpenStore, type Sealed, type Vault } from '../adapters/vaults/index.ts';
import { sharedBytesOf } from '../core/backup/manifest.ts';
import { outcomeOf, type StoreProof } from '../core/backup/proof-run.ts';
import { DEFAULT_LEVEL } from '../core/backup/verification-level.ts';
import type { Plan } from '../core/plan/plan.ts';
import { isProblem, problem, type Problem } from '../core/release/problem.ts';
import { timestamp } from '../platform/clock.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';
import { journalBackup } from '../state/sealed-backups.ts';
import { placeOf, recordProof, releaseOf } from './record-proof.ts';

/** A new backup that is not what was captured. It is in the trash, and the next one takes nothing over. */
export interface SetAside {
  /** Whether what is wrong may have come from a backup before it, so that a full one may be whole. */
  hasShared: boolean;
  error: Problem;
}

interface Order {
  vault: Vault;
  stores: NamedOpenStore[];
  open: () => Promise<Database>;
  plan: Plan;
  effect: Effect;
}

/** What the first look saw counts also where the second could not see it: a disk that is wrong once is not trusted. */
function firstLook({ message }: Problem): { proofs: StoreProof[]; isComplete: boolean } {
  const fault: StoreProof = { store: null, outcome: 'fail', fault: message, seconds: 0, checked: [], notChecked: [] };
  return { proofs: [fault], isComplete: true };
}

/** Takes a new backup that failed its first look out of the list: it must neither count as one nor give its objects on. Any other error is thrown. */
export async function setAside(order: Order, sealed: Sealed, error: unknown): Promise<SetAside> {
  if (!isProblem(error) || error.kind !== 'backup-invalid') throw error;
  const { vault, stores, open, plan, effect } = order;
  const { id } = sealed.manifest;
  await vault.forgetObjects(sealed);
  const why = `it was damaged when it was taken: ${error.message}`;
  const look = { id, level: DEFAULT_LEVEL, ...placeOf(plan), stores, vault, effect, scratch: '' };
  const found = await proveBackup(look);
  // Told first what is wrong: whoever takes it out of the trash finds it listed as damaged.
  const seen = outcomeOf({ stores: found.proofs }) === 'fail' ? found : firstLook(error);
  await recordProof({ open, plan, effect, by: null }, look, seen);
  await journalBackup((await open()).db, {
    type: 'backup.pruned',
    release: releaseOf(effect.token),
    ...placeOf(plan),
    actor: { kind: 'system', id: 'backups' },
    data: { backup: id, manifest: sealed.manifestSha256, rule: why },
  });
  await vault.trash(id, { at: timestamp(effect.clock.nowMs()), why });
  const next = 'It is in the trash, and the next backup takes nothing over. Run the command again; look at the disk.';
  const where = error.where === null ? {} : { where: error.where };
  const told = problem('backup-invalid', `the new backup ${id} is damaged: ${error.message}`, {
    ...where,
    next,
    cause: error,
  });
  return { hasShared: sharedBytesOf(sealed.manifest.stores) > 0, error: told };
}
