import { isBackupOf } from '../core/backup/backup-id.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import { timestamp } from '../platform/clock.ts';
import { journalBackups, withBackupLock } from '../state/backup-record.ts';
import { personActor } from '../state/releases.ts';
import type { App } from './app.ts';
import { openBackups, type OpenBackups } from './open-backups.ts';

export interface PinWish {
  environment: string | null;
  /** Id, unique beginning of one, or `before:<release>`. */
  reference: string;
  reason: string;
}

export interface Pinned {
  id: string;
  /** It was in the trash, and is listed again. */
  recovered: boolean;
}

/** The backup that would be pinned: also one in the trash. */
export async function findToPin(app: App, wish: Omit<PinWish, 'reason'>): Promise<Pinned> {
  return find(await openBackups(app, wish.environment), wish.reference);
}

/** Keeps a backup until it is unpinned, and takes it out of the trash where it lies there. A new reason replaces the one before. */
export async function pinBackup(app: App, wish: PinWish): Promise<Pinned> {
  const opened = await openBackups(app, wish.environment);
  const { plan } = opened;
  const database = await app.database();
  return withBackupLock(database, plan, async () => {
    const found = await find(opened, wish.reference);
    const { id } = found;
    const { reason } = wish;
    const frame = frameOf(app, plan);
    await journalBackups(database.db, [
      { ...frame, type: 'backup.pinned', data: { backup: id, reason } },
      ...(found.recovered
        ? [{ ...frame, type: 'backup.recovered' as const, data: { backup: id, rule: `pinned: ${reason}` } }]
        : []),
    ]);
    const vault = opened.vault(plan);
    // In this order: whatever happens in between, a pinned backup is not deleted.
    await vault.pin({ id, reason, by: app.person, at: timestamp(app.nowMs()) });
    if (found.recovered) await vault.recover(id);
    return found;
  });
}

/** Takes a pin away; the rules decide again. Throws `not-found` where there is none. */
export async function unpinBackup(
  app: App,
  wish: Omit<PinWish, 'reason'> & { reason: string | null },
): Promise<{ id: string; reason: string }> {
  const opened = await openBackups(app, wish.environment);
  const { plan } = opened;
  const database = await app.database();
  return withBackupLock(database, plan, async () => {
    const pin = await findPin(opened, wish.reference);
    const data = { backup: pin.id, reason: wish.reason };
    await journalBackups(database.db, [{ ...frameOf(app, plan), type: 'backup.unpinned', data }]);
    await opened.vault(plan).unpin(pin.id);
    return pin;
  });
}

/** The pin that is meant, for whoever asks before. */
export async function findPinOf(app: App, wish: Omit<PinWish, 'reason'>): Promise<{ id: string; reason: string }> {
  return findPin(await openBackups(app, wish.environment), wish.reference);
}

async function findPin(opened: OpenBackups, reference: string): Promise<{ id: string; reason: string }> {
  const { id } = await find(opened, reference);
  const pin = (await opened.vault(opened.plan).pins()).find((one) => one.id === id);
  if (pin !== undefined) return { id, reason: pin.reason };
  throw problem('not-found', `${id} is not pinned`, { next: 'shipway backup list shows what is.' });
}

async function find(opened: OpenBackups, reference: string): Promise<Pinned> {
  const { plan } = opened;
  try {
    return { id: (await opened.backups.find(plan, reference)).id, recovered: false };
  } catch (error) {
    if (!isProblem(error) || error.kind !== 'not-found') throw error;
    const trashed = (await opened.vault(plan).pruned()).filter(
      ({ tombstone, data }) =>
        data === 'whole' &&
        reference.startsWith('bk_') &&
        tombstone.id.startsWith(reference) &&
        isBackupOf(tombstone.id, plan.service, plan.environment),
    );
    const [only, second] = trashed;
    if (only !== undefined && second === undefined) return { id: only.tombstone.id, recovered: true };
    throw error;
  }
}

function frameOf(app: App, { service, environment }: { service: string; environment: string }) {
  return { release: null, service, environment, actor: personActor(app.person) };
}
