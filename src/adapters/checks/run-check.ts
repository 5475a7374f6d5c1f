import { redact } from '../../platform/redact.ts';
import type { Effect } from '../../platform/effect.ts';
import type { Check, CheckResult, CheckSubject } from './check.ts';
import { notMeasured } from './not-measured.ts';

/** How a check is repeated until it passes. */
export interface Repetition {
  name: string;
  /** Tries in all; 1 = no retry. */
  tries: number;
  /** Pause between tries. */
  everySeconds: number;
  /** Limit of one try. */
  timeoutSeconds: number;
}

/** Measures until it passes or the tries are used up; returns the last try with its reason and the count of tries. Ends early on abort. */
export async function runCheck(
  named: Repetition,
  check: Check,
  subject: CheckSubject,
  effect: Effect,
): Promise<CheckResult> {
  const tries = Math.max(1, Math.floor(named.tries));
  for (let attempt = 1; ; attempt++) {
    if (effect.signal.aborted) return notMeasured(`${check.describe()} was stopped before try ${attempt}`);
    const result = await check.measure(subject, named.timeoutSeconds, effect);
    if (result.outcome === 'pass' || attempt >= tries) return counted(result, attempt, tries);
    effect.report(redact(`${named.name}: try ${attempt} of ${tries}: ${result.sentence}`));
    await pauseUntilNext(named.everySeconds, effect);
  }
}

function counted(result: CheckResult, attempt: number, tries: number): CheckResult {
  const sentence = tries === 1 ? result.sentence : `${result.sentence} (try ${attempt} of ${tries})`;
  return { ...result, sentence, measured: { ...result.measured, tries: attempt } };
}

// An abort ends the pause with an error; the loop then says that it was stopped.
async function pauseUntilNext(seconds: number, effect: Effect): Promise<void> {
  try {
    await effect.clock.sleep(seconds * 1000, effect.signal);
  } catch (error) {
    if (!effect.signal.aborted) throw error;
  }
}
