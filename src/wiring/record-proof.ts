import type { Manifest } from '../core/backup/manifest.ts';
import { faultOf, outcomeOf, type ProofRun, type StoreProof } from '../core/backup/proof-run.ts';
import {
  checkedAt,
  DEFAULT_LEVEL,
  notCheckedAt,
  RESTORE_LEVEL,
  type VerificationLevel,
} from '../core/backup/verification-level.ts';
import type { Actor } from '../core/journal/event.ts';
import type { Plan } from '../core/plan/plan.ts';
import type { JsonObject } from '../core/release/json.ts';
import { timestamp } from '../platform/clock.ts';
import type { Effect } from '../platform/effect.ts';
import { programVersion } from '../platform/program-version.ts';
import { keepProof } from '../state/backup-proofs.ts';
import type { Database } from '../state/open-database.ts';
import { journalBackup } from '../state/sealed-backups.ts';

export function proofTool(): string {
  return `shipway ${programVersion()}`;
}

export function placeOf(plan: Plan): { service: string; environment: string } {
  return { service: plan.service, environment: plan.environment };
}

interface Recorder {
  open: () => Promise<Database>;
  plan: Plan;
  effect: Effect;
  /** A person, or null. */
  by: string | null;
}

/** Keeps what a look found, store by store; a look at all of the backup, or one that found a fault, also counts for the backup as a whole. */
export async function recordProof(
  recorder: Recorder,
  { id, level }: { id: string; level: VerificationLevel },
  { proofs, isComplete }: { proofs: StoreProof[]; isComplete: boolean },
): Promise<ProofRun> {
  const { open, plan, effect, by } = recorder;
  const frame = { backup: id, level, by, release: releaseOf(effect.token), tool: proofTool() };
  const run: ProofRun = { ...frame, at: timestamp(effect.clock.nowMs()), isComplete, stores: proofs };
  await keepProof((await open()).db, placeOf(plan), run);
  const outcome = outcomeOf(run);
  if (!isComplete && outcome !== 'fail') return run;
  const fault = faultOf(run);
  const facts = { level, outcome, ...(fault === null ? {} : { fault }) };
  await tellJournal(open, plan, { type: 'backup.verified', backup: id, token: effect.token, facts });
  return run;
}

/** A new backup was verified before it counted as one; the entry that it was sealed says so for the backup as a whole. */
export async function recordVerified(recorder: Recorder, manifest: Manifest, seconds: number): Promise<void> {
  const { open, plan, effect, by } = recorder;
  const share = seconds / manifest.stores.length;
  const stores = manifest.stores.map(({ name }) => passOf(name, DEFAULT_LEVEL, share, checkedAt(DEFAULT_LEVEL)));
  const frame = { backup: manifest.id, level: DEFAULT_LEVEL, by, release: releaseOf(effect.token), tool: proofTool() };
  await keepProof((await open()).db, placeOf(plan), { ...frame, isComplete: true, stores });
}

/** A restore verifies its copy beside the live data before it swaps it in, which is as good a proof as any. */
export async function recordStaged(
  recorder: Recorder,
  order: { id: string; storeNames: string[]; vault: { show(id: string, of: Place): Promise<{ manifest: Manifest }> } },
  seconds: number,
): Promise<void> {
  const { id, storeNames, vault } = order;
  const { manifest } = await vault.show(id, placeOf(recorder.plan));
  const how = ['restored beside the live data and compared with the capture'];
  const proofs = storeNames.map((name) => passOf(name, RESTORE_LEVEL, seconds / storeNames.length, how));
  const isComplete = manifest.stores.every(({ name }) => storeNames.includes(name));
  await recordProof(recorder, { id, level: RESTORE_LEVEL }, { proofs, isComplete });
}

type Place = ReturnType<typeof placeOf>;

function passOf(store: string, level: VerificationLevel, seconds: number, checked: string[]): StoreProof {
  return { store, outcome: 'pass', fault: null, seconds, checked, notChecked: notCheckedAt(level) };
}

/** The release whose token it is; null for what a person does by hand. */
export function releaseOf(token: string): string | null {
  return token.startsWith('r-') ? (token.split('/')[0] ?? null) : null;
}

interface BackupNews {
  type:
    | 'backup.sealed'
    | 'backup.verified'
    | 'backup.restoring'
    | 'backup.restored'
    | 'backup.restore-failed'
    | 'backup.extracted';
  backup: string;
  token: string;
  facts: JsonObject;
}

/** Appends one event about a backup, in the name of the release whose token it is. */
export async function tellJournal(open: () => Promise<Database>, plan: Plan, news: BackupNews): Promise<void> {
  const { service, environment } = placeOf(plan);
  const actor: Actor = { kind: 'system', id: 'backups' };
  const data = { backup: news.backup, ...news.facts };
  await journalBackup((await open()).db, {
    type: news.type,
    release: releaseOf(news.token),
    service,
    environment,
    actor,
    data,
  });
}
