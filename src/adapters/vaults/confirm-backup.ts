import { isProblem } from '../../core/release/problem.ts';
import { verifyContext } from './backup-context.ts';
import { withCopy } from './copy-of-store.ts';
import { pairsOf, type RestoreOrder } from './restore-backup.ts';
import type { Sealed } from './vault.ts';

/**
 * Reads back a backup that this process has sealed a moment ago: every byte once, decrypted, unpacked and compared; of parts nothing is written.
 * Each store has opened and compared its copy before it was sealed, and here the vault is shown to give the same bytes again: together as much
 * as `verifyBackup`, without asking the engines twice. Not for a backup of another process, whose copies nobody here has seen.
 */
export async function confirmBackup(order: RestoreOrder, sealed: Sealed): Promise<void> {
  const { vault, effect } = order;
  try {
    await vault.verifyListed(sealed);
    for (const { saved, store } of pairsOf(sealed, order)) {
      effect.signal.throwIfAborted();
      // Objects were never anywhere plain, and what the store says of its pieces is compared here for the first time.
      if (saved.objects === undefined) await vault.readBack(sealed, saved.name);
      else await withCopy(vault, sealed, { saved, store }, (copy) => copy.verify(effect));
    }
    await verifyContext(vault, sealed);
  } catch (error) {
    // Says it in the words of every later look, and whose the damaged data is too.
    if (isProblem(error) && error.kind === 'backup-invalid') await vault.verifyParts(sealed);
    throw error;
  }
}
