import type { JsonObject } from '../core/release/json.ts';
import { isProblem, problem, problemRecord, type ProblemRecord } from '../core/release/problem.ts';
import { gap } from '../platform/gap.ts';
import type { StepRunRow } from '../state/release-tables.ts';
import type { BegunStep } from '../state/step-runs.ts';
import { STEPS } from './steps/index.ts';
import type { Observation, Step, StepContext } from './steps/step.ts';

/** How a step ended. Failures are values, not exceptions: the workflow decides what follows. */
export type StepOutcome =
  | { state: 'finished'; result: JsonObject }
  | { state: 'failed'; problem: ProblemRecord }
  | { state: 'stopped-by-person'; problem: ProblemRecord };

/** The record of one step, bound to one executor. Every write refuses a stale attempt. */
export interface StepRecord {
  /** Counts the attempt up; the row may be handed over when it was read a moment ago. */
  begin(known?: StepRunRow | null): Promise<BegunStep>;
  finish(attempt: number, result: JsonObject): Promise<void>;
  fail(attempt: number, found: ProblemRecord): Promise<void>;
  observed(what: JsonObject): Promise<void>;
  /** Ends whatever an earlier attempt left running on this machine; says how it went. */
  endLeftovers(): Promise<string>;
}

export type ContextFor = (attempt: number, begunAt: string) => StepContext;

/**
 * Does one step exactly once, whatever dies in between:
 * 1. intent: the attempt is counted and journalled before anything is touched;
 * 2. after a crash: end what the dead attempt left running, then observe; done is recorded, half or not begun is acted on,
 *    and what no probe can tell goes to a person;
 * 3. deed, within the step's limit;
 * 4. observation: the result is journalled under the same attempt; a stale worker is refused there.
 */
export async function performStep(
  stepId: string,
  record: StepRecord,
  contextFor: ContextFor,
  known: StepRunRow | null = null,
): Promise<StepOutcome> {
  await gap(`${stepId}:before-intent`);
  const { row, interrupted } = await record.begin(known);
  if (row.state === 'finished' || row.state === 'skipped')
    return { state: 'finished', result: parseResult(row.result) };
  const context = contextFor(row.attempt, row.started_at ?? '');
  await gap(`${stepId}:after-intent`);
  try {
    const result = await decideAndAct(STEPS[context.step.kind], context, { row, interrupted }, record);
    await gap(`${stepId}:after-deed`);
    await record.finish(row.attempt, result);
    await gap(`${stepId}:after-record`);
    return { state: 'finished', result };
  } catch (error) {
    return recordFailure(error, row.attempt, record, context);
  }
}

async function decideAndAct(
  step: Step,
  context: StepContext,
  begun: BegunStep,
  record: StepRecord,
): Promise<JsonObject> {
  if (!begun.interrupted) return actWithin(step, context);
  const ended = await record.endLeftovers();
  const observation = await observe(step, context, begun.row.ruling);
  await record.observed({ state: observation.state, endedLeftovers: ended });
  switch (observation.state) {
    case 'done':
      return observation.result;
    case 'not-begun':
    case 'half':
      return actWithin(step, context);
    case 'cannot-tell':
      throw problem('cannot-tell', `cannot tell whether "${context.step.title}" was done: ${observation.why}`, {
        where: context.step.id,
        next: `Look, then say: shipway resume ${context.releaseId} --step ${context.step.id} --was done|not-done`,
      });
  }
}

/** A person's ruling beats every probe. */
async function observe(step: Step, context: StepContext, ruling: 'done' | 'not-done' | null): Promise<Observation> {
  if (ruling === 'done') return { state: 'done', result: { saidBy: 'person' } };
  if (ruling === 'not-done') return { state: 'not-begun' };
  return step.observe(context);
}

const KILL_GRACE_MS = 20_000; // adapters stop their own programs first; this is the net below them

/** Acts within the step's limit: past it the effect is aborted, and what ran is stopped by the adapters. */
async function actWithin(step: Step, context: StepContext): Promise<JsonObject> {
  if (context.step.kind === 'await-approval' || context.step.kind === 'watch-version') return step.act(context);
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), context.step.limitSeconds * 1000 + KILL_GRACE_MS);
  const signal = AbortSignal.any([context.effect.signal, limit.signal]);
  try {
    return await step.act({ ...context, effect: { ...context.effect, signal } });
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    throw problem(
      'command-timed-out',
      `"${context.step.title}" took longer than its limit of ${context.step.limitSeconds} s`,
      {
        where: context.step.id,
        next: 'Find out what it waited for, or raise the limit in the release file.',
        cause: error,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function recordFailure(
  error: unknown,
  attempt: number,
  record: StepRecord,
  context: StepContext,
): Promise<StepOutcome> {
  const stopped = context.effect.signal.aborted;
  if (isProblem(error) && error.kind === 'stale-worker') throw error;
  const found: ProblemRecord = stopped
    ? {
        kind: 'stopped',
        message: 'a person asked to stop',
        where: context.step.id,
        next: `See: shipway show ${context.releaseId}`,
      }
    : problemRecord(error);
  await record.fail(attempt, found);
  await gap(`${context.step.id}:after-failure`);
  return stopped ? { state: 'stopped-by-person', problem: found } : { state: 'failed', problem: found };
}

function parseResult(text: string | null): JsonObject {
  return text === null ? {} : (JSON.parse(text) as JsonObject);
}
