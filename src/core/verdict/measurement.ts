import type { JsonObject } from '../release/json.ts';
import type { Sample } from './sample.ts';
import { coveredSeconds, type Window } from './window.ts';

/** What was found in the window, before it is compared with the limit. */
export interface Measurement {
  /** null when there is nothing to compare. */
  value: number | null;
  /** Why the value, if any, must not decide; null when it may. */
  doubt: Doubt | null;
  /** The counts behind the value, for the sentence. */
  detail: string;
  /** True when the value is only known to lie above what `value` says. */
  openAbove: boolean;
  used: number;
  query: string;
  points: JsonObject[];
}

export interface Doubt {
  outcome: 'inconclusive' | 'could-not-measure';
  reason: string;
}

/** A measurement that found nothing. */
export function nothing(query: string, doubt: Doubt): Measurement {
  return { value: null, doubt, detail: '', openAbove: false, used: 0, query, points: [] };
}

// A tenth may be missing: one lost sample in ten is ordinary, and waiting for all of them could wait for ever.
const COVERED_SHARE = 0.9;

/** Doubt because of the samples themselves: none, too old, unreadable, or not enough of the window covered. null when they will do. */
export function doubtAboutSamples(
  window: Window,
  isUsable: (sample: Sample) => boolean,
  whyNot: (sample: Sample) => string,
): Doubt | null {
  if (window.staleSeconds !== null) {
    return { outcome: 'inconclusive', reason: `the newest sample is ${Math.round(window.staleSeconds)} s old` };
  }
  if (window.inside.length === 0) return { outcome: 'inconclusive', reason: 'there is no sample yet' };
  const unusable = window.inside.filter((moment) => !isUsable(moment.sample));
  if (unusable.length > window.inside.length / 2) {
    const why = whyNot(unusable.at(-1)!.sample);
    return {
      outcome: 'could-not-measure',
      reason: `${unusable.length} of ${window.inside.length} samples could not be read (${why})`,
    };
  }
  return window.lengthSeconds === 0 ? null : doubtAboutCoverage(window, coveredSeconds(window, isUsable));
}

function doubtAboutCoverage(window: Window, covered: number): Doubt | null {
  // A millionth of slack: sums of decimal seconds are not exact.
  if (covered >= COVERED_SHARE * window.lengthSeconds - 1e-6) return null;
  const needed = Math.ceil(COVERED_SHARE * window.lengthSeconds);
  return {
    outcome: 'inconclusive',
    reason: `samples cover ${Math.floor(covered + 1e-6)} s of the window, ${needed} s are needed`,
  };
}
