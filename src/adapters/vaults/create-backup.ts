import { dirname, join } from 'node:path';
import { CONTEXT_FOLDER, DOWN_FOLDER, NOTHING_KNOWN } from '../../core/backup/backup-context.ts';
import type { BackupReason } from '../../core/backup/backup-id.ts';
import type { BackupContext } from '../../core/backup/manifest.ts';
import { isProblem, problem } from '../../core/release/problem.ts';
import { timestamp } from '../../platform/clock.ts';
import type { Effect } from '../../platform/effect.ts';
import { copyFileSynced, ensureDirectory, freeBytes } from '../../platform/files.ts';
import { gap } from '../../platform/gap.ts';
import type { Store } from '../stores/store.ts';
import type { BackupPlace, ManifestDraft, Sealed, SecretPart, Vault, VaultObjects } from './vault.ts';

/** An opened store and its name in the release file. */
export interface NamedOpenStore {
  name: string;
  kind: string;
  store: Store;
}

/** What belongs to no store: facts for the manifest, the files of the way down, and what must never lie plain. */
export interface ContextOrder {
  facts: Omit<BackupContext, 'parts'>;
  /** Relative to the project, with where each lies now. */
  down: readonly { path: string; from: string }[];
  secrets: readonly SecretPart[];
}

export interface BackupOrder {
  id: string;
  reason: BackupReason;
  service: string;
  environment: string;
  release: string | null;
  /** The version that runs now. */
  version: string | null;
  stores: NamedOpenStore[];
  vault: Vault;
  effect: Effect;
  /** Program and version, for the manifest. */
  tool: string;
  /** Left out: nothing is known but the data. */
  context?: ContextOrder;
}

/** A sealed backup, and whether this call has taken it. */
export interface CreatedBackup extends Sealed {
  /** False: it was sealed before, by a call that died or by another process, and what it looked at nobody here has seen. */
  isNew: boolean;
}

const NO_CONTEXT: ContextOrder = { facts: NOTHING_KNOWN, down: [], secrets: [] };

/**
 * Takes one backup of all stores, checks the copies and seals it. The same id again returns the sealed backup, or begins anew what a crash
 * left. A failure leaves nothing behind, and nothing unsealed is ever listed.
 */
export async function createBackup(order: BackupOrder): Promise<CreatedBackup> {
  const { id, vault, effect, service, environment } = order;
  const existing = await vault.show(id, { service, environment }).catch(ofNothing);
  if (existing !== null) return { ...existing, isNew: false };
  if (order.stores.length === 0) {
    throw problem('usage', 'a backup without stores would hold nothing', {
      where: id,
      next: 'Name at least one store in the release file.',
    });
  }
  let neededBytes = 0;
  for (const { store } of order.stores) neededBytes += (await store.probe(effect)).bytes;
  try {
    const place = await vault.begin(id);
    const { draft, objects } = await captureAll(order, place);
    await gap('backups.captured');
    effect.signal.throwIfAborted();
    const sealed = await vault.seal(draft, effect.signal, order.context?.secrets ?? []);
    for (const one of objects) await one.remember();
    return { ...sealed, isNew: true };
  } catch (error) {
    throw await cleanUp(order, neededBytes, error);
  }
}

function ofNothing(error: unknown): null {
  if (isProblem(error) && error.kind === 'not-found') return null;
  throw error;
}

async function captureAll(
  order: BackupOrder,
  place: BackupPlace,
): Promise<{ draft: ManifestDraft; objects: VaultObjects[] }> {
  const { id, reason, service, environment, release, version, tool, effect } = order;
  const start = timestamp(effect.clock.nowMs());
  const stores: ManifestDraft['stores'] = [];
  const written: VaultObjects[] = [];
  for (const named of order.stores) {
    effect.signal.throwIfAborted();
    const { saved, objects } = await captureStore(named, order, place);
    stores.push(saved);
    if (objects !== null) written.push(objects);
    effect.report(`${named.name}: ${saved.capture.liveBytes} bytes copied${objects === null ? ' and checked' : ''}`);
  }
  const { facts, down } = order.context ?? NO_CONTEXT;
  if (down.length > 0) await copyDown(await place.folderOf(CONTEXT_FOLDER), down);
  const end = timestamp(effect.clock.nowMs());
  const createdAt = { start, end };
  const draft = { id, reason, service, environment, release, version, tool, createdAt, stores, context: facts };
  return { draft, objects: written };
}

async function captureStore(
  { name, kind, store }: NamedOpenStore,
  order: BackupOrder,
  place: BackupPlace,
): Promise<{ saved: ManifestDraft['stores'][number]; objects: VaultObjects | null }> {
  const { effect } = order;
  const folder = await place.folderOf(name);
  if (store.shared === undefined) {
    const capture = await store.capture(folder, effect);
    await store.verify(folder, capture, effect);
    return { saved: { name, kind, engine: capture.engine, capture }, objects: null };
  }
  const objects = await place.objectsOf(name, order, effect);
  try {
    // Nothing of it lies here plain, so it is looked at when the backup is sealed, as a whole.
    const capture = await store.shared.capture(folder, objects, effect);
    return { saved: { name, kind, engine: capture.engine, capture, objects: objects.sealed() }, objects };
  } finally {
    await objects.settled(); // whoever deletes the folder after a failure must not meet somebody who writes in it
  }
}

async function copyDown(folder: string, files: ContextOrder['down']): Promise<void> {
  for (const { path, from } of files) {
    const to = join(folder, DOWN_FOLDER.slice(CONTEXT_FOLDER.length + 1), path);
    await ensureDirectory(dirname(to));
    await copyFileSynced(from, to);
  }
}

/** The error to throw; a full disk gets the figures a person needs. Another process's work on the same id stays. */
async function cleanUp(order: BackupOrder, neededBytes: number, error: unknown): Promise<unknown> {
  if (isProblem(error) && error.kind === 'refused') return error;
  await order.vault.abandon(order.id).catch(() => undefined); // the first error is the one that says what is wrong; the sweep comes again
  if (!isProblem(error) || error.kind !== 'disk-full') return error;
  const free = freeBytes(order.vault.place);
  return problem('disk-full', `the backup ${order.id} does not fit: about ${neededBytes} bytes needed, ${free} free`, {
    where: order.vault.place,
    next: 'Make room on that disk, or set another backups.directory in the release file. Nothing was kept of this backup.',
    cause: error,
  });
}
