import { isCounted, mayFailEarly, type Comparison, type Criterion } from './criterion.ts';
import { formatComparison, formatQuantity, formatValue } from './format-criterion.ts';
import { formatMeasured, formatWindow } from './format-measured.ts';
import { measureErrorRate } from './measure-error-rate.ts';
import { measureMemory, measureMetricValue } from './measure-gauge.ts';
import { measureIncrease } from './measure-increase.ts';
import { measureFailedChecks, measureUptime } from './measure-probes.ts';
import { measureResponseTime } from './measure-response-time.ts';
import type { Measurement } from './measurement.ts';
import type { Sample } from './sample.ts';
import type { Verdict } from './verdict.ts';
import { cutWindow, type Window } from './window.ts';

export interface JudgeRequest {
  criterion: Criterion;
  /** In the order in which they were taken. */
  samples: Sample[];
  /** Seconds since the watch began. */
  nowSeconds: number;
  /** Samples before this are left out; default: none is. */
  watchStartedSeconds?: number;
  /** How often samples should be taken; the median pause between them counts where that is longer, or this is not known. */
  everySeconds?: number;
  /** Fewer requests than this in the window decide nothing; default 20. */
  requestsMin?: number;
}

// With 20 requests a single failed one is 5 %: below that, one unlucky request would roll a good version back.
const REQUESTS_MIN = 20;

const OPPOSITE: Record<Comparison, string> = { above: '<=', 'at-least': '<', below: '>=', 'at-most': '>' };

/** Judges one criterion at one moment, as docs/reference/criteria.md says. Pure: the same request gives the same verdict, bit for bit. */
export function judge(request: JudgeRequest): Verdict {
  const { criterion, samples, nowSeconds } = request;
  const window = cutWindow({
    samples,
    nowSeconds,
    windowSeconds: criterion.windowSeconds,
    everySeconds: request.everySeconds ?? null,
    watchStartedSeconds: request.watchStartedSeconds ?? null,
  });
  const measured = measure(criterion, window, request.requestsMin ?? REQUESTS_MIN);
  const outcome = outcomeOf(criterion, measured);
  return {
    criterion: criterion.text,
    action: criterion.action,
    outcome,
    sentence: sentenceOf(criterion, measured, outcome),
    value: measured.value,
    comparison: criterion.comparison,
    limit: criterion.limit,
    windowSeconds: criterion.windowSeconds,
    atSeconds: nowSeconds,
    samplesUsed: measured.used,
    samplesInWindow: window.inside.length,
    raw: { query: measured.query, points: measured.points },
  };
}

function measure(criterion: Criterion, window: Window, requestsMin: number): Measurement {
  const { quantity, comparison, limit } = criterion;
  switch (quantity.name) {
    case 'error rate':
      return measureErrorRate(window, requestsMin);
    case 'failed health checks':
      return measureFailedChecks(window);
    case 'uptime':
      return measureUptime(window);
    case 'response time':
      return measureResponseTime(window, { quantile: quantity.quantile, limit, requestsMin });
    case 'memory':
      return measureMemory(window, comparison);
    case 'metric':
      return quantity.reading === 'increase'
        ? measureIncrease(window, quantity, comparison)
        : measureMetricValue(window, quantity, comparison);
  }
}

function outcomeOf(criterion: Criterion, measured: Measurement): Verdict['outcome'] {
  const breached = measured.value !== null && isBreached(criterion, measured.value, measured.openAbove);
  // However little else could be read.
  if (breached && mayFailEarly(criterion)) return 'fail';
  if (measured.doubt) return measured.doubt.outcome;
  if (measured.value === null) return 'inconclusive';
  return breached ? 'fail' : 'pass';
}

function isBreached({ comparison, limit }: Criterion, value: number, openAbove: boolean): boolean {
  switch (comparison) {
    case 'above':
      return openAbove ? value >= limit : value > limit;
    case 'at-least':
      return value >= limit;
    case 'below':
      return !openAbove && value < limit;
    case 'at-most':
      return !openAbove && value <= limit;
  }
}

function sentenceOf(criterion: Criterion, measured: Measurement, outcome: Verdict['outcome']): string {
  const { quantity, comparison, limit, windowSeconds } = criterion;
  const name = formatQuantity(quantity);
  const bound = formatValue(quantity, limit);
  const window = windowSeconds === 0 ? '' : ` ${isCounted(quantity) ? 'in' : 'for'} ${formatWindow(windowSeconds)}`;
  if (measured.value === null || outcome === 'inconclusive' || outcome === 'could-not-measure') {
    const state = outcome === 'could-not-measure' ? 'could not be measured' : 'cannot be judged yet';
    return `${name} ${formatComparison(comparison)} ${bound}${window} ${state}: ${measured.doubt?.reason ?? 'there is no value'}`;
  }
  const value = `${measured.openAbove ? 'more than ' : ''}${formatMeasured(quantity, measured.value, limit)}`;
  const sign = outcome === 'fail' ? formatComparison(comparison) : OPPOSITE[comparison];
  return `${name} ${value} ${sign} ${bound}${window} (${measured.detail})`;
}
