import { resolve } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { effectUntil } from '../platform/effect.ts';
import { withBackupLock } from '../state/backup-record.ts';
import type { App } from './app.ts';
import { storesMeant, type BackupSummary, type RestoreWish } from './manage-backups.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';
import { refuseUsedFolder } from './refuse-used-folder.ts';

/** Where the data of a backup is written, beside the live data. */
export interface Extracted {
  backup: BackupSummary;
  stores: string[];
  /** An absolute folder, or a place of the store's own kind, for people. */
  into: string;
  kind: 'folder' | 'place';
  /** Whether the files of the way down and the environment are written, too. */
  withContext: boolean;
}

/** Where the data of a backup would be written; touches nothing. */
export async function planExtract(app: App, wish: RestoreWish, into: string): Promise<Extracted> {
  return planned(await openBackups(app, wish.environment), wish, into);
}

/**
 * Writes the data of a backup into a new or empty folder, or one store of it into a new place of its own kind, verified there. The live
 * data is not touched, so a version may run.
 */
export async function extractBackup(app: App, wish: RestoreWish, into: string): Promise<Extracted> {
  const opened = await openBackups(app, wish.environment);
  const { backups, plan } = opened;
  const wanted = await planned(opened, wish, into);
  const { id } = wanted.backup;
  // Nobody prunes what is being read.
  return withBackupLock(await app.database(), plan, async (lost) => {
    const effect = effectUntil(opened.effect, lost);
    if (wanted.kind === 'folder') {
      const { stores, into: folder, withContext } = wanted;
      await backups.extract(plan, { id, stores, into: folder, withContext }, effect);
      return wanted;
    }
    const [store = ''] = wanted.stores;
    const place = await backups.restoreInto(plan, { id, store, place: effect.resolve(into) }, effect);
    return { ...wanted, into: place };
  });
}

async function planned({ backups, plan, effect }: OpenBackups, wish: RestoreWish, into: string): Promise<Extracted> {
  const backup = await backups.find(plan, wish.reference);
  const stores = storesMeant(plan, backup, wish.stores);
  const given = effect.resolve(into);
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) {
    // One store alone is a look at that store.
    const withContext = wish.stores.length === 0 && holdsContext(backup);
    const folder = resolve(given);
    await refuseUsedFolder(folder, plan, effect);
    return { backup, stores, into: folder, kind: 'folder', withContext };
  }
  if (stores.length === 1) return { backup, stores, into: withoutPassword(given), kind: 'place', withContext: false };
  throw problem('usage', `${stores.length} stores do not go into one place`, {
    where: backup.id,
    next: `Name one with --store: ${stores.join(', ')}`,
  });
}

/** Whether there is anything in it that belongs to no store. */
function holdsContext({ context, downPaths }: BackupSummary): boolean {
  const environment = context?.environment ?? null;
  return downPaths.length > 0 || (environment !== null && environment.notStored === null);
}

function withoutPassword(address: string): string {
  return address.replace(/^([^/]*\/\/[^/@:]*):[^@/]*@/, '$1@');
}
