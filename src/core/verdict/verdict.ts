import type { JsonObject } from '../release/json.ts';
import type { Outcome } from '../release/outcome.ts';
import type { Comparison, CriterionAction } from './criterion.ts';

/** What a criterion came to, with everything needed to compute it again. JSON throughout, so that it is journalled as it is. */
export interface Verdict {
  /** The criterion as written in the release file. */
  criterion: string;
  action: CriterionAction;
  /** `fail` is a breach. Only `fail` sets the action off; the other three never do. */
  outcome: Outcome;
  /** For a person: measured value, limit, window, counts, or why there is no value. */
  sentence: string;
  /** In the unit of the criterion (fraction, seconds, count), or null when nothing was measured. */
  value: number | null;
  comparison: Comparison;
  limit: number;
  windowSeconds: number;
  /** The moment of the judgement, seconds since the watch began. */
  atSeconds: number;
  /** Samples that could be used, of those that lie in the window. */
  samplesUsed: number;
  samplesInWindow: number;
  raw: {
    /** What was read from the samples, in words of the metrics. */
    query: string;
    /** One entry per used sample: the numbers the value was computed from. */
    points: JsonObject[];
  };
}
