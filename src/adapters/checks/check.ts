import type { Json } from '../../core/release/json.ts';
import type { Outcome } from '../../core/release/outcome.ts';
import type { Effect } from '../../platform/effect.ts';

/** What a check found, in one sentence and in numbers. */
export interface CheckResult {
  outcome: Outcome;
  /** For a person: measured value against expectation, e.g. `GET /health 503, expected 200`. Secrets are masked. */
  sentence: string;
  /** Raw observations for the record. */
  measured: { [key: string]: Json };
  durationMs: number;
}

/** Values that a check may use besides the environment: `$VERSION`, `$PORT`, `$HOST`, `$BASE` of the instance it looks at. */
export type CheckSubject = Record<string, string>;

/**
 * One measurement. It changes nothing, can be repeated at will, and always ends within its limit with one of four outcomes;
 * it throws only when it is misused.
 */
export interface Check {
  readonly kind: string;
  /** The command line or request, for the plan; secrets unresolved. */
  describe(): string;
  measure(subject: CheckSubject, limitSeconds: number, effect: Effect): Promise<CheckResult>;
}
