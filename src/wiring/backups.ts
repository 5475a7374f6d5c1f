import { join, resolve } from 'node:path';
import { storeKinds, type StoreKind, type StoreScope } from '../adapters/stores/index.ts';
import {
  confirmBackup,
  createBackup,
  describeLoss,
  discardPrestaged,
  extractBackup,
  openVault,
  proveBackup,
  readDown,
  restoreIntoNew,
  verifyBackup,
  type NamedOpenStore,
  type RestoreOrder,
} from '../adapters/vaults/index.ts';
import type { Sealed, Vault } from '../adapters/vaults/index.ts';
import { downPaths } from '../core/backup/backup-context.ts';
import { formatBackupId, isBackupOf, type BackupReason } from '../core/backup/backup-id.ts';
import { DEFAULT_LEVEL } from '../core/backup/verification-level.ts';
import { describeBackup } from '../core/backup/describe-backup.ts';
import { consistentAtOf, recipientsOf, sharedBytesOf, storedBytesOf } from '../core/backup/manifest.ts';
import type { NamedStore } from '../core/config/service-config.ts';
import { shortDigest } from '../core/plan/short-digest.ts';
import type { Plan } from '../core/plan/plan.ts';
import { problem } from '../core/release/problem.ts';
import type { BackupRequest, BackupSummary, BackupTools, TakenBackup } from '../engine/steps/step-backups.ts';
import type { Effect } from '../platform/effect.ts';
import type { Database } from '../state/open-database.ts';
import { backupRecords } from '../state/backup-record.ts';
import { recordedManifest } from '../state/sealed-backups.ts';
import { placeOf, proofTool, recordProof, recordVerified, tellJournal } from './record-proof.ts';
import { prestage, stage } from './stage-backup.ts';
import { swapIn, unstage } from './swap-backup.ts';
import { copyTools } from './copies.ts';
import { forgetKeys, keyRingOf } from './backup-keys.ts';
import { isSuspicious } from './is-suspicious.ts';
import { projectName } from './project-name.ts';
import { setAside, type SetAside } from './set-aside.ts';

export { newIdentity, withCopy } from '../adapters/vaults/index.ts';

const kinds: Record<string, StoreKind> = storeKinds;

/** The backups of a project: opened stores meet the vault, and the journal hears of every sealed, verified and restored backup. */
export function backupTools(projectDirectory: string, open: () => Promise<Database>): BackupTools {
  const at = (plan: Plan): Vault => vaultOf(plan, projectDirectory);
  const stores = (plan: Plan, named: NamedStore[]): NamedOpenStore[] =>
    named.map((store) => openStore(store, scopeOf(plan, projectDirectory)));
  const orderOf = async (plan: Plan, id: string, effect: Effect) => ({
    id,
    ...placeOf(plan),
    stores: stores(plan, plan.stores),
    vault: at(plan),
    effect,
    ...(await recorded(open, id)),
  });
  return {
    create: (plan, request, effect) =>
      create({ vault: at(plan), stores: stores(plan, request.stores), open, projectDirectory }, plan, request, effect),
    find: async (plan, reference) => summaryOf(await findIn(at(plan), open, plan, reference)),
    list: async (plan) => listOf(at(plan), plan),
    ids: async (plan) => (await at(plan).ids()).filter((id) => isBackupOf(id, plan.service, plan.environment)),
    async prove(plan, request, effect) {
      const order = {
        ...(await orderOf(plan, request.id, effect)),
        level: request.level,
        scratch: resolve(projectDirectory, request.scratch),
        ...(request.stores === null ? {} : { storeNames: request.stores }),
      };
      return recordProof({ open, plan, effect, by: request.by }, request, await proveBackup(order));
    },
    readDown: async (plan, id) => readDown(at(plan), await at(plan).show(id, placeOf(plan))),
    keepProof: (plan, { id, level, by, proofs }, effect) =>
      recordProof({ open, plan, effect, by }, { id, level }, { proofs, isComplete: true }),
    forgetKeys: (place) => forgetKeys(projectDirectory, open, place),
    loss: async (plan, { id, stores: storeNames }, effect) =>
      describeLoss({ ...(await orderOf(plan, id, effect)), storeNames }),
    extract: async (plan, request, effect) => extract(await orderOf(plan, request.id, effect), { open, plan }, request),
    restoreInto: async (plan, request, effect) =>
      intoNew(await orderOf(plan, request.id, effect), { open, plan }, request),
    stage: async (plan, request, effect) => stage(await orderOf(plan, request.id, effect), { open, plan }, request),
    prestage: async (plan, request, effect) =>
      prestage(await orderOf(plan, request.id, effect), { open, plan }, request),
    discardWaiting: (plan, id, effect) => discardPrestaged(stores(plan, plan.stores), id, effect),
    unstage: (plan, staged, effect) => unstage(staged, { stores: stores(plan, plan.stores), effect }),
    swap: (plan, staged, effect) => swapIn({ stores: stores(plan, plan.stores), open, plan }, staged, effect),
    copies: copyTools({ open, vaultOf: at, summaryOf }),
  };
}

/** Who took data out of a backup, and where it went, stays in the journal. */
async function extract(
  order: RestoreOrder,
  { open, plan }: { open: () => Promise<Database>; plan: Plan },
  { id, stores, into, withContext }: { id: string; stores: string[]; into: string; withContext: boolean },
): Promise<void> {
  await extractBackup({ ...order, storeNames: stores, into, withContext });
  await tellJournal(open, plan, {
    type: 'backup.extracted',
    backup: id,
    token: order.effect.token,
    facts: { stores, into },
  });
}

async function intoNew(
  order: RestoreOrder,
  { open, plan }: { open: () => Promise<Database>; plan: Plan },
  { id, store, place }: { id: string; store: string; place: string },
): Promise<string> {
  const into = await restoreIntoNew({ ...order, storeNames: [store] }, place);
  const facts = { stores: [store], into };
  await tellJournal(open, plan, { type: 'backup.extracted', backup: id, token: order.effect.token, facts });
  return into;
}

/** Where the backups of a plan are kept, with the keys to seal and open them. */
export function vaultOf(plan: Plan, projectDirectory: string): Vault {
  const { backupFullSeconds: fullSeconds } = plan;
  const settings = fullSeconds === undefined ? {} : { fullSeconds };
  return openVault(resolve(projectDirectory, plan.backupDirectory), keyRingOf(plan, projectDirectory), settings);
}

interface Place {
  vault: Vault;
  stores: NamedOpenStore[];
  open: () => Promise<Database>;
  projectDirectory: string;
}

/** So many ids one request may have. */
const IDS_OF_REQUEST = 9;

/** Takes a backup and verifies it. When one that shares objects is damaged, it is set aside and a full one is taken at once. */
async function create(place: Place, plan: Plan, request: BackupRequest, effect: Effect): Promise<TakenBackup> {
  const startedMs = effect.clock.nowMs();
  const withSeconds = (summary: BackupSummary): TakenBackup => {
    const seconds = (effect.clock.nowMs() - startedMs) / 1000;
    effect.report(describeBackup({ ...summary, seconds }));
    return { ...summary, seconds };
  };
  const first = await take(place, plan, request, effect);
  if (!('error' in first)) return withSeconds(first);
  if (!first.hasShared) throw first.error;
  effect.report(`${first.error.message}; it is in the trash, and everything is read and written anew`);
  const second = await take(place, plan, request, effect);
  if ('error' in second) throw second.error;
  return withSeconds(second);
}

/** The first id of the request that no backup was set aside under: after a crash the same one is meant. */
async function idOf(vault: Vault, plan: Plan, request: BackupRequest): Promise<string> {
  const gone = new Set((await vault.pruned()).map(({ tombstone }) => tombstone.id));
  for (let count = 0; count < IDS_OF_REQUEST; count += 1) {
    const id = formatBackupId({
      takenAtMs: Date.parse(request.begunAt),
      ...placeOf(plan),
      reason: request.reason as BackupReason,
      random: shortDigest(count === 0 ? request.key : `${request.key}/${count}`),
    });
    if (!gone.has(id)) return id;
  }
  throw problem('backup-failed', `${IDS_OF_REQUEST} backups were damaged when they were taken`, {
    where: vault.place,
    next: 'Look at the disk, or set another backups.directory in the release file.',
  });
}

async function take(
  place: Place,
  plan: Plan,
  request: BackupRequest,
  effect: Effect,
): Promise<BackupSummary | SetAside> {
  const { stores, vault, open } = place;
  const id = await idOf(vault, plan, request);
  const order = {
    id,
    reason: request.reason as BackupReason,
    release: request.release,
    version: plan.previous?.version ?? null,
    tool: proofTool(),
  };
  const context = {
    ...request.context,
    down: request.context.down.map((path) => ({ path, from: join(effect.projectDirectory, path) })),
  };
  const { isNew, ...sealed } = await createBackup({ ...order, ...placeOf(plan), stores, vault, effect, context });
  const isRecorded = (await recordedManifest((await open()).db, id)) !== null;
  const verifiedSinceMs = effect.clock.nowMs();
  try {
    const look = { id, ...placeOf(plan), stores, vault, effect };
    await (isNew ? confirmBackup(look, sealed) : verifyBackup(look));
  } catch (error) {
    // One that was whole once is not exchanged in silence: the data may have changed since.
    if (isRecorded) throw error;
    return setAside({ vault, stores, open, plan, effect }, sealed, error);
  }
  const seconds = (effect.clock.nowMs() - verifiedSinceMs) / 1000;
  // What was made by hand is read again with the identity alone: only a release has to find its way back by itself.
  if (request.release === null) await vault.keys.forget(id);
  if (!isRecorded) await recordSealed({ place, plan, effect }, sealed, seconds);
  return summaryOf(sealed);
}

async function recordSealed(
  { place, plan, effect }: { place: Place; plan: Plan; effect: Effect },
  sealed: Sealed,
  verifiedSeconds: number,
): Promise<void> {
  const { open, vault, projectDirectory } = place;
  const { id, context } = sealed.manifest;
  const revision = context?.migration?.revision ?? null;
  const records = await backupRecords((await open()).db, placeOf(plan));
  const facts = {
    manifest: sealed.manifestSha256,
    level: DEFAULT_LEVEL,
    // Whose folder it is missing from when it is gone: several projects may share a memory.
    project: projectName(projectDirectory),
    consistentAt: consistentAtOf(sealed.manifest),
    ...(revision === null ? {} : { revision }),
    ...((await isSuspicious(vault, records, sealed)) ? { suspicious: true } : {}),
  };
  await tellJournal(open, plan, { type: 'backup.sealed', backup: id, token: effect.token, facts });
  await recordVerified({ open, plan, effect, by: null }, sealed.manifest, verifiedSeconds);
}

/** The manifest's digest that the journal kept; without one, only the manifest's own hashes can be compared. */
async function recorded(open: () => Promise<Database>, id: string): Promise<{ manifestSha256?: string }> {
  const digest = await recordedManifest((await open()).db, id);
  return digest === null ? {} : { manifestSha256: digest };
}

/** What the stores of a plan have to know of the machine. */
export function scopeOf({ scratchDirectory }: Plan, projectDirectory: string): StoreScope {
  if (scratchDirectory === undefined) return { projectDirectory };
  return { projectDirectory, scratch: resolve(projectDirectory, scratchDirectory) };
}

/** A store of the plan, opened. */
export function openStore({ name, kind, settings }: NamedStore, scope: StoreScope): NamedOpenStore {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (found !== undefined) return { name, kind, store: found.open(settings, scope) };
  throw problem('config-invalid', `this version of shipway has no store of kind ${kind}`, {
    next: `Use one of: ${Object.keys(storeKinds).join(', ')}`,
  });
}

/** A release may have two backups of before it: the first one was damaged when it was taken. */
async function findIn(vault: Vault, open: () => Promise<Database>, plan: Plan, reference: string): Promise<Sealed> {
  const of = placeOf(plan);
  if (!reference.startsWith('before:')) return vault.show(reference, of);
  const records = await backupRecords((await open()).db, of);
  const failed = [...records].filter(([, { proof }]) => proof?.outcome === 'fail');
  return vault.show(reference, { ...of, avoid: new Set(failed.map(([id]) => id)) });
}

async function listOf(vault: Vault, plan: Plan): Promise<BackupSummary[]> {
  const entries = (await vault.list()).filter((entry) => isBackupOf(entry.id, plan.service, plan.environment));
  return entries.flatMap((entry) => (entry.sealed === null ? [] : [summaryOf(entry.sealed)]));
}

function summaryOf({ manifest }: Sealed): BackupSummary {
  const { parts = [], ...context } = manifest.context ?? {};
  return {
    id: manifest.id,
    reason: manifest.reason,
    release: manifest.release,
    version: manifest.version,
    createdAt: manifest.createdAt.end,
    consistentAt: consistentAtOf(manifest),
    stores: manifest.stores.map((store) => store.name),
    bytes: manifest.totals.bytes,
    storedBytes: storedBytesOf(manifest),
    sharedBytes: sharedBytesOf(manifest.stores),
    encryptedFor: recipientsOf(manifest),
    signer: manifest.seal?.signer ?? null,
    context: manifest.context === undefined ? null : (context as BackupSummary['context']),
    downPaths: downPaths({ parts }),
  };
}
