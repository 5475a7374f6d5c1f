import { resolve } from 'node:path';
import type { Migrator } from '../adapters/migrators/migrator.ts';
import type { Scratch } from '../adapters/stores/store.ts';
import type { Sealed, Vault } from '../adapters/vaults/vault.ts';
import type { MigrateConfig } from '../core/config/service-config.ts';
import { formatDuration } from '../core/plan/format-duration.ts';
import { stepsOf, type Plan } from '../core/plan/plan.ts';
import { outcomeOf, type Rehearsal } from '../core/rehearsal/rehearsal.ts';
import { isProblem, problem, problemRecord } from '../core/release/problem.ts';
import { effectUntil, type Effect } from '../platform/effect.ts';
import { gap } from '../platform/gap.ts';
import { randomId } from '../platform/ids.ts';
import { redact } from '../platform/redact.ts';
import { withBackupLock } from '../state/backup-record.ts';
import type { Database } from '../state/open-database.ts';
import { journalBegun, journalRehearsal, withRehearsalLock } from '../state/rehearsals.ts';
import { personActor } from '../state/releases.ts';
import { recordedManifest } from '../state/sealed-backups.ts';
import type { App, Tools } from './app.ts';
import { compareLive, lookAtLive } from './guard-live-data.ts';
import { planRehearsal, type PlannedRehearsal, type RehearsalRequest } from './plan-rehearsal.ts';
import { pointedEffect, pointedSettings } from './point-at-scratch.ts';
import { readyOldVersion } from './ready-old-version.ts';
import { makePasses, nothingFound, stopped, type Found } from './rehearsal-passes.ts';
import { sweepCopies, sweepScratchRuns } from './scratch-run.ts';

export interface Watching {
  /** One line of progress. */
  tell: (line: string) => void;
  /** Fires when the person does not want it any more: what runs is ended, and the copy removed. */
  signal: AbortSignal;
}

interface Act extends PlannedRehearsal, Watching {
  id: string;
  tools: Tools;
  database: Database;
  /** Of the live data. */
  effect: Effect;
}

/**
 * Tries the migration of a version on the newest backup: up, checks, down, up again, on a copy that is never the live data and that is
 * removed afterwards. What came of it is kept in the journal. Throws where it could not be tried; that is kept there too.
 */
export async function rehearse(app: App, request: RehearsalRequest, watching: Watching): Promise<Rehearsal> {
  const planned = await planRehearsal(app, request);
  const database = await app.database();
  const id = randomId();
  const base = await app.effect(planned.plan, `rehearsal/${id}/live`);
  const report = (line: string): void => watching.tell(redact(line));
  const effect: Effect = { ...base, signal: watching.signal, report };
  const act: Act = { ...planned, ...watching, tell: report, id, database, effect, tools: await app.tools() };
  return withRehearsalLock(database, app.project, async () => {
    await sweepCopies(act.tools.stores(act.plan), effect);
    await sweepScratchRuns(resolve(app.projectDirectory, act.scratchPlace), effect);
    const actor = personActor(app.person);
    const { service, environment } = act.plan;
    const begun = { id, service, environment, version: act.plan.version.number };
    await journalBegun(database.db, actor, { ...begun, backup: act.backup.id, store: act.store.name });
    const found = nothingFound();
    const restoreMs = { value: 0 };
    try {
      await carryOut(act, found, restoreMs);
    } catch (error) {
      const sentence = problemRecord(error).message;
      found.findings.push({ severity: 'unknown', kind: 'not-finished', sentence });
      await journalRehearsal(database.db, actor, evidenceOf(act, found, restoreMs.value));
      throw watching.signal.aborted ? stopped() : error;
    }
    const evidence = evidenceOf(act, found, restoreMs.value);
    await gap('rehearse.before-evidence');
    await journalRehearsal(database.db, actor, evidence);
    return evidence;
  });
}

function evidenceOf(act: Act, found: Found, restoreMs: number): Rehearsal {
  const { plan, backup, store, id, subject, planDigest, revision } = act;
  const { tookMs, locks, discards, checks, oldVersion, findings, revisionAfter } = found;
  return {
    id,
    service: plan.service,
    environment: plan.environment,
    version: plan.version.number,
    subject,
    plan: planDigest,
    revisionBefore: revision,
    revisionAfter,
    backup: { id: backup.id, createdAt: backup.createdAt },
    store: { name: store.name, kind: store.kind },
    restoreMs,
    tookMs,
    locks,
    discards,
    checks,
    oldVersion,
    findings,
    outcome: outcomeOf(findings),
  };
}

/** The live data is looked at before and after, whatever happens in between. */
async function carryOut(act: Act, found: Found, restoreMs: { value: number }): Promise<void> {
  const { adapters } = act.tools;
  const { rehearsing } = act.store;
  const version = act.plan.version.number;
  const live = adapters.migrator(act.migrate);
  const led = adapters.migrator(pointedSettings(act.migrate, act.rehearsal.env));
  const revisionOf = (): Promise<string | null> => live.revision(version, act.effect);
  const guarded = { id: act.id, rehearsing, revisionOf, effect: act.effect };
  const versions = await readyOldVersion(act, () => sourceOf(act));
  act.tell('reading the live data, to compare it afterwards');
  const before = await lookAtLive(guarded);
  await proveItIsLed(act, led);
  const startedMs = performance.now();
  act.tell(`restoring ${act.store.name} of ${act.backup.id} into a scratch copy`);
  const scratch = await restoreScratch(act);
  restoreMs.value = performance.now() - startedMs;
  act.tell(`restored into ${scratch.place} in ${formatDuration(restoreMs.value / 1000)}`);
  const error = await faultOf(async () => {
    await gap('rehearse.restored');
    await requireSameRevision(act, led, scratch);
    await makePasses({ ...trialOf(act, led, scratch), ...versions }, found);
  });
  // A signal that has fired would keep the copy from being removed.
  const effect = { ...act.effect, signal: new AbortController().signal };
  const left = await faultOf(() => scratch.remove(effect));
  const tookMs = (found.tookMs.up ?? 0) + (found.tookMs.down ?? 0);
  found.findings.unshift(...(await compareLive({ ...guarded, effect }, before, { touched: found.touched, tookMs })));
  for (const fault of [error, left]) if (fault !== null) throw fault.error;
}

async function faultOf(act: () => Promise<void>): Promise<{ error: unknown } | null> {
  try {
    await act();
    return null;
  } catch (error) {
    return { error };
  }
}

/** Asks for the revision where there is no data at all: whoever answers as the live data does has asked the live data. */
async function proveItIsLed(act: Act, led: Migrator): Promise<void> {
  const nowhere = await act.store.rehearsing.nowhere(act.id, act.effect);
  const effect = pointedEffect(tokenOf(act, 'nowhere', act.signal), act.rehearsal.env, nowhere);
  const answer = await led.revision(act.plan.version.number, effect).catch((error: unknown) => {
    if (isProblem(error) && error.kind === 'migration-failed') return null;
    throw error;
  });
  if (answer === null || answer !== act.revision) return;
  throw problem(
    'refused',
    `asked for the revision of a database that does not exist, the migration tool answers ${answer}, which is that of the live data`,
    {
      where: `environments.${act.plan.environment}.rehearsal.env`,
      next: 'Name the variable there by which your migration finds its database; and let the revision command fail when it finds none.',
    },
  );
}

async function sourceOf({ plan, backup, tools }: Act): Promise<{ vault: Vault; sealed: Sealed }> {
  const vault = tools.vault(plan);
  return { vault, sealed: await vault.show(backup.id, { service: plan.service, environment: plan.environment }) };
}

async function restoreScratch(act: Act): Promise<Scratch> {
  const { plan, store, backup, database, effect } = act;
  // Nobody prunes what is being read.
  return withBackupLock(database, plan, async (lost) => {
    const { vault, sealed } = await sourceOf(act);
    const recorded = (await recordedManifest(database.db, backup.id)) ?? sealed.manifestSha256;
    await vault.verifyParts({ ...sealed, manifestSha256: recorded });
    const saved = sealed.manifest.stores.find((one) => one.name === store.name);
    if (saved === undefined || saved.kind !== store.kind) {
      throw problem('refused', `"${store.name}" was a store of kind ${saved?.kind ?? 'none'} when it was backed up`, {
        where: backup.id,
        next: `Take a new backup: shipway backup create --env ${plan.environment}`,
      });
    }
    return vault.opened(sealed, store.name, (folder) =>
      store.rehearsing.restore({ folder, capture: saved.capture }, act.id, effectUntil(effect, lost)),
    );
  });
}

/** A copy of an older schema would prove another migration. */
async function requireSameRevision(act: Act, led: Migrator, scratch: Scratch): Promise<void> {
  const effect = pointedEffect(tokenOf(act, 'look', act.signal), act.rehearsal.env, scratch.variables);
  const found = await led.revision(act.plan.version.number, effect);
  if (found === act.revision) return;
  throw problem('refused', `the backup is at revision ${found}, the live data at ${act.revision}`, {
    where: act.backup.id,
    next: `Take a new backup: shipway backup create --env ${act.plan.environment}`,
  });
}

/** Under this token the programs of a rehearsal are found and ended when it has died. */
function tokenOf(act: Act, pass: string, signal: AbortSignal): Effect {
  return { ...act.effect, signal, token: `rehearsal/${act.id}/${pass}` };
}

function trialOf(act: Act, led: Migrator, scratch: Scratch) {
  const { plan, rehearsal, tools } = act;
  const subject = {
    VERSION: plan.version.number,
    PREVIOUS_VERSION: plan.previous?.version ?? '',
    COMMIT: plan.version.commit ?? '',
    RELEASE: act.id,
    SERVICE: plan.service,
    ENVIRONMENT: plan.environment,
  };
  return {
    version: plan.version.number,
    revision: act.revision,
    isReversible: hasPlannedWayDown(plan) && led.commandsFor('down').length > 0,
    config: rehearsal,
    scratch,
    migrator: led,
    effectOf: (pass: string, signal: AbortSignal) =>
      pointedEffect(tokenOf(act, pass, signal), rehearsal.env, scratch.variables),
    runCheck: (check: (typeof rehearsal.checks)[number], effect: Effect) =>
      tools.adapters.runCheck(pointedSettings(check, rehearsal.env), subject, effect),
    signal: act.signal,
    tell: act.tell,
  };
}

/** As the step was planned: a tool that shows its way down has the last word, not the release file. */
function hasPlannedWayDown(plan: Plan): boolean {
  const step = stepsOf(plan).find((one) => one.step.id === 'migrate.up')?.step;
  const migrate = step?.input['migrate'] as unknown as MigrateConfig | undefined;
  return migrate?.reversible ?? false;
}
