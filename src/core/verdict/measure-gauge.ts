import { isCeiling, type Comparison, type MetricQuantity } from './criterion.ts';
import { whyNoMetrics } from './counter-increases.ts';
import { doubtAboutSamples, nothing, type Measurement } from './measurement.ts';
import { groupOf, isSeriesOf } from './metric-series.ts';
import type { Sample } from './sample.ts';
import type { Window } from './window.ts';

/** The memory share that decides: the one of the window least in breach, because every sample must breach. */
export function measureMemory(window: Window, comparison: Comparison): Measurement {
  const read = (sample: Sample): number | null =>
    sample.memoryShare !== null && sample.memoryShare >= 0 ? finite(sample.memoryShare) : null;
  return leastInBreach(window, {
    read,
    comparison,
    query: 'memory share of the fullest instance',
    whyNot: () => 'no memory use is known',
  });
}

/** A metric's value, summed over its series, or the worst group of series where they are judged apart. */
export function measureMetricValue(window: Window, quantity: MetricQuantity, comparison: Comparison): Measurement {
  const sums = new Map(window.inside.map(({ sample }) => [sample, sumsByGroup(sample, quantity)]));
  const groups = new Set([...sums.values()].flatMap((sum) => [...sum.keys()]));
  const whyNot = (sample: Sample): string =>
    sample.metrics === null ? whyNoMetrics(sample) : `${quantity.metric} is not among the metrics, or no number`;
  const measureGroup = (group: string): Measurement => {
    // A NaN stored as JSON comes back as null, so whatever is not finite means "no number".
    const read = (sample: Sample): number | null => finite(sums.get(sample)?.get(group) ?? Number.NaN);
    return leastInBreach(window, { read, comparison, query: quantity.metric + group, whyNot });
  };
  const found = [...groups].sort().map(measureGroup);
  const worst = found.reduce<Measurement | null>(
    (best, next) => (best === null || isWorse(next, best, comparison) ? next : best),
    null,
  );
  if (worst) return worst;
  const doubt = doubtAboutSamples(window, () => false, whyNot);
  return nothing(quantity.metric, doubt ?? { outcome: 'could-not-measure', reason: `${quantity.metric} is unknown` });
}

interface Gauge {
  read: (sample: Sample) => number | null;
  comparison: Comparison;
  query: string;
  whyNot: (sample: Sample) => string;
}

function leastInBreach(window: Window, { read, comparison, query, whyNot }: Gauge): Measurement {
  const points = window.inside.flatMap(({ sample }) => {
    const value = read(sample);
    return value === null ? [] : [{ atSeconds: sample.atSeconds, value }];
  });
  const doubt = doubtAboutSamples(window, (sample) => read(sample) !== null, whyNot);
  if (points.length === 0)
    return nothing(query, doubt ?? { outcome: 'could-not-measure', reason: 'no value was read' });
  const values = points.map(({ value }) => value);
  const least = isCeiling(comparison);
  const value = least ? Math.min(...values) : Math.max(...values);
  const which = points.length === 1 ? '' : `${least ? 'lowest' : 'highest'} of `;
  const detail = `${which}${points.length} of ${window.inside.length} samples`;
  return { value, doubt, detail, openAbove: false, used: points.length, query, points };
}

// A group that may decide comes before one in doubt; among equals the one further into the breach.
function isWorse(next: Measurement, best: Measurement, comparison: Comparison): boolean {
  if ((next.doubt === null) !== (best.doubt === null)) return next.doubt === null;
  if (next.value === null || best.value === null) return best.value === null && next.value !== null;
  return isCeiling(comparison) ? next.value > best.value : next.value < best.value;
}

function sumsByGroup(sample: Sample, quantity: MetricQuantity): Map<string, number> {
  const sums = new Map<string, number>();
  for (const reading of (sample.metrics ?? []).filter((one) => isSeriesOf(quantity, one))) {
    const group = groupOf(quantity, reading);
    const value = Number.isFinite(reading.value) ? reading.value : Number.NaN;
    sums.set(group, (sums.get(group) ?? 0) + value);
  }
  return sums;
}

// "+ 0" turns -0 into 0, which is what comes back from JSON.
function finite(value: number): number | null {
  return Number.isFinite(value) ? value + 0 : null;
}
