import type { Plan } from '../core/plan/plan.ts';
import { isFinal } from '../core/release/release-state.ts';
import { problem } from '../core/release/problem.ts';
import { errorCode } from '../platform/error-code.ts';
import { journalHead } from '../state/journal.ts';
import { liveVersion } from '../state/live.ts';
import { getRelease } from '../state/releases.ts';
import { stepLines, stepRuns } from '../state/step-runs.ts';
import type { App } from './app.ts';
import { isExecutorAlive } from './ensure-executor.ts';
import { fullStateDisk } from './state-disk.ts';
import { endingOf, type ReleaseEnding } from './release-ending.ts';
import { planOf, viewRelease, viewStep, type ReleaseView, type StepView } from './release-view.ts';

/** What happens in a release, as whoever follows it is told; plain data, also the lines of `--json`. */
export type FollowEvent =
  | { event: 'release'; release: ReleaseView; plan: Plan; steps: StepView[] }
  | { event: 'step'; step: StepView }
  | { event: 'state'; release: ReleaseView }
  | { event: 'progress'; step: string; at: string; line: string }
  | { event: 'executor-started' }
  | { event: 'database-lost'; message: string }
  | { event: 'database-back' }
  /** The built-in database has no room: nothing goes on until there is some; then it does by itself. */
  | { event: 'disk-full'; message: string }
  | { event: 'end'; release: ReleaseView; steps: StepView[]; ending: ReleaseEnding };

const POLL_MS = 150; // a change shows within the blink of an eye; three small queries
const EXECUTOR_LOOK_MS = 500; // how long a dead executor stays unnoticed at most; two small queries
const EXECUTOR_START_MS = 5000; // a new one has loaded and registered by then, also on a busy machine
const VAIN_STARTS_MAX = 5; // half a minute of trying: what stops an executor at its start does not go away by itself
const JUST_STARTED_MS = 15_000; // a release younger than this is still waiting for its executor to come up
const DATABASE_AWAY_MS = 60_000; // the built-in server is back within seconds; after a minute somebody has to look

interface Snapshot {
  release: ReleaseView;
  plan: Plan;
  steps: StepView[];
  lines: { lineNo: string; stepId: string; at: string; line: string }[];
}

/**
 * Tells what happened so far and then everything as it happens, until the release is over or needs a person, or the signal fires.
 * Starts an executor where none lives: that is how a release goes on after its executor was killed. A database that is away is
 * waited for a minute; then it throws `database-unavailable`.
 */
export async function* followRelease(app: App, id: string, signal: AbortSignal): AsyncGenerator<FollowEvent> {
  // Whoever began the release has just started an executor: the first look comes after it had time to register.
  const executor: ExecutorWatch = { lookedAtMs: app.nowMs(), startedAtMs: Number.NEGATIVE_INFINITY, vain: 0 };
  let before: Snapshot | null = null;
  let lastLine = '0';
  let lostAtMs: number | null = null;
  let wasFull = false;
  while (!signal.aborted) {
    const full = fullStateDisk(app);
    if (full !== null && !wasFull) yield { event: 'disk-full', message: full.message };
    wasFull = full !== null;
    try {
      const now: Snapshot = await takeSnapshot(app, id, lastLine);
      if (lostAtMs !== null) yield { event: 'database-back' };
      lostAtMs = null;
      lastLine = now.lines.at(-1)?.lineNo ?? lastLine;
      yield* changesBetween(before, now);
      before = now;
      if (isOver(now.release)) {
        yield await endOf(app, now);
        return;
      }
      if (isOursToRun(app, now.release) && (await startExecutorIfDead(app, executor)))
        yield { event: 'executor-started' };
    } catch (error) {
      if (before === null || !isAway(error)) throw error;
      if (lostAtMs === null) yield { event: 'database-lost', message: messageOf(error) };
      lostAtMs ??= app.nowMs();
      if (app.nowMs() - lostAtMs > DATABASE_AWAY_MS) throw awayTooLong(id, error);
    }
    await app.sleep(POLL_MS);
  }
}

/** Over, or waiting for a person who has to look before anything else happens. */
function isOver(release: ReleaseView): boolean {
  return isFinal(release.state) || release.state === 'needs-human';
}

/** A release of another project is run from there; one that was planned this moment has an executor that is coming up. */
function isOursToRun(app: App, release: ReleaseView): boolean {
  if (release.project !== app.project) return false;
  return release.state !== 'planned' || app.nowMs() - Date.parse(release.createdAt) >= JUST_STARTED_MS;
}

async function takeSnapshot(app: App, id: string, afterLine: string): Promise<Snapshot> {
  const { db } = await app.database();
  // One after the other: the release is read first, so that a state never runs ahead of the steps that led to it.
  const row = await getRelease(db, id);
  const steps = (await stepRuns(db, id)).map(viewStep);
  const lines = await stepLines(db, id, afterLine);
  return { release: viewRelease(row), plan: planOf(row), steps, lines };
}

/** What changed, in the order in which a person understands it: steps, then the state they led to, then the way back. */
export function changesBetween(before: Snapshot | null, now: Snapshot): FollowEvent[] {
  const { release, plan } = now;
  const first: FollowEvent[] = before === null ? [{ event: 'release', release, plan, steps: now.steps }] : [];
  const known = new Map(before?.steps.map((step) => [step.id, step]));
  const changed = now.steps.filter((step) => {
    const old = known.get(step.id);
    return old === undefined ? step.state !== 'pending' : old.state !== step.state || old.attempt !== step.attempt;
  });
  const toEvent = (step: StepView): FollowEvent => ({ event: 'step', step });
  const stateChanged =
    before === null ? release.state !== 'planned' : fingerprint(before.release) !== fingerprint(release);
  return [
    ...first,
    ...changed.filter((step) => !step.isUndo).map(toEvent),
    ...(stateChanged ? [{ event: 'state' as const, release }] : []),
    ...changed.filter((step) => step.isUndo).map(toEvent),
    ...now.lines.map(({ stepId, at, line }) => ({ event: 'progress' as const, step: stepId, at, line })),
  ];
}

function fingerprint({ state, waitingFor, request }: ReleaseView): string {
  return JSON.stringify([state, waitingFor, request]);
}

async function endOf(app: App, { release, plan, steps }: Snapshot): Promise<FollowEvent> {
  const { db } = await app.database();
  const live = await liveVersion(db, release.service, release.environment);
  const known = { live: live?.version ?? null, journalHead: await journalHead(db) };
  return { event: 'end', release, steps, ending: endingOf(release, plan, steps, known) };
}

interface ExecutorWatch {
  lookedAtMs: number;
  startedAtMs: number;
  /** Starts in a row after which no executor was ever seen alive. */
  vain: number;
}

async function startExecutorIfDead(app: App, executor: ExecutorWatch): Promise<boolean> {
  const now = app.nowMs();
  if (now - executor.lookedAtMs < EXECUTOR_LOOK_MS || now - executor.startedAtMs < EXECUTOR_START_MS) return false;
  executor.lookedAtMs = now;
  if (await isExecutorAlive(app)) {
    executor.vain = 0;
    return false;
  }
  if (executor.vain >= VAIN_STARTS_MAX) {
    throw problem('internal', `the executor ended right after its start, ${VAIN_STARTS_MAX} times in a row`, {
      where: `${app.stateDirectory}/log/executor.out`,
      next: 'Its last lines there say why; mend that, then: shipway attach',
    });
  }
  executor.startedAtMs = now;
  executor.vain += 1;
  await app.startExecutor();
  return true;
}

/** Whether the error is the database's absence. Anything else (a release that is not there, a bug) is told at once. */
function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const kind = 'kind' in error ? error.kind : null;
  if (kind !== null) return kind === 'database-unavailable';
  const code = errorCode(error);
  // Classes 08 and 57P of PostgreSQL, the network's own words, and the driver's errors, which carry no code.
  return (
    /^(08|57P|ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOST|ENET)/.test(code) || /connection|terminat|timeout/i.test(error.message)
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function awayTooLong(id: string, cause: unknown): Error {
  return problem('database-unavailable', `the database has been away for ${DATABASE_AWAY_MS / 1000} s`, {
    where: id,
    next: `Bring it back, then: shipway attach ${id}`,
    retry: true,
    cause,
  });
}
