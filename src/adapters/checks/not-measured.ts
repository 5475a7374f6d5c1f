import { isProblem } from '../../core/release/problem.ts';
import { redact } from '../../platform/redact.ts';
import type { CheckResult } from './check.ts';

/** The result of a check that could not be made, for a reason on our side: it tells nothing about the service. */
export function notMeasured(sentence: string, durationMs = 0): CheckResult {
  return { outcome: 'could-not-measure', sentence: redact(sentence), measured: {}, durationMs };
}

/** A problem before anything was asked (a variable that is missing, a program that does not start) as a result; anything unexpected is thrown on. */
export function notMeasuredBecause(error: unknown, what: string): CheckResult {
  if (!isProblem(error)) throw error;
  return notMeasured(`${what} was not measured: ${error.message}. ${error.next}`);
}
