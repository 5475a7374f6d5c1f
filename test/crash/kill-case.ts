import { join } from 'node:path';
import { openDatabase } from '../../src/state/open-database.ts';
import { getRelease } from '../../src/state/releases.ts';
import { lockOf } from '../../src/state/locks.ts';
import { verifyJournal } from '../../src/state/journal.ts';
import type { RunningShipway } from '../support/run-shipway.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { CrashProject } from './crash-project.ts';
import type { Gaps } from './gaps.ts';
import { findExecutors, findVictim, killAll, type Victim } from './victims.ts';

const REACH_LIMIT_SECONDS = 60; // a loaded machine needs ten seconds to the end of a release
const END_LIMIT_SECONDS = 120;

export interface KillCase {
  release: string;
  /** What is typed: a release, or a rollback; found out by what has to happen before, where that is done by the victim itself. */
  command: string[] | ((environment: Record<string, string>) => Promise<string[]>);
  gap: string;
  victim: Victim;
  /** How often it is killed at this gap before it is left alone. */
  times: 1 | 2;
}

/** How a case ended, and everything that should not be. */
export interface KillResult {
  state: string;
  cause: string | null;
  faults: string[];
}

/** Runs one release, kills the victim at the gap, starts again, and looks at what is left. */
export async function runKillCase(project: CrashProject, gaps: Gaps, one: KillCase): Promise<KillResult> {
  await waitUntil('the executor before to be gone', () => findExecutors(project.directory).length === 0, {
    limitSeconds: 30,
  });
  const before = project.effects().length;
  const environment = { ...project.environment, ...gaps.environment };
  gaps.disarm();
  const typed = typeof one.command === 'function' ? await one.command(environment) : one.command;
  gaps.arm(one.gap, one.victim === 'shipway' ? 'kill' : 'hold');
  let command = project.start(typed, {
    environment,
    limitSeconds: END_LIMIT_SECONDS,
  });
  for (let kill = 1; kill <= one.times; kill += 1) {
    await reach(gaps, one, command);
    // Only after the first kill the way may lead past the gap; a case in which nothing was killed proves nothing.
    if (kill === 1 && !gaps.isReached(one.gap)) throw new Error(await unreached(project, one, command));
    command = await strike(project, gaps, one, { command, environment, again: kill < one.times });
  }
  await command.ended;
  return inspect(project, one, project.effects().slice(before));
}

/** What is known of a release that ended before its gap: without it nobody could tell why. */
async function unreached(project: CrashProject, one: KillCase, command: RunningShipway): Promise<string> {
  const said = await command.ended.then(
    (end) => `code ${end.exitCode}: ${(end.stdout + end.stderr).slice(-600)}`,
    String,
  );
  const left = await inspect(project, one, []).then(JSON.stringify, String);
  return `${one.release} ended before ${one.gap}: it is ${left}; the command line ended with ${said}`;
}

async function reach(gaps: Gaps, one: KillCase, command: RunningShipway): Promise<void> {
  let hasEnded = false;
  void command.ended.then(() => (hasEnded = true)).catch(() => (hasEnded = true));
  await waitUntil(`${one.release} to reach ${one.gap}`, () => gaps.isReached(one.gap) || hasEnded, {
    limitSeconds: REACH_LIMIT_SECONDS,
  });
}

interface Strike {
  command: RunningShipway;
  environment: Record<string, string>;
  again: boolean;
}

/** Kills the victim; with shipway as the victim also the command line, which is then started again. */
async function strike(project: CrashProject, gaps: Gaps, one: KillCase, now: Strike): Promise<RunningShipway> {
  if (one.victim !== 'shipway') {
    killAll(findVictim(one.victim, project.directory, one.release));
    gaps.letGo(one.gap);
    return now.command;
  }
  now.command.kill('SIGKILL');
  await now.command.ended.catch(() => undefined);
  if (now.again) gaps.forgetReached(one.gap);
  return project.start(['attach', one.release], { environment: now.environment, limitSeconds: END_LIMIT_SECONDS });
}

async function inspect(project: CrashProject, one: KillCase, effects: string[]): Promise<KillResult> {
  const stateDirectory = join(project.directory, '.shipway');
  const database = await openDatabase({ stateDirectory, url: null, applicationName: 'crash test' });
  try {
    const row = await getRelease(database.db, one.release);
    const lock = await lockOf(database.db, 'crash', 'production');
    const journal = await verifyJournal(database.db, {});
    const faults = [
      ...stateFaults(row.state, row.cause),
      ...(lock !== null && row.state !== 'needs-human' ? [`a lock of ${lock.release_id} is left`] : []),
      ...(journal.valid ? [] : [`the journal does not verify: ${JSON.stringify(journal.first_error)}`]),
      ...repeated(effects),
      ...leftWaiting(project, row.state),
    ];
    return { state: row.state, cause: row.cause, faults };
  } finally {
    await database.close();
  }
}

function stateFaults(state: string, cause: string | null): string[] {
  if (state === 'stable' || state === 'rolled-back' || state === 'cancelled') return [];
  if (state === 'needs-human' && cause !== null) return [];
  return [`it ended as ${state}${cause === null ? ' without a cause' : ''}`];
}

/** A copy of the data is of use while its release may go back, and takes room afterwards. */
function leftWaiting(project: CrashProject, state: string): string[] {
  return state === 'needs-human' ? [] : project.waiting().map((name) => `${name} is left`);
}

/** An effect that happened twice: the same instance started, or the same revision written, more than once. */
function repeated(effects: string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of effects) {
    const effect = line.split(' ').slice(0, 2).join(' ');
    counts.set(effect, (counts.get(effect) ?? 0) + 1);
  }
  return [...counts].filter(([, count]) => count > 1).map(([effect, count]) => `"${effect}" happened ${count} times`);
}
