import { resolve } from 'node:path';
import { storeKinds, type StoreKind } from '../adapters/stores/index.ts';
import {
  createBackup,
  describeLoss,
  openVault,
  stageRestore,
  swapRestore,
  undoRestore,
  verifyBackup,
  type NamedOpenStore,
  type StagedStore,
  type SwappedStore,
} from '../adapters/vaults/index.ts';
import type { Sealed, Vault } from '../adapters/vaults/index.ts';
import { formatBackupId, isBackupOf, type BackupReason } from '../core/backup/backup-id.ts';
import type { NamedStore } from '../core/config/service-config.ts';
import type { Actor } from '../core/journal/event.ts';
import { shortDigest } from '../core/plan/short-digest.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import type { BackupRequest, BackupSummary, BackupTools } from '../engine/steps/step-backups.ts';
import type { Effect } from '../platform/effect.ts';
import { programVersion } from '../platform/program-version.ts';
import type { Database } from '../state/open-database.ts';
import { journalBackup, recordedManifest } from '../state/sealed-backups.ts';

const kinds: Record<string, StoreKind> = storeKinds;
const TOOL = `shipway ${programVersion()}`;

/** The backups of a project: opened stores meet the vault, and the journal hears of every sealed, verified and restored backup. */
export function backupTools(projectDirectory: string, open: () => Promise<Database>): BackupTools {
  const at = (plan: Plan): Vault => openVault(resolve(projectDirectory, plan.backupDirectory));
  const stores = (named: NamedStore[]): NamedOpenStore[] => named.map((store) => openStore(store, projectDirectory));
  const orderOf = async (plan: Plan, id: string, effect: Effect) => ({
    id,
    ...placeOf(plan),
    stores: stores(plan.stores),
    vault: at(plan),
    effect,
    ...(await recorded(open, id)),
  });
  return {
    create: (plan, request, effect) =>
      create({ vault: at(plan), stores: stores(request.stores), open }, plan, request, effect),
    find: async (plan, reference) => summaryOf(await at(plan).show(reference, placeOf(plan))),
    list: async (plan) => listOf(at(plan), plan),
    verify: async (plan, id, effect) => faultOf(async () => verifyBackup(await orderOf(plan, id, effect))),
    loss: async (plan, id, effect) => describeLoss(await orderOf(plan, id, effect)),
    async stage(plan, request, effect) {
      const order = {
        ...(await orderOf(plan, request.id, effect)),
        storeNames: request.stores.map((store) => store.name),
      };
      return { backup: request.id, staged: (await stageRestore(order)) as unknown as Json };
    },
    async swap(plan, staged, effect) {
      const swapped = await swapRestore(staged['staged'] as unknown as StagedStore[], stores(plan.stores), effect);
      await tellJournal(open, plan, { type: 'backup.restored', backup: backupOf(staged), token: effect.token });
      return { backup: staged['backup'] ?? null, swapped: swapped as unknown as Json };
    },
    swapBack: (plan, swapped, effect) =>
      undoRestore(swapped['swapped'] as unknown as SwappedStore[], stores(plan.stores), effect),
  };
}

/** The backup that was staged, as `stage` wrote it down. */
function backupOf(staged: JsonObject): string {
  const { backup } = staged;
  return typeof backup === 'string' ? backup : '';
}

interface Place {
  vault: Vault;
  stores: NamedOpenStore[];
  open: () => Promise<Database>;
}

async function create(place: Place, plan: Plan, request: BackupRequest, effect: Effect): Promise<BackupSummary> {
  const id = formatBackupId({
    takenAtMs: Date.parse(request.begunAt),
    ...placeOf(plan),
    reason: request.reason as BackupReason,
    random: shortDigest(request.key),
  });
  const order = {
    id,
    reason: request.reason as BackupReason,
    release: request.release,
    version: plan.previous?.version ?? null,
    tool: TOOL,
  };
  const sealed = await createBackup({ ...order, ...placeOf(plan), stores: place.stores, vault: place.vault, effect });
  await verifyBackup({ id, ...placeOf(plan), stores: place.stores, vault: place.vault, effect });
  const { db } = await place.open();
  if ((await recordedManifest(db, id)) === null) {
    await tellJournal(place.open, plan, {
      type: 'backup.sealed',
      backup: id,
      manifest: sealed.manifestSha256,
      token: effect.token,
    });
  }
  const summary = summaryOf(sealed);
  effect.report(`${summary.id}: ${summary.stores.join(', ')}, ${summary.bytes} bytes, every copy opened and compared`);
  return summary;
}

/** The manifest's digest that the journal kept; without one, only the manifest's own hashes can be compared. */
async function recorded(open: () => Promise<Database>, id: string): Promise<{ manifestSha256?: string }> {
  const digest = await recordedManifest((await open()).db, id);
  return digest === null ? {} : { manifestSha256: digest };
}

interface BackupNews {
  type: 'backup.sealed' | 'backup.restored';
  backup: string;
  manifest?: string;
  token: string;
}

async function tellJournal(open: () => Promise<Database>, plan: Plan, news: BackupNews): Promise<void> {
  const { service, environment } = placeOf(plan);
  const release = news.token.startsWith('r-') ? (news.token.split('/')[0] ?? null) : null;
  const actor: Actor = { kind: 'system', id: 'backups' };
  const data = { backup: news.backup, ...(news.manifest === undefined ? {} : { manifest: news.manifest }) };
  await journalBackup((await open()).db, { type: news.type, release, service, environment, actor, data });
}

function openStore({ name, kind, settings }: NamedStore, projectDirectory: string): NamedOpenStore {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (found !== undefined) return { name, kind, store: found.open(settings, { projectDirectory }) };
  throw problem('config-invalid', `this version of shipway has no store of kind ${kind}`, {
    next: `Use one of: ${Object.keys(storeKinds).join(', ')}`,
  });
}

function placeOf(plan: Plan): { service: string; environment: string } {
  return { service: plan.service, environment: plan.environment };
}

async function listOf(vault: Vault, plan: Plan): Promise<BackupSummary[]> {
  const entries = (await vault.list()).filter((entry) => isBackupOf(entry.id, plan.service, plan.environment));
  return entries.flatMap((entry) => (entry.sealed === null ? [] : [summaryOf(entry.sealed)]));
}

function summaryOf({ manifest }: Sealed): BackupSummary {
  return {
    id: manifest.id,
    reason: manifest.reason,
    release: manifest.release,
    version: manifest.version,
    createdAt: manifest.createdAt.end,
    stores: manifest.stores.map((store) => store.name),
    bytes: manifest.totals.bytes,
  };
}

async function faultOf(check: () => Promise<unknown>): Promise<string | null> {
  try {
    await check();
    return null;
  } catch (error) {
    if (isProblem(error)) return error.message;
    throw error;
  }
}
