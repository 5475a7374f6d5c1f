import type { Migrator } from '../adapters/migrators/migrator.ts';
import type { Scratch } from '../adapters/stores/store.ts';
import type { RehearsalConfig } from '../core/config/service-config.ts';
import { formatDuration } from '../core/plan/format-duration.ts';
import {
  changedTables,
  compareStates,
  discardedBy,
  lostWrites,
  type Comparison,
} from '../core/rehearsal/compare-states.ts';
import type { DataState } from '../core/rehearsal/data-state.ts';
import type { LockReport } from '../core/rehearsal/lock-tally.ts';
import type { StatementTry } from '../core/rehearsal/old-version.ts';
import type { Pass, Rehearsal, RehearsalFinding } from '../core/rehearsal/rehearsal.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import type { CheckResult } from '../adapters/checks/check.ts';
import type { NamedCheck } from '../core/config/service-config.ts';
import type { Effect } from '../platform/effect.ts';
import { gap } from '../platform/gap.ts';
import { performNew, tryBeside, type OldStatements } from './old-statements.ts';
import { readyStatements, tryOldVersion, type OldVersion } from './try-old-version.ts';

const DIFFERENCES_MAX = 20; // told one by one; whoever has more to mend begins with these
const STALL_TOLD_MS = 250; // from here on somebody at a screen feels it

/** What is found out while the passes are made. */
export type Found = Pick<
  Rehearsal,
  'tookMs' | 'locks' | 'discards' | 'checks' | 'oldVersion' | 'findings' | 'revisionAfter'
> & {
  /** Tables that the way up changed. */
  touched: string[];
};

export interface Trial {
  version: string;
  /** Revision of the copy before anything runs. */
  revision: string;
  isReversible: boolean;
  config: RehearsalConfig;
  scratch: Scratch;
  /** Leads to the scratch. */
  migrator: Migrator;
  /** The effect of one pass; its token names it. */
  effectOf: (pass: string, signal: AbortSignal) => Effect;
  /** The version that runs now. */
  old: OldVersion;
  /** Statements of the new version. */
  newStatements: string[];
  runCheck: (check: NamedCheck, effect: Effect) => Promise<CheckResult>;
  /** Fires when the person does not want it any more. */
  signal: AbortSignal;
  tell: (line: string) => void;
}

/** Up, the old version, the checks, the new version, down, the comparison, and up again. Whatever is wrong with the migration is a finding; anything else is thrown. */
export async function makePasses(trial: Trial, found: Found): Promise<void> {
  const before = await readScratch(trial);
  const look = trial.effectOf('look', trial.signal);
  const ready = await readyStatements(trial, look);
  const beside = await goUp(trial, ready, found);
  if (beside === null) return tellLeft(trial, before, found);
  await gap('rehearse.up');
  found.revisionAfter = await trial.migrator.revision(trial.version, trial.effectOf('look', trial.signal));
  const migrated = await readScratch(trial);
  found.touched = changedTables(before, migrated);
  const isSame = compareStates(before, migrated, everything(trial)).length === 0;
  if (isSame) {
    found.findings.push({ severity: 'note', kind: 'nothing-to-do', sentence: 'up changed nothing in the copy' });
  }
  await tryOldVersion(trial, { ready, during: beside.tries }, found, look);
  const asked = await tryChecks(trial, migrated, found);
  const used = await tryNewVersion(trial, asked, found);
  if (!trial.isReversible) {
    const sentence = 'there is no way down: only the backup takes the schema back';
    found.findings.push({ severity: 'warning', kind: 'no-way-down', sentence });
    return;
  }
  if (!(await pass(trial, 'down', found))) return tellLeft(trial, before, found);
  await gap('rehearse.down');
  judgeDown(trial, { before, migrated, used, restored: await readScratch(trial) }, found);
  if (!(await pass(trial, 'again', found))) return;
  judgeAgain(trial, migrated, await readScratch(trial), found);
}

function readScratch({ scratch, effectOf, signal }: Trial): Promise<DataState> {
  return scratch.read(effectOf('look', signal));
}

function everything({ config }: Trial): Comparison {
  return { ignored: config.ignoreTables, written: [] };
}

interface Ended {
  error: unknown;
  isTooLong: boolean;
  ms: number;
}

/** Up, with the statements of the old version beside it; null when it did not come to its end. */
async function goUp(
  trial: Trial,
  ready: OldStatements | null,
  found: Found,
): Promise<{ tries: StatementTry[][] | null } | null> {
  const seen: { tries: StatementTry[][] | null } = { tries: null };
  const isDone = await pass(trial, 'up', found, async () => {
    if (ready === null) return runLimited(trial, 'up');
    const look = trial.effectOf('look', trial.signal);
    const { result, tries } = await tryBeside(trial.scratch, ready, () => runLimited(trial, 'up'), look);
    seen.tries = tries;
    return result;
  });
  return isDone ? seen : null;
}

/** One way of the migrator, timed and limited; false when it did not come to its end. */
async function pass(
  trial: Trial,
  name: Pass,
  found: Found,
  run: () => Promise<Ended> = () => runLimited(trial, name),
): Promise<boolean> {
  const { scratch, signal, tell } = trial;
  tell(`migrate ${wordOf(name)} …`);
  const look = trial.effectOf('look', signal);
  const { result, locks } = name === 'again' ? { result: await run(), locks: null } : await scratch.watch(run, look);
  if (name !== 'again') noteLocks(trial, name, locks, found);
  signal.throwIfAborted();
  if (result.error === null) {
    found.tookMs[name] = result.ms;
    tell(`migrate ${wordOf(name)} took ${formatDuration(found.tookMs[name] / 1000)}`);
    return true;
  }
  if (!result.isTooLong && !(isProblem(result.error) && result.error.kind === 'migration-failed')) throw result.error;
  await scratch.quiet(look);
  found.findings.push(result.isTooLong ? tooLong(trial, name, locks) : failed(name, result.error));
  return false;
}

async function runLimited(trial: Trial, name: Pass): Promise<Ended> {
  const { migrator, version, revision, config } = trial;
  const limit = new AbortController();
  const over = new AbortController();
  const startedMs = performance.now();
  const since = (): number => performance.now() - startedMs;
  const effect = trial.effectOf(name, AbortSignal.any([trial.signal, limit.signal]));
  const timer = effect.clock.sleep(config.limitSeconds * 1000, over.signal).then(
    () => limit.abort(),
    () => undefined,
  );
  try {
    if (name === 'down') await migrator.down(version, revision, effect);
    else await migrator.up(version, effect);
    return { error: null, isTooLong: false, ms: since() };
  } catch (error) {
    return { error, isTooLong: limit.signal.aborted, ms: since() };
  } finally {
    over.abort();
    await timer;
  }
}

const wordOf = (name: Pass): string => (name === 'again' ? 'up again' : name);

function failed(name: Pass, error: unknown): RehearsalFinding {
  const said = error instanceof Error ? error.message : String(error);
  const sentence =
    name === 'again' ? `up does not run a second time, so that down left something behind: ${said}` : said;
  return { severity: 'failure', kind: `${name}-failed`, sentence };
}

function tooLong({ config }: Trial, name: Pass, locks: LockReport | null): RehearsalFinding {
  const waited = locks?.waited ?? null;
  const why =
    waited === null ? '' : `; it waited ${formatDuration(waited.ms / 1000)} for ${waited.mode} on ${waited.table}`;
  const limit = formatDuration(config.limitSeconds);
  const sentence = `migrate ${wordOf(name)} did not end within ${limit} and was ended${why}`;
  return { severity: 'failure', kind: 'too-long', sentence };
}

function noteLocks({ scratch, config }: Trial, name: 'up' | 'down', locks: LockReport | null, found: Found): void {
  found.locks[name] = locks;
  if (locks === null && scratch.hasLocks) {
    const sentence = `the locks of migrate ${name} could not be looked at`;
    found.findings.push({ severity: 'unknown', kind: 'locks-unseen', sentence });
  }
  const stall = locks?.stall ?? null;
  const maxMs = config.stallSecondsMax === null ? null : config.stallSecondsMax * 1000;
  if (stall === null || stall.ms <= (maxMs ?? STALL_TOLD_MS)) return;
  const most = maxMs === null ? '' : `, at most ${formatDuration(maxMs / 1000)} is allowed`;
  const sentence = `during migrate ${name} a query of somebody else on ${stall.table} waited ${formatDuration(stall.ms / 1000)}${most}`;
  found.findings.push({ severity: maxMs === null ? 'warning' : 'failure', kind: 'long-stall', sentence });
}

/** What a migration that did not come to its end has left in the copy, added to what is said about its end. */
async function tellLeft(trial: Trial, before: DataState, found: Found): Promise<void> {
  const now = await readScratch(trial);
  const left = compareStates(before, now, everything(trial));
  const finding = found.findings.at(-1);
  if (finding === undefined) return;
  const more = left.length > 3 ? `; and ${left.length - 3} more` : '';
  finding.sentence +=
    left.length === 0
      ? '\nthe data is as it was before'
      : `\nit left the data half way: ${left
          .slice(0, 3)
          .map((one) => one.sentence)
          .join('; ')}${more}`;
}

/** Runs the service's own checks on the migrated copy; returns what is in it after them and after the version that was started before them. */
async function tryChecks(trial: Trial, migrated: DataState, found: Found): Promise<DataState> {
  const writers = [
    ...(trial.config.checks.length === 0 ? [] : ['the checks']),
    ...(trial.old.start === null ? [] : ['the version before']),
  ];
  if (writers.length === 0) return migrated;
  for (const check of trial.config.checks) {
    const { outcome, sentence } = await trial.runCheck(check, trial.effectOf('checks', trial.signal));
    trial.signal.throwIfAborted();
    trial.tell(`${outcome}: ${check.name}: ${sentence}`);
    found.checks.push({ name: check.name, outcome, sentence });
    if (outcome === 'fail')
      found.findings.push({ severity: 'failure', kind: 'check-failed', sentence: `${check.name}: ${sentence}` });
    else if (outcome !== 'pass')
      found.findings.push({ severity: 'unknown', kind: 'check-unknown', sentence: `${check.name}: ${sentence}` });
  }
  const used = await readScratch(trial);
  const written = changedTables(migrated, used);
  if (written.length > 0) {
    const sentence = `${writers.join(' or ')} wrote into ${written.join(', ')}: whether down brings back the rows there is not compared`;
    found.findings.push({ severity: 'warning', kind: 'checks-wrote', sentence });
  }
  return used;
}

/** Runs the statements of the new version for good, so that down meets rows that only it could write; returns what is in it then. */
async function tryNewVersion(trial: Trial, asked: DataState, found: Found): Promise<DataState> {
  const { scratch, newStatements, signal } = trial;
  if (newStatements.length === 0) return asked;
  found.findings.push(...(await performNew(scratch, newStatements, trial.effectOf('look', signal))));
  const used = await readScratch(trial);
  const written = changedTables(asked, used);
  const where = written.length === 0 ? 'changed no row' : `wrote into ${written.join(', ')}`;
  found.findings.push({ severity: 'note', kind: 'new-wrote', sentence: `the statements of the new version ${where}` });
  return used;
}

interface States {
  before: DataState;
  migrated: DataState;
  used: DataState;
  restored: DataState;
}

function judgeDown(trial: Trial, { before, migrated, used, restored }: States, found: Found): void {
  const written = changedTables(migrated, used);
  const differences = compareStates(before, restored, { ...everything(trial), written });
  for (const { kind, sentence } of differences.slice(0, DIFFERENCES_MAX)) {
    const severity = kind === 'order' || kind === 'wider' ? 'warning' : 'failure';
    found.findings.push({ severity, kind: 'not-restored', sentence: `after down: ${sentence}` });
  }
  if (differences.length > DIFFERENCES_MAX) {
    const sentence = `after down: ${differences.length - DIFFERENCES_MAX} more differences`;
    found.findings.push({ severity: 'failure', kind: 'not-restored', sentence });
  }
  const ignored = trial.config.ignoreTables;
  found.discards = [...discardedBy(used, restored, ignored), ...lostWrites({ migrated, used, restored }, ignored)];
  for (const { name, count, unit } of found.discards) {
    const sentence = `down throws away ${name}: ${count} ${unit}`;
    found.findings.push({ severity: 'warning', kind: 'discards', sentence });
  }
}

/** Rows are not compared: what a migration fills in may hold the time. What down did not take back has been told. */
function judgeAgain(trial: Trial, migrated: DataState, again: DataState, found: Found): void {
  if (found.findings.some((one) => one.kind === 'not-restored' && one.severity === 'failure')) return;
  const written = [...migrated.tables, ...again.tables].map((table) => table.name);
  for (const { kind, sentence } of compareStates(migrated, again, { ...everything(trial), written })) {
    if (kind === 'order') continue;
    found.findings.push({ severity: 'failure', kind: 'again-differs', sentence: `after up again: ${sentence}` });
  }
}

export function nothingFound(): Found {
  return {
    tookMs: {},
    locks: { up: null, down: null },
    discards: [],
    checks: [],
    oldVersion: null,
    findings: [],
    revisionAfter: null,
    touched: [],
  };
}

export function stopped(): Error {
  return problem('stopped', 'the rehearsal was stopped before its end; the copy is removed', {
    next: 'Start it again: shipway rehearse',
  });
}
