import type { WatchConfig } from '../core/config/service-config.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import { formatDuration } from '../core/plan/format-duration.ts';
import type { PlannedStep } from '../core/plan/plan.ts';
import type { JsonObject } from '../core/release/json.ts';
import { isProblem, problemRecord, type ProblemRecord } from '../core/release/problem.ts';
import { judgeWatch } from '../core/verdict/judge-watch.ts';
import { scaledClock, type Clock } from '../platform/clock.ts';
import { gap } from '../platform/gap.ts';
import { getRelease, moveRelease, requestOfRelease } from '../state/releases.ts';
import { stepRuns } from '../state/step-runs.ts';
import { keepRound, roundsOf, type StoredRound } from '../state/watch-samples.ts';
import { waitWhilePaused, type ActiveRequests } from './active-requests.ts';
import type { Executor } from './engine-parts.ts';
import { loadRelease, plannedStep, type LoadedRelease } from './loaded-release.ts';
import { actorOf, followUp, recordOf, stopMessage, type Next } from './run-release.ts';
import { effectFor } from './step-context.ts';
import { guarded } from './step-record.ts';
import { takeSample } from './take-sample.ts';

/** What the judge said about a round; kept with its sample. */
type Judged = ReturnType<typeof judgeWatch>;

/** What follows a round of the watch. */
export type RoundNext = { next: 'round' } | { next: 'end' } | { next: 'roll-back'; cause: ProblemRecord };

// The timeline of the documents: when a person looks at the numbers although nothing is wrong. Minutes after the deploy.
const CHECKPOINT_MINUTES = [0, 5, 10, 15, 30, 60, 120];

/** Remembers, per release, when this process took the last round: within one process time is monotonic, whatever the wall clock does. */
const lastTaken = new Map<string, { round: number; monotonicMs: number }>();

/** Where a watch begins. */
export interface WatchBegin {
  /** Rounds before it were acted on by an earlier run, and by the person who let the release go on; null when the whole watch is done. */
  firstRound: number | null;
}

/** Says that the watch runs. The intent is journalled once; a resumed watch goes on where its samples end. */
export async function beginWatch(executor: Executor, releaseId: string, stepId: string): Promise<WatchBegin> {
  const release = await loadRelease(executor, releaseId);
  await gap(`${stepId}:before-intent`);
  const run = (await stepRuns(executor.database.db, releaseId)).find((one) => one.step_id === stepId);
  if (run?.state === 'finished') return { firstRound: null };
  // A watch that another executor began goes on under the same attempt: its rounds are fenced by being kept once.
  if (run?.state !== 'started') await recordOf(executor, release, stepId).begin();
  await gap(`${stepId}:after-intent`);
  await guarded(executor, () =>
    moveRelease(executor.database.db, releaseId, { to: 'watching', actor: actorOf(executor) }),
  );
  const rounds = await guarded(executor, () => roundsOf(executor.database.db, releaseId));
  return { firstRound: rounds.length };
}

/** One round: wait until it is due, measure, judge over everything seen, keep sample and verdicts, and say what follows. */
export async function watchRound(
  executor: Executor,
  requests: ActiveRequests,
  releaseId: string,
  at: { stepId: string; round: number },
): Promise<RoundNext> {
  const release = await loadRelease(executor, releaseId);
  const step = plannedStep(release, at.stepId);
  const watch = step.input['watch'] as unknown as WatchConfig;
  const signal = AbortSignal.any([requests.signalOf(releaseId), executor.lost]);
  const rounds = await guarded(executor, () => roundsOf(executor.database.db, releaseId));
  const known = rounds.find((stored) => stored.round === at.round);
  try {
    await gap(`${at.stepId}:before-round`);
    const stored = known ?? (await measure(executor, release, { step, watch, round: at.round, rounds, signal }));
    await gap(`${at.stepId}:after-round`);
    return await nextAfter(executor, release, { watch, stored, signal });
  } catch (error) {
    if (!signal.aborted) return { next: 'roll-back', cause: causeOf(error) };
    if (executor.lost.aborted) return new Promise(() => undefined);
    const now = await loadRelease(executor, releaseId);
    return {
      next: 'roll-back',
      cause: { kind: 'stopped', message: stopMessage(now), where: step.id, next: `See: shipway show ${releaseId}` },
    };
  }
}

/** An error of our own is no verdict on the version: a person decides, and nothing is taken back on a guess. */
function causeOf(error: unknown): ProblemRecord {
  const found = problemRecord(error);
  return isProblem(error) ? found : { ...found, kind: 'cannot-tell', message: `the watch broke off: ${found.message}` };
}

interface RoundToMeasure {
  step: PlannedStep;
  watch: WatchConfig;
  round: number;
  rounds: StoredRound[];
  signal: AbortSignal;
}

/** Measures a round and keeps it. */
async function measure(executor: Executor, release: LoadedRelease, todo: RoundToMeasure): Promise<StoredRound> {
  const { step, watch, round, rounds, signal } = todo;
  const clock = clockOf(executor, release);
  const atSeconds = await waitUntilDue(release.row.id, { clock, rounds, everySeconds: watch.everySeconds, signal });
  const effect = effectFor(executor, release, `${release.row.id}/${step.id}/${round}`, signal);
  const sample = await takeSample(executor.adapters, release, watch, { effect, atSeconds });
  const takenAtMs = clock.nowMs();
  lastTaken.set(release.row.id, { round, monotonicMs: performance.now() });
  const since = resumedSince(rounds);
  const samples = [...rounds.filter((stored) => stored.round >= since).map((stored) => stored.sample), sample];
  const judgement = judgeWatch({ config: watch, samples, atSeconds });
  const said = announce(executor, release, {
    effect,
    judgement,
    atSeconds,
    everySeconds: watch.everySeconds,
    watchSeconds: watch.watchSeconds,
  });
  const stored: StoredRound = {
    round,
    atSeconds,
    takenAtMs,
    sample,
    verdicts: withoutRaw(judgement),
    action: judgement.action?.kind ?? null,
  };
  await guarded(executor, () => keepRound(executor.database.db, release.row.id, stored, said));
  return stored;
}

/** The samples hold the raw numbers already; kept with every verdict again they would grow with the square of the rounds. */
function withoutRaw(judgement: Judged): Judged {
  const bare = (verdict: Judged['verdicts'][number]) => ({ ...verdict, raw: { ...verdict.raw, points: [] } });
  return { ...judgement, verdicts: judgement.verdicts.map(bare) };
}

/** After a breached criterion that called a person, that person looked: what was seen before no longer counts against the version. */
function resumedSince(rounds: StoredRound[]): number {
  const breached = rounds.findLast((stored) => stored.action === 'pause' || stored.action === 'roll-back');
  return breached === undefined ? 0 : breached.round + 1;
}

function clockOf(executor: Executor, release: LoadedRelease): Clock {
  return scaledClock(Date.parse(release.row.created_at), release.row.speed, executor.clock);
}

interface Due {
  clock: Clock;
  rounds: StoredRound[];
  everySeconds: number;
  signal: AbortSignal;
}

/**
 * Waits until the next round is due and returns its place on the timeline. Time in which nobody watched (a crash) does not count as
 * watched, and a wall clock that jumps moves the timeline by one interval at most.
 */
async function waitUntilDue(releaseId: string, due: Due): Promise<number> {
  const previous = due.rounds.at(-1);
  if (previous === undefined) return 0;
  const elapsed = elapsedSeconds(releaseId, previous, due);
  const rest = Math.max(0, due.everySeconds - elapsed);
  const startedMs = performance.now();
  await due.clock.sleep(rest * 1000, due.signal);
  const waited = ((performance.now() - startedMs) / 1000) * due.clock.speed;
  return previous.atSeconds + elapsed + waited;
}

function elapsedSeconds(releaseId: string, previous: StoredRound, due: Due): number {
  const own = lastTaken.get(releaseId);
  if (own !== undefined && own.round === previous.round)
    return ((performance.now() - own.monotonicMs) / 1000) * due.clock.speed;
  const byWall = (due.clock.nowMs() - previous.takenAtMs) / 1000;
  return Math.min(due.everySeconds, Math.max(0, byWall));
}

async function nextAfter(
  executor: Executor,
  release: LoadedRelease,
  { watch, stored, signal }: { watch: WatchConfig; stored: StoredRound; signal: AbortSignal },
): Promise<RoundNext> {
  const { action } = stored.verdicts as Judged;
  if (action?.kind === 'roll-back') {
    const where = `T+${formatDuration(stored.atSeconds)}`;
    return {
      next: 'roll-back',
      cause: {
        kind: 'check-failed',
        message: action.verdict.sentence,
        where,
        next: 'Mend the cause, then release a new version.',
      },
    };
  }
  if (action?.kind === 'pause') await pauseForCriterion(executor, release, action.verdict.sentence, signal);
  if (release.row.request === 'pause') await waitForPerson(executor, release, signal);
  // Nobody watched during the pause, so it does not count as watched.
  if (action?.kind === 'pause' || release.row.request === 'pause') {
    lastTaken.set(release.row.id, { round: stored.round, monotonicMs: performance.now() });
  }
  return { next: stored.atSeconds >= watch.watchSeconds ? 'end' : 'round' };
}

async function pauseForCriterion(
  executor: Executor,
  release: LoadedRelease,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const row = await getRelease(executor.database.db, release.row.id);
  await guarded(executor, () =>
    requestOfRelease(executor.database.db, row, { word: 'pause', person: 'shipway', reason }),
  );
  await waitForPerson(
    executor,
    { ...release, row: { ...row, request: 'pause', request_by: 'shipway', request_reason: reason } },
    signal,
  );
}

async function waitForPerson(executor: Executor, release: LoadedRelease, signal: AbortSignal): Promise<void> {
  const { id, request_by: by, request_reason: reason } = release.row;
  const waitingFor: JsonObject = { kind: 'pause', by, reason };
  await guarded(executor, () =>
    moveRelease(executor.database.db, id, { to: 'waiting', actor: actorOf(executor), waitingFor, data: waitingFor }),
  );
  await waitWhilePaused(executor, id, executor.clock, signal);
  await guarded(executor, () => moveRelease(executor.database.db, id, { to: 'watching', actor: actorOf(executor) }));
}

interface Announcement {
  effect: ReturnType<typeof effectFor>;
  judgement: Judged;
  atSeconds: number;
  everySeconds: number;
  watchSeconds: number;
}

/** Tells the person who watches about every round; returns what the journal is told, which is checkpoints and breaches. */
function announce(executor: Executor, release: LoadedRelease, said: Announcement): JournalEvent | null {
  const { judgement, atSeconds, everySeconds, watchSeconds } = said;
  const place = `T+${formatDuration(atSeconds)} of ${formatDuration(watchSeconds)}`;
  const worst =
    judgement.action?.verdict ??
    judgement.verdicts.find((verdict) => verdict.outcome !== 'pass') ??
    judgement.verdicts[0];
  said.effect.report(worst === undefined ? place : `${place}  ${worst.sentence}`);
  const isCheckpoint = CHECKPOINT_MINUTES.some(
    (minute) => atSeconds >= minute * 60 && atSeconds - everySeconds < minute * 60,
  );
  if (!isCheckpoint && judgement.action === null) return null;
  const { service, environment } = release.plan;
  const verdicts = judgement.verdicts.map((verdict) => ({ outcome: verdict.outcome, sentence: verdict.sentence }));
  const frame = { release: release.row.id, service, environment, actor: actorOf(executor) };
  return judgement.action === null
    ? { ...frame, type: 'watch.verdict', data: { at: place, verdicts } }
    : { ...frame, type: 'watch.breached', data: breachData(judgement.action, place) };
}

/** The whole verdict of a breach, with its raw numbers, so that it can be computed again from the journal alone. */
function breachData({ kind, verdict }: NonNullable<Judged['action']>, place: string) {
  return {
    criterion: verdict.criterion,
    action: kind,
    at: place,
    verdict: JSON.parse(JSON.stringify(verdict)) as JsonObject,
  };
}

/** Records that the whole time was watched and nothing was breached. */
export async function endWatch(executor: Executor, releaseId: string, stepId: string): Promise<Next> {
  const release = await loadRelease(executor, releaseId);
  const rounds = await guarded(executor, () => roundsOf(executor.database.db, releaseId));
  const run = (await stepRuns(executor.database.db, releaseId)).find((step) => step.step_id === stepId);
  const result = { rounds: rounds.length, watchedSeconds: rounds.at(-1)?.atSeconds ?? 0 };
  if (run?.state !== 'finished') await recordOf(executor, release, stepId).finish(run?.attempt ?? 0, result);
  await gap(`${stepId}:after-record`);
  return { next: 'go-on' };
}

/** Records why the watch ended before its time, and what follows from the plan. */
export async function breakWatch(
  executor: Executor,
  releaseId: string,
  broken: { stepId: string; cause: ProblemRecord },
): Promise<Next> {
  const release = await loadRelease(executor, releaseId);
  const step = plannedStep(release, broken.stepId);
  const record = recordOf(executor, release, broken.stepId);
  const run = (await stepRuns(executor.database.db, releaseId)).find((one) => one.step_id === broken.stepId);
  if (run?.state === 'started') await record.fail(run.attempt, broken.cause);
  return followUp(executor, release, step, broken.cause);
}
