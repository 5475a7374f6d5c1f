import { resolve } from 'node:path';
import type { Sealed } from '../adapters/vaults/vault.ts';
import type { ProofRun, StoreProof } from '../core/backup/proof-run.ts';
import { checkedAt, notCheckedAt, START_LEVEL } from '../core/backup/verification-level.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import { effectUntil } from '../platform/effect.ts';
import { withBackupLock } from '../state/backup-record.ts';
import { withRehearsalLock } from '../state/rehearsals.ts';
import type { App } from './app.ts';
import { askOnCopies } from './ask-on-copies.ts';
import { requireLedAway, unmeasured, type VersionVerdict } from './ask-version.ts';
import type { OpenBackups } from './open-backups.ts';
import { sweepCopies } from './scratch-run.ts';
import { planOfVersion } from './version-plan.ts';

/**
 * Starts the version that ran when the backup was taken on restored copies of all its stores, and asks it what the environment asks (V4).
 * The caller has proven the backup by a restore before. What is found is kept, also that nobody could look.
 */
export async function proveByStart(app: App, opened: OpenBackups, id: string): Promise<ProofRun> {
  const { plan, backups, effect } = opened;
  const startedMs = effect.clock.nowMs();
  const sealed = await opened.vault(plan).show(id, { service: plan.service, environment: plan.environment });
  const verdict = await verdictOf(app, opened, sealed);
  const seconds = (effect.clock.nowMs() - startedMs) / 1000;
  const proofs = proofsOf(sealed, verdict, seconds);
  return backups.keepProof(plan, { id, level: START_LEVEL, by: app.person, proofs }, effect);
}

async function verdictOf(app: App, opened: OpenBackups, sealed: Sealed): Promise<VersionVerdict> {
  try {
    return await startOnCopies(app, opened, sealed);
  } catch (error) {
    opened.effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    return unmeasured(error);
  }
}

async function startOnCopies(app: App, opened: OpenBackups, sealed: Sealed): Promise<VersionVerdict> {
  const { adapters, config, environment, effect, withCopy } = opened;
  const { manifest } = sealed;
  const scratch = environment.scratch ?? null;
  if (scratch === null) throw undeclared(environment.name, opened.plan.stores);
  if (manifest.version === null) throw nothingRan(manifest.id);
  const { version } = manifest;
  const database = await app.database();
  const plan = await planOfVersion(database, opened.plan, version);
  const stores = manifest.stores.map(({ name }) => name).filter((name) => !scratch.without.includes(name));
  const order = { adapters, plan, scratch, verify: environment.verify, version, stores, effect };
  requireLedAway(order);
  const from = { vault: opened.vault(plan), withCopy, sealed, stores: opened.stores(plan) };
  const place = resolve(app.projectDirectory, config.backups.scratch);
  return withRehearsalLock(database, app.project, async () => {
    await sweepCopies(from.stores, effect);
    // Nobody prunes what is being read.
    return withBackupLock(database, plan, (lost) =>
      askOnCopies({ from, place, version: { ...order, effect: effectUntil(effect, lost) }, ready: {} }),
    );
  });
}

function undeclared(environment: string, stores: readonly { name: string }[]): Error {
  const [store = 'database'] = stores.map(({ name }) => name.toUpperCase().replaceAll('-', '_'));
  return problem('refused', 'the release file does not say how a version is started on a copy', {
    where: `environments.${environment}.scratch`,
    next: `Write scratch: { env: { DATABASE_URL: $SCRATCH_${store}_URL } } there ($SCRATCH_${store}_PATH for a file), with the variables by which the program finds its data.`,
  });
}

function nothingRan(id: string): Error {
  return problem('refused', 'no version ran when it was taken', {
    where: id,
    next: 'Look at it with --level 3, which restores and compares it.',
  });
}

/** The version runs on all stores at once, so that each of them has what is said of it. */
function proofsOf({ manifest }: Sealed, verdict: VersionVerdict, seconds: number): StoreProof[] {
  const { outcome, sentence, checked, notChecked } = verdict;
  const isPass = outcome === 'pass';
  return manifest.stores.map(({ name }) => ({
    store: name,
    outcome,
    fault: isPass ? null : sentence,
    seconds: seconds / manifest.stores.length,
    checked: isPass ? [...checkedAt(START_LEVEL), ...checked] : [],
    notChecked: [...notChecked, ...notCheckedAt(START_LEVEL)],
  }));
}
